/** The streams and polls that are open: they end when the registry stops, or when their client may stay no longer. */
import type { Access, Refused } from "../../../core/index.ts";
import type { House, Metrics } from "../../contract.ts";
import type { Exchange, Lasting, Visit } from "../desk.ts";

type Log = Pick<House["log"], "debug">;

export class OpenVisits implements Lasting {
  draining = false;
  readonly #access: Access;
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #open = new Map<Visit, Exchange>();
  readonly #forget: () => void;

  constructor(access: Access, metrics: Metrics, log: Log) {
    this.#access = access;
    this.#metrics = metrics;
    this.#log = log;
    this.#forget = access.onChange(() => this.#endRevoked());
  }

  enter(visit: Visit, exchange: Exchange): () => void {
    this.#open.set(visit, exchange);
    this.#metrics.watchers("http", 1);
    this.#tell(exchange, "watch opened");
    return () => {
      if (!this.#open.delete(visit)) return;
      this.#metrics.watchers("http", -1);
      this.#tell(exchange, "watch closed");
    };
  }

  #tell({ request, account, principal }: Exchange, what: string): void {
    this.#log.debug({ account, who: principal.name, path: request.path, open: this.#open.size }, what);
  }

  drain(): void {
    if (this.draining) return;
    this.draining = true;
    for (const visit of [...this.#open.keys()]) visit.bye();
  }

  close(): void {
    this.drain();
    this.#forget();
  }

  findRevoked({ request: { token }, account, role }: Exchange): Refused | undefined {
    const now = token.ok ? this.#access.authenticate(token.value) : token;
    if (!now.ok) return now;
    const allowed = this.#access.allow(now.value, account, role);
    return allowed.ok ? undefined : allowed;
  }

  #endRevoked(): void {
    for (const [visit, exchange] of [...this.#open]) {
      const revoked = this.findRevoked(exchange);
      if (revoked !== undefined) visit.bye(revoked);
    }
  }
}
