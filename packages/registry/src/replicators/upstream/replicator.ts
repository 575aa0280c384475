/**
 * @live An account of a registry that runs elsewhere: its commits are followed, at its own revisions, and changes are sent on
 * to it. What is known lies in a snapshot on the disk, and is shown when the registry is out of reach.
 * @rooms replicator > shown > follower > keeping > own > snapshot > hold > state > refused
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@rollcall/client";
import type { Logger } from "pino";
import {
  type Account,
  type Clock,
  type Command,
  type Commit,
  type FirstChanges,
  type InstanceKey,
  type KeyRange,
  type Outcome,
  ok,
  type Receipt,
  type Replicator,
  type Result,
  type Revision,
  type Rules,
  refuse,
  type Sink,
  SYSTEM_ACCOUNT,
} from "../../core/index.ts";
import { fromPlain, toPlain } from "../../net/link/plain.ts";
import { encodePosition, toMark } from "../../net/routes/position.ts";
import { Follower } from "./follower.ts";
import { OFF_DUTY, UpstreamKeeping } from "./keeping.ts";
import { Own } from "./own.ts";
import { sayLoss, toRefused, UpstreamRefused } from "./refused.ts";
import { type HoldTimes, Shown } from "./shown.ts";
import { readSnapshot, Saver, type Snapshot, writeSnapshot } from "./snapshot.ts";
import { readState, type State } from "./state.ts";

export interface UpstreamOptions {
  /** The one that is followed. */
  readonly account: Account;
  /** For the snapshot, and for what the agent keeps itself. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly origin: string;
  readonly registry: Pick<Client, "copy" | "leases" | "urls">;
  /** How long something is kept that the registry forgot. */
  readonly holdMs?: number;
  readonly log?: Pick<Logger, "info" | "warn" | "error">;
  /** The registry's order is another one, in which revisions do not go on: the snapshot has it, and is to be opened anew. */
  onAnew(why: string): void;
  /** Told once it is closed: another one may use the directory. */
  onClosed?(): Promise<void>;
}

export interface UpstreamReplicator extends Replicator {
  /** Why what is shown may be old; null while it is followed. */
  readonly stale: string | null;
  readonly numbers: UpstreamNumbers;
}

/** For metrics. */
export interface UpstreamNumbers {
  /** For how long the registry has not been followed; 0 while it is. */
  readonly staleMs: number;
  /** For how long it has been; 0 while it is not. */
  readonly followedMs: number;
  /** From when the registry made its latest commit that came until it was shown here, by the clocks of both. */
  readonly lagMs: number;
  /** How much is shown that the registry lost. */
  readonly held: number;
  /** For how long the snapshot has lacked something; 0 while it has all. */
  readonly unsavedMs: number;
}

const HOLD_MS = 600_000;
/** How often it is looked for what is held no longer. */
const LOOK_MS = 5000;
/** How long a change that was made is waited for to be shown. */
const SHOWN_MS_MAX = 10_000;
/** How long a start without a snapshot tries to reach the registry. */
const FIRST_MS = 10_000;
const AGAIN_MS = 500;
/** How long a start waits for the registry when it has a snapshot. */
const HEARD_MS = 2000;
/** A state on its way that says nothing for so long is given up. */
const SILENT_MS = 10_000;
/** How long the registry has to say where it is, and how long it is not asked again after it did not. */
const HEAD_MS = 3000;
const UNASKED_MS = 2000;
const OTHER_ORDER = "the registry's revisions are of another order than those that are shown here yet";

interface Parts {
  readonly shown: Shown;
  readonly follower: Follower;
  readonly saver: Saver;
  readonly keeping: UpstreamKeeping;
}

