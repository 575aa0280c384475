/** The streams and polls that are open: they end when the registry stops, or when their client may stay no longer. */
import type { Access, Refused } from "../../../core/index.ts";
import { type Visit, Visits } from "../../../net/routes/visits.ts";
import type { House, Metrics } from "../../contract.ts";
import type { Exchange, Lasting } from "../desk.ts";

type Log = Pick<House["log"], "debug">;

export class OpenVisits implements Lasting {
  readonly #access: Access;
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #visits: Visits<Exchange>;

  constructor(access: Access, metrics: Metrics, log: Log) {
    this.#access = access;
    this.#metrics = metrics;
    this.#log = log;
    this.#visits = new Visits(access, (exchange) => this.findRevoked(exchange));
  }

  get draining(): boolean {
    return this.#visits.draining;
  }

  enter(visit: Visit, exchange: Exchange): () => void {
    this.#visits.enter(visit, exchange);
    this.#metrics.watchers("http", 1);
    this.#tell(exchange, "watch opened");
    return () => {
      if (this.#visits.leave(visit) === undefined) return;
      this.#metrics.watchers("http", -1);
      this.#tell(exchange, "watch closed");
    };
  }

  #tell({ request, account, principal }: Exchange, what: string): void {
    this.#log.debug({ account, who: principal.name, path: request.path, open: this.#visits.size }, what);
  }

  drain(): void {
    this.#visits.drain();
  }

  close(): void {
    this.#visits.close();
  }

  findRevoked({ request: { token }, account, role }: Exchange): Refused | undefined {
    const now = token.ok ? this.#access.authenticate(token.value) : token;
    if (!now.ok) return now;
    const allowed = this.#access.allow(now.value, account, role);
    return allowed.ok ? undefined : allowed;
  }
}
