/**
 * @live One order for all commands of a node: each is decided on the state after all before it, commits become durable in
 * groups, and nobody sees a commit before its group is durable. Replicators with one store of their own are built on it.
 */
import { type Outcome, ok, type Refused, refuse } from "../../outcome.ts";
import { sizeOfCommit } from "../catalog/size.ts";
import type { Command, Receipt } from "../command.ts";
import type { Rules } from "../decide/basis.ts";
import { decide } from "../decide/command.ts";
import { Draft } from "../decide/draft.ts";
import type { Clock } from "../leases/policy.ts";
import { type Account, type Commit, type Position, positionAfter, type Revision } from "../types.ts";
import type { Sink } from "./replicator.ts";

export interface SequencerOptions {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly origin: string;
  /** The end of the stored order. */
  readonly last: Position;
  /** Resolves when the group is durable, called for one group at a time. Rejects when none of it is. */
  append(commits: readonly Commit[]): Promise<void>;
  /** Says to clients why `append` rejected. */
  explain(error: unknown): string;
  /** Told of each durable group: its commits, and the ms that it took. */
  onGroup?(commits: number, ms: number): void;
}

interface Wish {
  readonly account: Account;
  readonly command: Command;
  readonly resolve: (outcome: Outcome<Receipt>) => void;
  readonly reject: (error: unknown) => void;
}

interface Proposal extends Wish {
  readonly commit: Commit | null;
  /** The answer, to be given once everything that it was decided on is durable. */
  readonly outcome: Outcome<Receipt>;
}

const GROUP_COMMITS_MAX = 4096;
/** A group is read back as a whole; the last commit of one may pass this. */
const GROUP_BYTES_MAX = 1024 * 1024;
const PROPOSALS_WAITING_MAX = 100_000;
export class Sequencer {
  readonly #options: SequencerOptions;
  #head: Draft;
  #open: Proposal[] = [];
  #flushing: Proposal[] = [];
  #scheduled = false;
  #closed: Refused | null = null;
  #revision: Revision;
  #orderMs: number;
  #nth: number;
  #idle: (() => void)[] = [];