class Upstream implements UpstreamReplicator {
  readonly name = "upstream";
  readonly order = "total";
  readonly nodes = OFF_DUTY;
  line = "";
  /** Since when, by the monotonic clock, and why. */
  #stale: { readonly sinceMs: number; readonly why: string } | null = null;
  /** Since when it is followed, by the same clock. */
  #followedSinceMs: number | null = null;
  #lagMs = 0;
  readonly #options: UpstreamOptions;
  readonly #own: Own;
  readonly #where: string;
  /** Once it was open; those who still hold on to it when it is closed are answered. */
  #parts: Parts | null = null;
  #isClosed = false;
  /** Called once it is known whether the registry is reached. */
  #heard: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<Outcome<Revision>> | undefined;
  /** It did not say where it is: until then, by the monotonic clock, it is taken for out of reach. */
  #awayUntilMs = 0;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#where = options.registry.urls.join(", ");
    this.#own = new Own({ ...options, changed: () => this.#open().shown.again() });
  }

  async open(sink: Sink): Promise<void> {
    try {
      await this.#begin(sink);
    } catch (error) {
      await this.#options.onClosed?.();
      throw error;
    }
  }

  async #begin(sink: Sink): Promise<void> {
    const { account, origin, registry } = this.#options;
    await this.#own.read();
    const known = await this.#load();
    const { state, held } = known;
    this.line = state.line;
    const shown = new Shown({ account, sink, own: this.#own, changed: () => saver.note() }, { state, held });
    this.#own.open(sink);
    const saver = new Saver({
      take: () => shown.take(),
      write: (snapshot) => this.#save(snapshot),
      failed: (error) => this.#options.log?.error({ err: error }, "the snapshot cannot be written; it is tried again"),
    });
    const follower = new Follower({
      copy: registry.copy,
      position: () => encodePosition(sink.view.revision, toMark(this.line)),
      commit: (commit) => this.#take(shown, commit),
      ready: (revision) => this.#ready(shown, revision),
      resync: (signal) => this.#readAgain(signal),
      down: (error) => this.#down(error),
    });
    const keeping = new UpstreamKeeping({
      ...{ account, name: origin, registry: this.#where, leases: registry.leases },
      ttlMs: (lease) => sink.view.lease(account, lease)?.ttlMs,
    });
    this.#parts = { shown, follower, saver, keeping };
    if (known.isNew) saver.note();
    const heard = new Promise<void>((resolve) => {
      this.#heard = resolve;
    });
    follower.start();
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
    // What lies on the disk is shown as it is only when the registry has nothing to say about it.
    if (!known.isNew) await Promise.race([heard, delay(HEARD_MS, undefined, { ref: false })]);
  }

  /** What is on the disk, else what the registry says; rejects with a sentence when there is neither. */
  async #load(): Promise<Snapshot & { readonly isNew: boolean }> {
    const { account, dataDir, log } = this.#options;
    let why = "there is no snapshot yet";
    try {
      const snapshot = await readSnapshot(dataDir, account);
      if (snapshot !== undefined) {
        this.#setStale("the registry was not reached since the start");
        return { ...snapshot, isNew: false };
      }
    } catch (error) {
      why = `the snapshot cannot be used: ${sayLoss(error)}`;
      log?.warn({ err: error }, "the snapshot cannot be used: the registry is read");
    }
    const giveUpMs = performance.now() + FIRST_MS;
    for (;;)
      try {
        const state = await readState(this.#options.registry.copy, { silentMs: SILENT_MS });
        return { state, held: [], isNew: true };
      } catch (error) {
        const refused = toRefused(error);
        if (refused.refusal !== "unavailable" || performance.now() > giveUpMs)
          throw new UpstreamRefused(`cannot copy the registry (${this.#where}), and ${why}: ${refused.detail}`);
        await delay(AGAIN_MS);
      }
  }

  #save(snapshot: Snapshot): Promise<void> {
    const { dataDir, account, clock } = this.#options;
    return writeSnapshot(dataDir, account, snapshot, clock.now());
  }

  #take(shown: Shown, commit: Commit): void {
    shown.commit(commit);
    this.#lagMs = Math.max(0, this.#options.clock.now() - commit.atMs);
  }

  #ready(shown: Shown, revision: Revision): void {
    if (this.#stale !== null) this.#options.log?.info({ revision }, `follows the registry (${this.#where})`);
    this.#stale = null;
    this.#followedSinceMs ??= this.#options.clock.monotonic();
    shown.passed(revision);
    this.#heard();
  }

  #down(error: unknown): void {
    const why = `the registry (${this.#where}) is not followed: ${sayLoss(error)}`;
    if (this.#stale === null) this.#options.log?.warn(`${why}; what was known of it is shown`);
    this.#setStale(why);
    this.#heard();
  }

  #setStale(why: string): void {
    this.#stale = { sinceMs: this.#stale?.sinceMs ?? this.#options.clock.monotonic(), why };
    this.#followedSinceMs = null;
  }

  get stale(): string | null {
    return this.#stale?.why ?? null;
  }

  get numbers(): UpstreamNumbers {
    const nowMs = this.#options.clock.monotonic();
    const staleMs = this.#stale === null ? 0 : nowMs - this.#stale.sinceMs;
    const followedMs = this.#followedSinceMs === null ? 0 : nowMs - this.#followedSinceMs;
    return {
      staleMs,
      followedMs,
      lagMs: this.#lagMs,
      held: this.#parts?.shown.heldCount ?? 0,
      unsavedMs: this.#parts?.saver.unsavedMs ?? 0,
    };
  }

  /** Of another order, or of one that was set back, revisions begin before those that were shown: that takes a start. */
  async #readAgain(signal: AbortSignal): Promise<boolean> {
    const { registry, log, clock, holdMs = HOLD_MS } = this.#options;
    const { shown } = this.#open();
    const known = shown.revision;
    const state: State = await readState(registry.copy, { signal, silentMs: SILENT_MS });
    const hold = { sinceMs: clock.now(), untilMs: clock.now() + holdMs };
    if (state.line !== this.line) return this.#beginAnew(state, hold, "it was begun anew, or is another one");
    if (state.revision < known) return this.#beginAnew(state, hold, "it was set back to an older state");
    // What was sent on meanwhile has brought the view further than this state.
    if (state.revision < shown.revision) return this.#readAgain(signal);
    const { count, reason } = shown.replace(state, hold);
    if (count > 0) log?.warn({ held: count }, reason);
    return true;
  }

  async #beginAnew(state: State, hold: HoldTimes, what: string): Promise<boolean> {
    const { shown, saver } = this.#open();
    const { snapshot, count } = shown.under(state, hold, `the registry forgot it: ${what}`);
    await saver.stop();
    await this.#save(snapshot);
    const { log, onAnew } = this.#options;
    log?.warn({ held: count, revision: state.revision }, `the registry's revisions begin anew: ${what}`);
    this.#heard();
    onAnew(what);
    return false;
  }

  /** Lets go of what was held for long enough; of nothing while the registry is out of reach. */
  async #look(): Promise<void> {
    const { shown } = this.#open();
    const { clock, registry, log } = this.#options;
    if (!shown.isDue(clock.now())) return;
    try {
      const head = await registry.copy.head();
      // Of another order: it is about to begin anew, and nothing goes before that.
      if (head.line !== this.line) return;
      if (await shown.told(head, SHOWN_MS_MAX)) shown.letGo(clock.now(), head);
    } catch (error) {
      // Throws what is a bug.
      const { detail } = toRefused(error);
      log?.warn(`what was held is kept on: ${detail}`);
    }
  }

  get keeping(): UpstreamKeeping {
    return this.#open().keeping;
  }

  async propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>> {
    if (this.#parts === null || this.#isClosed) return refuse("unavailable", "the registry is stopping");
    if (account === SYSTEM_ACCOUNT) return this.#own.propose(command);
    if (account !== this.#options.account)
      return refuse("forbidden", `this agent shows the account ${this.#options.account} alone`);
    try {
      const answer = await this.#options.registry.copy.forward(toPlain(command), { signal });
      if (answer.head.line !== this.line) return refuse("unknown", `it was done, but ${OTHER_ORDER}`);
      const commit = fromPlain(answer.commit) as Commit | null;
      const head = commit === null ? answer.head : { revision: commit.revision, accountRevision: commit.revision };
      if (!(await this.#parts.shown.reached(head, SHOWN_MS_MAX)))
        return refuse("unknown", "the registry has done it, and this agent has not heard of it yet");
      const asked = command.kind === "signed" ? command.command : command;
      if (asked.kind === "deregister") this.#parts.shown.drop(asked.instance);
      return ok({ commit, revision: answer.revision, result: fromPlain(answer.result) as Result });
    } catch (error) {
      if (signal?.aborted) return refuse("unknown", "the request was given up: it may have been done");
      return toRefused(error);
    }
  }

  /** Those who ask in one turn ask together. */
  head(): Promise<Outcome<Revision>> {
    this.#asking ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#asking = undefined;
      return this.#askHead();
    });
    return this.#asking;
  }

  async #askHead(): Promise<Outcome<Revision>> {
    try {
      const head = await this.#options.registry.copy.head({ timeoutMs: HEAD_MS });
      if (head.line !== this.line) return refuse("unavailable", OTHER_ORDER);
      const isShown = await this.#open().shown.reached(head, SHOWN_MS_MAX);
      return isShown ? ok(head.revision) : refuse("unavailable", "this agent is behind the registry");
    } catch (error) {
      const refused = toRefused(error);
      if (refused.refusal === "unavailable") this.#awayUntilMs = this.#options.clock.monotonic() + UNASKED_MS;
      return refused;
    }
  }

  get isAway(): boolean {
    return this.#stale !== null || this.#options.clock.monotonic() < this.#awayUntilMs;
  }

  get floor(): Revision {
    return this.#parts?.shown.recent.floor ?? 0;
  }

  async history(after: Revision, limit: number, bytesMax?: number): Promise<readonly Commit[]> {
    return this.#open().shown.recent.history(after, limit, bytesMax);
  }

  async goneAt(account: Account, instance: InstanceKey): Promise<Revision> {
    return this.#open().shown.recent.goneAt(account, instance);
  }

  async firstChanges(
    account: Account,
    range: KeyRange,
    after: Revision,
    to: Revision,
    turn: () => Promise<void>,
  ): Promise<Outcome<FirstChanges>> {
    await turn();
    return this.#open().shown.recent.firstChanges(account, range, after, to);
  }

  async revisionAt(orderMs: number): Promise<Revision> {
    return this.#open().shown.recent.revisionAt(orderMs);
  }

  async compact(): Promise<Outcome<Revision>> {
    return refuse("unsupported", "history is the registry's: it is compacted there");
  }

  async close(): Promise<void> {
    const parts = this.#parts;
    if (parts === null || this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    await parts.follower.close();
    await this.#own.close();
    await parts.saver.close();
    await this.#options.onClosed?.();
  }

  #open(): Parts {
    if (this.#parts === null) throw new UpstreamRefused("the store is not open");
    return this.#parts;
  }
}

/** An agent's view of one account of a registry. */
export function createUpstream(options: UpstreamOptions): UpstreamReplicator {
  return new Upstream(options);
}
