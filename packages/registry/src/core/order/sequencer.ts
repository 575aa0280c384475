/**
 * @live One order for all commands of a node: each is decided on the state after all before it, commits become durable in
 * groups, and nobody sees a commit before its group is durable. Where several nodes write into one order, the commits of
 * the others come in by `foreign`, and what is not durable by then is decided again. Replicators are built on it.
 */
import { type Outcome, ok, type Refusal, type Refused, refuse } from "../../outcome.ts";
import { sizeOfCommit } from "../catalog/size.ts";
import type { Command, Keeper, Receipt, Result } from "../command.ts";
import type { Rules } from "../decide/basis.ts";
import { decide } from "../decide/command.ts";
import { Draft } from "../decide/draft.ts";
import type { Clock } from "../leases/policy.ts";
import {
  type Account,
  type Change,
  type Commit,
  type LeaseRecord,
  type Position,
  positionAfter,
  type Revision,
  toCommit,
} from "../types.ts";
import { onAbort } from "../watch/abort.ts";
import { Gathering, type Wait } from "./gathering.ts";
import type { Sink } from "./replicator.ts";

export interface SequencerOptions {
  readonly sink: Pick<Sink, "view" | "committed" | "heard">;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly origin: string;
  /** Whether this is still the lease's keeper; asked of each `end` that names one. */
  isKeeper?(account: Account, lease: LeaseRecord, keeper: Keeper): boolean;
  /** Why a command of another node is not decided here any more; asked at each decision of one. */
  refusesSender?(sender: Sender): Refused | undefined;
  /** Where nodes have no common order. */
  readonly stamps?: Stamps;
  /** The end of the stored order. */
  readonly last: Position;
  /**
   * Refusals, and what changes nothing, are appended as well, as a group of no commits when nothing else is under way: a
   * node that slept would give them on a state that others have left behind. At once when left out.
   */
  readonly confirms?: boolean;
  /** For where a group costs much, however small it is: a crowd is waited for. */
  readonly wait?: Wait;
  /**
   * Makes a group durable; called for one group at a time. What came of it is told by one call, after this one has
   * returned. `made`: what each of the commits was made of.
   */
  append(commits: readonly Commit[], settle: Settle, made: readonly Made[]): void;
  /** Says to clients why a group failed, or why nobody knows. */
  explain(error: unknown): string;
  /** Told of each durable group: its commits, and the ms that it took. */
  onGroup?(commits: number, ms: number): void;
}

/** Another node that took a command, to be decided here. A replicator may add what it must know of it. */
export interface Sender {
  readonly node: string;
}

/** What a commit was made of, and what is answered. */
export interface Made {
  readonly command: Command;
  readonly result: Result;
  readonly sender: Sender | undefined;
}

/** Of a node whose order is its own: its stamps never go back, over restarts and whatever its clock does. */
export interface Stamps {
  /** The least that something may have which is written now. */
  least(nowMs: number): number;
  /** What was decided, though nobody has seen it yet. */
  used(changes: readonly Change[]): void;
}

/**
 * What came of a group. Calls, not a promise: commits of others may follow ours in the same packet, and all are applied
 * in their order, each within its call.
 */
export interface Settle {
  /** It is durable, and the next in the order. */
  delivered(): void;
  /** Others were before it, and it will never be in the order: it is decided again when `foreign` has brought them. */
  lostRace(): void;
  /** It will never be in the order, but nobody was before it: it is decided again at once. */
  undone(): void;
  /** None of it is durable, nor will ever be. */
  failed(error: unknown): void;
  /** Nobody here will learn whether it is durable. If it is, `foreign` brings it. */
  unknown(error: unknown): void;
}

interface Wish {
  readonly account: Account;
  readonly command: Command;
  readonly by: Commit["by"];
  readonly sender: Sender | undefined;
  readonly resolve: (outcome: Outcome<Receipt>) => void;
  readonly reject: (error: unknown) => void;
  /** With the store, or answered before its time. */
  phase: "open" | "sent" | "given up";
}

interface Proposal {
  readonly wish: Wish;
  readonly commit: Commit | null;
  /** The answer, to be given once everything that it was decided on is durable. */
  readonly outcome: Outcome<Receipt>;
}

