/** @live Whether etcd does what is asked of it, and whether this node keeps up: told in the log when it begins and ends. */
import type { Logger } from "pino";
import type { Clock, Revision, StoreMember } from "../../../core/index.ts";
import { sayFailure } from "../client/channel.ts";
import type { Client } from "../client/client.ts";
import { type Keys, readTop } from "../keys.ts";
import { surveyMembers } from "./survey.ts";

export interface HealthOptions {
  readonly client: Client;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Pick<Logger, "info" | "warn" | "error"> | undefined;
  /** Changes are refused from so long on. */
  readonly patienceMs: number;
  /** The end of the order as it is known here. */
  known(): Revision;
}

/** How far this node is behind what the order has in etcd. */
export interface Behind {
  readonly revisions: number;
  readonly ms: number;
}

/** How often etcd is asked for the end of the order, and whether it takes changes again when it took none. */
const PROBE_MS = 1000;
const SURVEY_MS = 3000;
const AHEAD_MAX = 600;
const NOT_BEHIND: Behind = { revisions: 0, ms: 0 };

interface Trouble {
  readonly sinceMs: number;
  readonly why: string;
}

export class Health {
  readonly #options: HealthOptions;
  readonly #troubles = new Set<string>();
  /** Since when etcd takes no changes, and why; null while it does. */
  #away: Trouble | null = null;
  /** Since when it does not even answer. */
  #silent: Trouble | null = null;
  /** Where the order was, and since when for certain, as far as this node has not got there. */
  #ahead: { readonly revision: Revision; readonly sinceMs: number }[] = [];
  #members: readonly StoreMember[] = [];
  #surveyedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #probing: Promise<unknown> | null = null;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  start(): void {
    void this.round();
    this.#timer = setInterval(() => void this.round(), PROBE_MS).unref();
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
    const lasting = [this.#away, this.#silent].find(
      (trouble) => trouble !== null && clock.monotonic() - trouble.sinceMs >= patienceMs,
    );
    return lasting?.why ?? null;
  }

  /** Why nobody should come here for a true picture, though changes may be taken; null when it is one. */
  get lagging(): string | null {
    const { revisions, ms } = this.behind;
    if (ms < this.#options.patienceMs) return null;
    return `this node is ${revisions} revisions behind the registry's order in etcd, for ${Math.floor(ms / 1000)} s by now`;
  }

  get behind(): Behind {
    const { clock, known } = this.#options;
    const reached = known();
    this.#ahead = this.#ahead.filter(({ revision }) => revision > reached);
    const [first, last] = [this.#ahead[0], this.#ahead.at(-1)];
    if (first === undefined || last === undefined) return NOT_BEHIND;
    return { revisions: last.revision - reached, ms: Math.max(0, clock.monotonic() - first.sinceMs) };
  }

  /** As they were some seconds ago. */
  get members(): readonly StoreMember[] {
    return this.#members;
  }

  /** Looks at all of it once; one at a time. */
  round(): Promise<unknown> {
    this.#probing ??= Promise.all([this.#probe(), this.#ask(), this.#survey()]).finally(() => {
      this.#probing = null;
    });
    return this.#probing;
  }

  /** Whether changes are taken again: nobody sends any to a registry that is not ready. */
  async #probe(): Promise<void> {
    if (this.#away === null) return;
    const then = [{ kind: "put", key: this.#options.keys.probe, value: Buffer.from("1") } as const];
    await this.#options.client.transact({ guards: [], then }).then(
      () => this.tried(null, 0),
      (error: unknown) => this.tried(error, 0),
    );
  }

  /** Where the order ends. An answer means that most of etcd's members agree on it. */
  async #ask(): Promise<void> {
    const { client, keys, clock } = this.#options;
    const sinceMs = clock.monotonic();
    try {
      const [top] = (await client.peek({ key: keys.top })).entries;
      this.#silent = null;
      this.told("asking etcd for the end of the order", null);
      const revision = top === undefined ? 0 : readTop(top.value).revision;
      // The oldest tells since when, the latest how far: what lies between may go.
      if (this.#ahead.length >= AHEAD_MAX) this.#ahead.splice(1, AHEAD_MAX / 2);
      this.#ahead.push({ revision, sinceMs });
    } catch (error) {
      this.#silent = { sinceMs: this.#silent?.sinceMs ?? sinceMs, why: `etcd gives no answer: ${sayFailure(error)}` };
      this.told("asking etcd for the end of the order", error);
    }
  }

  async #survey(): Promise<void> {
    const nowMs = this.#options.clock.monotonic();
    if (nowMs - this.#surveyedMs < SURVEY_MS) return;
    this.#surveyedMs = nowMs;
    this.#members = await surveyMembers(this.#options.client);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

export function explainCall(error: unknown): string {
  const why = sayFailure(error);
  if (why.includes("database space exceeded"))
    return `etcd takes no more changes, its database is full: compact and defragment it, raise its quota, and disarm its alarm (${why})`;
  return `etcd does not do what is asked of it: ${why}`;
}
