/** @live Whether etcd does what is asked of it: told in the log when it begins and when it is over. */
import type { Logger } from "pino";
import type { Clock } from "../../core/index.ts";
import { sayWhy } from "../../net/why.ts";
import type { Client } from "./client/client.ts";
import type { Keys } from "./keys.ts";

export interface HealthOptions {
  readonly client: Client;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Pick<Logger, "info" | "warn" | "error"> | undefined;
  /** Changes are refused from so long on. */
  readonly patienceMs: number;
}

/** How often it is looked whether etcd takes changes again: nobody sends any to a registry that is not ready. */
const PROBE_MS = 1000;

export class Health {
  readonly #options: HealthOptions;
  readonly #troubles = new Set<string>();
  /** Since when etcd takes no changes, and why; null while it does. */
  #away: { readonly sinceMs: number; readonly why: string } | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#probe(), PROBE_MS).unref();
  }

  /** A change got an answer (null), or none after so long. */
  tried(error: unknown, waitedMs: number): void {
    const { clock, log } = this.#options;
    if (error === null) {
      if (this.#away !== null) log?.info("etcd takes changes again");
      this.#away = null;
      return;
    }
    const why = explainCall(error);
    if (this.#away === null) log?.warn(why);
    this.#away = { sinceMs: this.#away?.sinceMs ?? clock.monotonic() - waitedMs, why };
  }

  /** Something else works (null), or does not. */
  told(what: string, error: unknown): void {
    const { log } = this.#options;
    if (error === null) {
      if (this.#troubles.delete(what)) log?.info(`${what} works again`);
    } else if (!this.#troubles.has(what)) {
      this.#troubles.add(what);
      log?.warn(`${what}: ${explainCall(error)}`);
    }
  }

  /** Why changes are refused; null while they are not. */
  get refusing(): string | null {
    const { clock, patienceMs } = this.#options;
    return this.#away !== null && clock.monotonic() - this.#away.sinceMs >= patienceMs ? this.#away.why : null;
  }

  #probe(): void {
    if (this.#away === null) return;
    const then = [{ kind: "put", key: this.#options.keys.probe, value: Buffer.from("1") } as const];
    this.#options.client.transact({ guards: [], then }).then(
      () => this.tried(null, 0),
      (error: unknown) => this.tried(error, 0),
    );
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

export function explainCall(error: unknown): string {
  const why = sayWhy(error);
  if (why.includes("database space exceeded"))
    return `etcd takes no more changes, its database is full: compact and defragment it, raise its quota, and disarm its alarm (${why})`;
  return `etcd does not do what is asked of it: ${why}`;
}