/** What is with the store. */
interface Group {
  readonly proposals: readonly Proposal[];
  readonly commits: readonly Commit[];
  /** More was decided on top of it, in the same draft. */
  readonly split: boolean;
  readonly startMs: number;
}

const GROUP_COMMITS_MAX = 4096;
/** A group is read back as a whole; the last commit of one may pass this. */
const GROUP_BYTES_MAX = 1024 * 1024;
const PROPOSALS_WAITING_MAX = 100_000;

export class Sequencer {
  readonly #options: SequencerOptions;
  #head: Draft;
  #open: Proposal[] = [];
  #flushing: Group | null = null;
  #scheduled = false;
  /** A race was lost to commits that are not here yet: a group before them would lose as well. */
  #isBehind = false;
  #closed: Refused | null = null;
  /** The end of what is in the order; that of what is decided is in the three after it. */
  #last: Position;
  #revision: Revision;
  #orderMs: number;
  #nth: number;
  #idle: (() => void)[] = [];
  readonly #gathering: Gathering;
  /** Given up while they were open, and still among those. */
  #givenUp = 0;

  constructor(options: SequencerOptions) {
    this.#options = options;
    this.#gathering = new Gathering(options.wait, () => this.#flush());
    this.#last = options.last;
    this.#revision = options.last.revision;
    this.#orderMs = options.last.orderMs;
    this.#nth = options.last.nth;
    this.#head = new Draft(options.sink.view);
  }

