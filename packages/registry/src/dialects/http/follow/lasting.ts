/** The streams and polls that are open: they end when the registry stops, or when their client may stay no longer. */
import type { Access, Refused } from "../../../core/index.ts";
import type { Metrics } from "../../contract.ts";
import type { Exchange, Lasting, Visit } from "../desk.ts";

export class OpenVisits implements Lasting {
  draining = false;
  readonly #access: Access;
  readonly #metrics: Metrics;
  readonly #open = new Map<Visit, Exchange>();
  readonly #forget: () => void;

  constructor(access: Access, metrics: Metrics) {
    this.#access = access;
    this.#metrics = metrics;
    this.#forget = access.onChange(() => this.#endRevoked());
  }

  enter(visit: Visit, exchange: Exchange): () => void {
    this.#open.set(visit, exchange);
    this.#metrics.watchers("http", 1);
    return () => {
      if (this.#open.delete(visit)) this.#metrics.watchers("http", -1);
    };
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