  constructor(options: SequencerOptions) {
    this.#options = options;
    this.#revision = options.last.revision;
    this.#orderMs = options.last.orderMs;
    this.#nth = options.last.nth;
    this.#head = new Draft(options.sink.view);
  }

  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>> {
    if (this.#closed !== null) return Promise.resolve(this.#closed);
    if (signal?.aborted === true) return Promise.resolve(refuse("unavailable", "the request was given up"));
    if (this.#open.length + this.#flushing.length >= PROPOSALS_WAITING_MAX) {
      return Promise.resolve(refuse("unavailable", "too many changes are waiting for the disk"));
    }
    return new Promise((resolve, reject) => this.#decideNow({ account, command, resolve, reject }));
  }

  #decideNow(wish: Wish): void {
    const { account, command, resolve } = wish;
    const { clock, origin, rules } = this.#options;
    const nowMs = clock.now();
    const stamp = { revision: this.#revision + 1, atMs: nowMs, origin };
    const decided = decide(this.#head, account, command, stamp, rules);
    const commit =
      decided.ok && decided.value.changes.length > 0 ? this.#number(account, decided.value.changes, nowMs) : null;
    if (commit !== null) this.#head.fold(account, commit.changes, this.#revision);
    const outcome: Outcome<Receipt> = decided.ok
      ? ok({ commit, revision: this.#revision, result: decided.value.result })
      : decided;
    // An answer without changes, or a refusal, waits as well: it rests on what is not durable yet.
    if (commit === null && this.#open.length === 0 && this.#flushing.length === 0) resolve(outcome);
    else {
      this.#open.push({ ...wish, commit, outcome });
      this.#schedule();
    }
    // At once: a lease whose owner was heard must not run out while the disk works. This may propose in turn.
    if (decided.ok && decided.value.heard !== undefined)
      for (const heard of decided.value.heard) this.#options.sink.heard(account, heard);
  }

  #number(account: Account, changes: Commit["changes"], nowMs: number): Commit {
    if (nowMs > this.#orderMs) {
      this.#orderMs = nowMs;
      this.#nth = 0;
    }
    const place = { orderMs: this.#orderMs, nth: this.#nth };
    const commit: Commit = { revision: ++this.#revision, account, atMs: nowMs, ...place, changes };
    ({ orderMs: this.#orderMs, nth: this.#nth } = positionAfter(commit));
    return commit;
  }

  #schedule(): void {
    if (this.#scheduled || this.#flushing.length > 0) return;
    this.#scheduled = true;
    // Later in this turn: all that arrived together is flushed together.
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#open.length === 0 || this.#flushing.length > 0) return;
    const size = this.#countGroup();
    const split = this.#open.length > size;
    this.#flushing = split ? this.#open.slice(0, size) : this.#open;
    const rest = split ? this.#open.slice(size) : [];
    const below = this.#head;
    // What comes next is decided on top of this group. With a rest the draft holds both; it is rebuilt afterwards.
    this.#head = new Draft(below);
    this.#open = rest;
    const commits: Commit[] = [];
    for (const { commit } of this.#flushing) if (commit !== null) commits.push(commit);
    if (commits.length === 0) {
      this.#settle(commits, split);
      return;
    }
    const startMs = this.#options.clock.monotonic();
    this.#options.append(commits).then(
      () => {
        this.#options.onGroup?.(commits.length, this.#options.clock.monotonic() - startMs);
        this.#settle(commits, split);
      },
      (error: unknown) => this.#fail(error),
    );
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
  #settle(commits: readonly Commit[], split: boolean): void {
    if (commits.length > 0) this.#options.sink.committed(commits);
    const settled = this.#flushing;
    this.#flushing = [];
    if (split) this.#rebase();
    else if (this.#open.length > 0) this.#head.base = this.#options.sink.view;
    else this.#head = new Draft(this.#options.sink.view);
    // The disk gets the next group before anyone is answered: it works while the answers are written.
    if (this.#open.length > 0) this.#flush();
    for (const { resolve, outcome } of settled) resolve(outcome);
    this.#goOn();
  }

  /** Lays the open proposals over the view, which now holds the settled group. */
  #rebase(): void {
    const head = new Draft(this.#options.sink.view);
    for (const { commit } of this.#open)
      if (commit !== null) head.fold(commit.account, commit.changes, commit.revision);
    this.#head = head;
  }

  /** Nothing of the group is durable: refuses it, and decides again what was decided on top of it. */
  #fail(error: unknown): void {
    const refused = refuse("unavailable", this.#options.explain(error));
    const failed = this.#flushing;
    const again = this.#open;
    this.#flushing = [];
    this.#open = [];
    this.#head = new Draft(this.#options.sink.view);
    for (const { resolve } of failed) resolve(refused);
    for (const { commit: _, outcome: __, ...wish } of again) {
      if (this.#closed !== null) wish.resolve(this.#closed);
      else this.#decideAgain(wish);
    }
    this.#goOn();
  }

  /** A plan that throws is a bug of whoever proposed it: the others' proposals go on. */
  #decideAgain(wish: Wish): void {
    try {
      this.#decideNow(wish);
    } catch (error) {
      wish.reject(error);
    }
  }

  #goOn(): void {
    if (this.#open.length > 0) this.#schedule();
    else if (this.#flushing.length === 0) for (const done of this.#idle.splice(0)) done();
  }

  /** Refuses all later proposals with this sentence; open ones are still tried. */
  stop(detail: string): void {
    this.#closed = refuse("unavailable", detail);
  }

  /** Refuses all later proposals, and resolves when the open ones are settled. */
  async close(): Promise<void> {
    this.stop("the registry is stopping");
    if (this.#open.length === 0 && this.#flushing.length === 0) return;
    await new Promise<void>((done) => this.#idle.push(done));
  }
}