  /**
   * `sender`: the node that took the command, when it was another one. A signal ends the waiting: what the store has not
   * got by then is not done, of the rest nobody knows (`unknown`).
   */
  propose(account: Account, command: Command, signal?: AbortSignal, sender?: Sender): Promise<Outcome<Receipt>> {
    if (this.#closed !== null) return Promise.resolve(this.#closed);
    if (signal?.aborted === true) return Promise.resolve(refuse("unavailable", "the request was given up"));
    if (this.#open.length + (this.#flushing?.proposals.length ?? 0) >= PROPOSALS_WAITING_MAX) {
      return Promise.resolve(refuse("unavailable", "too many changes are waiting for the disk"));
    }
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, () => this.#forsake(wish));
      const settled = (outcome: Outcome<Receipt>): void => {
        forget();
        resolve(outcome);
      };
      const { by, command: meant } = command.kind === "signed" ? command : { by: undefined, command };
      const wish: Wish = { account, command: meant, by, sender, resolve: settled, reject, phase: "open" };
      this.#decideNow(wish);
    });
  }

  #forsake(wish: Wish): void {
    if (wish.phase === "sent") wish.resolve(refuse("unknown", "the store was slow to answer: it may have been done"));
    else {
      wish.resolve(refuse("unavailable", "the request was given up"));
      this.#givenUp++;
    }
    wish.phase = "given up";
  }

  #decideNow(wish: Wish): void {
    const { account, command, by, sender, resolve } = wish;
    const { clock, rules, origin, stamps } = this.#options;
    const nowMs = clock.now();
    const place = { revision: this.#revision + 1, atMs: nowMs, origin: sender?.node ?? origin };
    const stamp = stamps === undefined ? place : { ...place, stampMs: stamps.least(nowMs) };
    const decided =
      this.#refuseSender(sender) ??
      this.#refuseKeeper(account, command) ??
      decide(this.#head, account, command, stamp, rules);
    const commit =
      decided.ok && decided.value.changes.length > 0 ? this.#number(account, decided.value.changes, nowMs, by) : null;
    if (decided.ok && commit !== null) this.#head.fold(account, commit.changes, this.#revision, decided.value.growth);
    if (commit !== null) stamps?.used(commit.changes);
    const outcome: Outcome<Receipt> = decided.ok
      ? ok({ commit, revision: this.#revision, result: decided.value.result })
      : decided;
    // An answer without changes, or a refusal, waits as well: it rests on what is not durable yet.
    const isSettled = commit === null && this.#open.length === 0 && this.#flushing === null;
    if (isSettled && this.#options.confirms !== true) resolve(outcome);
    else {
      this.#open.push({ wish, commit, outcome });
      this.#schedule();
    }
    // At once: a lease whose owner was heard must not run out while the disk works. This may propose in turn.
    if (decided.ok && decided.value.heard !== undefined)
      for (const heard of decided.value.heard) this.#options.sink.heard(account, heard);
  }

  #refuseSender(sender: Sender | undefined): Refused | undefined {
    return sender === undefined ? undefined : this.#options.refusesSender?.(sender);
  }

  /** A node that slept may still believe that it keeps a lease which another one has taken over. */
  #refuseKeeper(account: Account, command: Command): Refused | undefined {
    if (command.kind !== "end" || command.keeper === undefined) return undefined;
    const lease = this.#head.lease(account, command.lease);
    if (lease === undefined || this.#options.isKeeper?.(account, lease, command.keeper) !== false) return undefined;
    return refuse("conflict", `lease ${command.lease} is kept by another node`);
  }

  #number(account: Account, changes: Commit["changes"], nowMs: number, by: Commit["by"]): Commit {
    if (nowMs > this.#orderMs) [this.#orderMs, this.#nth] = [nowMs, 0];
    const at = { revision: ++this.#revision, orderMs: this.#orderMs, nth: this.#nth };
    const commit = toCommit(at, account, nowMs, changes, by);
    ({ orderMs: this.#orderMs, nth: this.#nth } = positionAfter(commit));
    return commit;
  }

  #schedule(): void {
    if (this.#scheduled || this.#flushing !== null || this.#isBehind) return;
    if (this.#gathering.waits(this.#open.length)) return;
    this.#scheduled = true;
    // Later in this turn: all that arrived together is flushed together.
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#flushing !== null || this.#isBehind) return;
    if (this.#givenUp > 0) this.#decideAllAgain();
    if (this.#open.length === 0) return;
    const size = this.#countGroup();
    const split = this.#open.length > size;
    const proposals = split ? this.#open.slice(0, size) : this.#open;
    // What comes next is decided on top of this group. With a rest the draft holds both; it is rebuilt afterwards.
    this.#head = new Draft(this.#head);
    this.#open = split ? this.#open.slice(size) : [];
    const commits: Commit[] = [];
    const made: Made[] = [];
    for (const { wish, commit, outcome } of proposals) {
      wish.phase = "sent";
      if (commit === null || !outcome.ok) continue;
      commits.push(commit);
      made.push({ command: wish.command, result: outcome.value.result, sender: wish.sender });
    }
    const group: Group = { proposals, commits, split, startMs: this.#options.clock.monotonic() };
    this.#flushing = group;
    if (commits.length === 0 && this.#options.confirms !== true) this.#settle(group);
    else this.#options.append(commits, this.#settleOf(group), made);
  }

  /** A group that lost its place by `foreign` has settled; that its race is lost, or that it failed, is no news then. */
  #settleOf(group: Group): Settle {
    return {
      delivered: () => {
        if (this.#flushing !== group) throw new Error("a group was delivered that was settled before");
        const { length } = group.commits;
        const tookMs = this.#options.clock.monotonic() - group.startMs;
        if (length > 0) this.#options.onGroup?.(length, tookMs);
        if (!group.split) this.#gathering.begin(length, this.#open.length, tookMs);
        this.#settle(group);
      },
      lostRace: () => {
        if (this.#flushing !== group) return;
        this.#isBehind = true;
        this.#decideAllAgain();
        if (this.#closed !== null) this.#giveUp();
      },
      undone: () => {
        if (this.#flushing === group) this.#decideAllAgain();
      },
      failed: (error) => this.#fail(group, "unavailable", error),
      unknown: (error) => this.#fail(group, "unknown", error),
    };
  }

  /** How many of the open proposals go into the next group. */
  #countGroup(): number {
    const most = Math.min(this.#open.length, GROUP_COMMITS_MAX);
    let bytes = 0;
    for (let nth = 0; nth < most; nth++) {
      const { commit } = this.#open[nth] as Proposal;
      if (commit !== null) bytes += sizeOfCommit(commit);
      if (bytes > GROUP_BYTES_MAX) return nth + 1;
    }
    return most;
  }

  /** The group is durable: shows it, answers it, and goes on. */
  #settle({ proposals, commits, split }: Group): void {
    if (commits.length > 0) this.#show(commits);
    this.#flushing = null;
    if (split) this.#rebase();
    else if (this.#open.length > 0) this.#head.base = this.#options.sink.view;
    else this.#head = new Draft(this.#options.sink.view);
    // The disk gets the next group before anyone is answered: it works while the answers are written.
    if (this.#open.length > 0 && !this.#gathering.waits(this.#open.length)) this.#flush();
    for (const { wish, outcome } of proposals) wish.resolve(outcome);
    this.#goOn();
  }

  #show(commits: readonly Commit[]): void {
    this.#options.sink.committed(commits);
    this.#last = positionAfter(commits[commits.length - 1] as Commit);
  }

  /** Commits of others, the next in the order. What is with the store has lost its place to them. */
  foreign(commits: readonly Commit[]): void {
    if (commits.length === 0) return;
    this.#show(commits);
    this.#goAfterOthers();
  }

  /** The state below is another one, and the order goes on after this position. */
  advance(last: Position): void {
    this.#last = last;
    this.#goAfterOthers();
  }

  #goAfterOthers(): void {
    this.#isBehind = false;
    this.#decideAllAgain();
  }

  /** On the state that is shown: what is with the store first. */
  #decideAllAgain(): void {
    const again = [...(this.#flushing?.proposals ?? []), ...this.#open];
    this.#flushing = null;
    this.#open = [];
    ({ revision: this.#revision, orderMs: this.#orderMs, nth: this.#nth } = this.#last);
    this.#head = new Draft(this.#options.sink.view);
    this.#givenUp = 0;
    for (const { wish } of again) this.#decideAgain(wish);
    this.#goOn();
  }

  /** Lays the open proposals over the view, which now holds the settled group. */
  #rebase(): void {
    const head = new Draft(this.#options.sink.view);
    for (const { commit } of this.#open)
      if (commit !== null) head.fold(commit.account, commit.changes, commit.revision);
    this.#head = head;
  }

  /** Who waits for commits of others is not waited for any more: the registry stops. */
  #giveUp(): void {
    for (const { wish } of this.#open.splice(0)) if (this.#closed !== null) wish.resolve(this.#closed);
    this.#goOn();
  }

  /** The group is not shown: refuses it, and decides again what was decided on top of it. */
  #fail(group: Group, refusal: Refusal, error: unknown): void {
    if (this.#flushing !== group) return;
    const refused = refuse(refusal, this.#options.explain(error));
    const again = this.#open;
    this.#flushing = null;
    this.#open = [];
    // No revision is used twice.
    this.#last = { revision: this.#revision, orderMs: this.#orderMs, nth: this.#nth };
    this.#head = new Draft(this.#options.sink.view);
    for (const { wish } of group.proposals) wish.resolve(refused);
    for (const { wish } of again) {
      if (this.#closed !== null) wish.resolve(this.#closed);
      else this.#decideAgain(wish);
    }
    this.#goOn();
  }

  /** A plan that throws is a bug of whoever proposed it: the others' proposals go on. */
  #decideAgain(wish: Wish): void {
    if (wish.phase === "given up") return;
    wish.phase = "open";
    try {
      this.#decideNow(wish);
    } catch (error) {
      wish.reject(error);
    }
  }

  #goOn(): void {
    if (this.#open.length > 0) this.#schedule();
    else if (this.#flushing === null) for (const done of this.#idle.splice(0)) done();
  }

  /** Refuses all later proposals with this sentence; open ones are still tried. */
  stop(detail: string): void {
    this.#closed = refuse("unavailable", detail);
  }

  /** Refuses all later proposals, and resolves when the open ones are settled. */
  async close(): Promise<void> {
    this.stop("the registry is stopping");
    if (this.#isBehind) this.#giveUp();
    if (this.#open.length === 0 && this.#flushing === null) return;
    await new Promise<void>((done) => this.#idle.push(done));
  }
}
