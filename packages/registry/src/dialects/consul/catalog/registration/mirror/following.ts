/**
 * @live All services of another Consul, followed by queries that wait. Each of them has a query of its own; where there
 * are more than connections, they take turns.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Session } from "../../../../../mirrors/sessions.ts";
import type { Json } from "../../../../../net/routes/json.ts";
import { sayWhy } from "../../../../../net/why.ts";
import type { MirrorSettings } from "../../../settings.ts";
import { CONSUL } from "../../listing.ts";
import { CONNECTIONS, Source, type Told, WAIT_MS } from "./source.ts";

/** Of more services than connections, each is asked for once in so long. */
const TURN_MS = 15_000;
/** Changes in a shorter time are taken together. */
const PAUSE_MS = 100;

export interface Follower {
  /** The names of all services that there are; also told when nothing is new. */
  onServices(names: ReadonlySet<string>): Promise<void>;
  /** All that there is of a service, as `health/service` lists it; also told when nothing is new. */
  onService(name: string, found: readonly Json[]): Promise<void>;
  /** Called once. */
  onEnd(why: string): void;
}

export class Following implements Session {
  readonly #source: Source;
  readonly #follower: Follower;
  readonly #abort = new AbortController();
  readonly #loops = new Set<Promise<void>>();
  #names: ReadonlySet<string> = new Set();
  /** The index of each service that is asked for, now or in its turn. */
  readonly #indexes = new Map<string, number>();
  /** Those whose turn is to come. */
  #waiting: string[] = [];
  #asking = 0;

  constructor(settings: MirrorSettings, follower: Follower) {
    this.#source = new Source(settings);
    this.#follower = follower;
    this.#run(() => this.#followNames());
  }

  close(why: string): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#source.close();
    this.#follower.onEnd(why);
  }

  /** Resolves when all that was told has been taken, after `close`. */
  async ended(): Promise<void> {
    await Promise.all(this.#loops);
  }

  #run(loop: () => Promise<void>): void {
    const running = loop()
      .catch((error: unknown) => this.close(sayWhy(error)))
      .finally(() => this.#loops.delete(running));
    this.#loops.add(running);
  }

  #ask(path: string, index: number, waitMs: number): Promise<Told> {
    return this.#source.ask(path, index, waitMs, this.#abort.signal);
  }

  #pause(): Promise<void> {
    return sleep(PAUSE_MS, undefined, { signal: this.#abort.signal });
  }

  async #followNames(): Promise<void> {
    for (let index = 0; ; ) {
      const told = await this.#ask("catalog/services", index, WAIT_MS);
      index = told.index;
      await this.#takeNames(told.body);
      await this.#pause();
    }
  }

  async #takeNames(body: Json): Promise<void> {
    this.#names = new Set(Object.keys(body as object).filter((name) => name !== CONSUL));
    await this.#follower.onServices(this.#names);
    for (const name of this.#names) {
      if (this.#indexes.has(name)) continue;
      this.#indexes.set(name, 0);
      this.#waiting.push(name);
    }
    this.#next();
  }

  #next(): void {
    const some = this.#waiting.splice(0, CONNECTIONS - this.#asking);
    for (const name of some) {
      this.#asking++;
      this.#run(() => this.#take(name));
    }
  }

  async #take(name: string): Promise<void> {
    const { size } = this.#indexes;
    const waitMs = size > CONNECTIONS ? (TURN_MS * CONNECTIONS) / size : WAIT_MS;
    const path = `health/service/${encodeURIComponent(name)}`;
    const told = await this.#ask(path, this.#indexes.get(name) ?? 0, waitMs);
    this.#indexes.set(name, told.index);
    const found = told.body as readonly Json[];
    // Whether it is the only one that is empty.
    if (found.length === 0) await this.#takeNames((await this.#ask("catalog/services", 0, 0)).body);
    if (this.#names.has(name)) await this.#follower.onService(name, found);
    this.#asking--;
    this.#next();
    await this.#pause();
    if (this.#names.has(name)) this.#waiting.push(name);
    else this.#indexes.delete(name);
    this.#next();
  }
}
