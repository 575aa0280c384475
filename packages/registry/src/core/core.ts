/** @live Puts catalog, history, watchers and lease time together, on a replicator. */
import { type Outcome, ok, type Refused, refuse } from "../outcome.ts";
import { apply, restore } from "./catalog/apply.ts";
import { changesBetween } from "./catalog/replace.ts";
import type { Restored } from "./catalog/restored.ts";
import { sizeOfCommit } from "./catalog/size.ts";
import { Catalog } from "./catalog/state.ts";
import type { Command, Heard, RangeResult, Receipt } from "./command.ts";
import { ELSEWHERE, Expiry, type ExpiryListener } from "./leases/expiry.ts";
import type { Keeping } from "./leases/keeping.ts";
import type { Clock, ExpiryPolicy } from "./leases/policy.ts";
import { LIMITS } from "./limits.ts";
import { Past, type PastRange, readsPast } from "./order/past.ts";
import type { Replicator, Sink } from "./order/replicator.ts";
import type { Pulse, Registry, Scope, Watch, Watcher } from "./registry.ts";
import type { Account, Commit, InstanceKey, LeaseId, Revision } from "./types.ts";
import type { Grouping, View } from "./view.ts";
import type { OlderHistory } from "./watch/batches.ts";
import { History } from "./watch/history.ts";
import { WatchHub } from "./watch/hub.ts";

export interface CoreOptions extends ExpiryListener {
  readonly clock: Clock;
  readonly replicator: Replicator;
  readonly policy: ExpiryPolicy;
  /** Bounds of the history in memory. */
  readonly historyCommitsMax?: number;
  readonly historyChangesMax?: number;
  /** Runs something after so many ms. */
  wait(ms: number, run: () => void): void;
  /** Opens a line for long work: what it is given runs piece by piece, each in a turn that leaves others theirs. */
  openLine(): (work: () => void) => void;
  /** Told of what watchers threw: that is a bug. */
  onBug(error: unknown): void;
}

/** Numbers for metrics. */
export interface CoreNumbers {
  /** Commands that were proposed, those that changed nothing or were refused too; leases that run out are none. */
  readonly proposals: number;
  readonly watchers: number;
  readonly heldLeases: number;
  readonly revision: Revision;
  readonly floor: Revision;
  /** About what the catalog takes of the heap. */
  readonly bytes: number;
}

export interface Core {
  readonly registry: Registry;
  /** Moves lease time on and proposes the end of leases that lapsed. To be called about every `TICK_MS`. */
  tick(): void;
  numbers(): CoreNumbers;
  close(): Promise<void>;
}

/** Instances that are sorted into groups in one turn; takes 2 to 5 ms. */
const GROUPED_MAX = 1000;

const HISTORY_COMMITS_MAX = 16_384;
const HISTORY_CHANGES_MAX = 65_536;

/** Opens the replicator, restores the catalog, and starts every lease with a full ttl. */
export async function openCore(options: CoreOptions): Promise<Core> {
  const catalog = new Catalog();
  const core = new OpenCore(options, catalog);
  await options.replicator.open(core);
  core.start();
  options.replicator.keeping?.onMoved(() => core.rekeep());
  return core;
}

class OpenCore implements Core, Registry, Sink {
  readonly registry: Registry = this;
  readonly view: Catalog;
  readonly #options: CoreOptions;
  readonly #expiry: Expiry;
  readonly #recent: History;
  /** Many who read far back at once hold up nobody else. */
  readonly #turn: () => Promise<void>;
  readonly #past: Past;
  readonly #hub: WatchHub;
  readonly #grouping = new Map<Grouping, Promise<void>>();
  #proposals = 0;

  constructor(options: CoreOptions, catalog: Catalog) {
    this.#options = options;
    this.view = catalog;
    const { replicator, clock, wait, openLine, onBug } = options;
    const propose = (account: Account, command: Command) => replicator.propose(account, command);
    this.#expiry = new Expiry({
      ...options,
      catalog,
      propose,
      keeping: () => replicator.keeping,
      nodes: () => replicator.nodes,
    });
    this.#recent = new History(
      0,
      options.historyCommitsMax ?? HISTORY_COMMITS_MAX,
      options.historyChangesMax ?? HISTORY_CHANGES_MAX,
    );
    const reads = openLine();
    this.#turn = () => new Promise((resolve) => reads(resolve));
    this.#past = new Past({ view: catalog, recent: this.#recent, replicator, turn: this.#turn });
    const older: OlderHistory = {
      history: (...range) => this.#turn().then(() => replicator.history(...range)),
      get floor() {
        return replicator.floor;
      },
    };
    this.#hub = new WatchHub({ history: this.#recent, older, clock, wait, inTurn: openLine(), onBug });
  }

  start(): void {
    this.#expiry.start();
  }

  rekeep(): void {
    this.#expiry.rekeep();
  }

  restore(stored: Restored): void {
    restore(this.view, stored);
    let first = stored.revision;
    let known = false;
    for (const commit of stored.recent) {
      if (!known) first = commit.revision - 1;
      known = true;
      this.#recent.push(commit);
    }
    if (this.#recent.floor < first) this.#recent.floor = first;
    this.#hub.revision = stored.revision;
  }

  replace(stored: Restored): void {
    const { revision, orderMs, nth } = stored;
    const next = new Catalog();
    restore(next, stored);
    const place = { revision, orderMs, nth, atMs: this.#options.clock.now() };
    for (const [account, changes] of changesBetween(this.view, next)) this.#fold({ ...place, account, changes });
    this.view.revision = revision;
    this.#recent.compact(revision);
    this.#hub.jump(revision);
  }

  #fold(commit: Commit): void {
    this.#expiry.before(commit);
    apply(this.view, commit);
    this.#expiry.after(commit);
  }

  committed(commits: readonly Commit[]): void {
    for (const commit of commits) {
      this.#fold(commit);
      this.#recent.push(commit);
    }
    // Watchers see a view that holds the whole group.
    this.#hub.publish(commits);
  }

  heard(account: Account, heard: Heard): void {
    this.#expiry.hear(account, heard);
  }

  read<T>(query: (view: View) => T extends PromiseLike<unknown> ? never : T): T {
    return query(this.view);
  }

  group(by: Grouping): Promise<void> | undefined {
    if (this.view.groupings.has(by)) return undefined;
    const grouping = this.#grouping.get(by) ?? this.#groupInTurns(by);
    this.#grouping.set(by, grouping);
    return grouping;
  }

  async #groupInTurns(by: Grouping): Promise<void> {
    const steps = this.view.group(by, GROUPED_MAX);
    do await this.#turn();
    while (steps.next().done !== true);
    this.#grouping.delete(by);
  }

  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>> {
    this.#proposals++;
    const { replicator } = this.#options;
    if (!readsPast(command)) return replicator.propose(account, command, signal);
    return this.#past.resolve(account, command, signal).then((known) => replicator.propose(account, known, signal));
  }

  renew(account: Account, lease: LeaseId): Promise<Outcome<{ readonly ttlMs: number }>> {
    const ttlMs = this.#expiry.beat(account, lease, this.#expiry.at());
    if (ttlMs > 0) return Promise.resolve(ok({ ttlMs }));
    return this.renewMany(account, [lease]).then(([found]) => answerBeat(found as number));
  }

  renewMany(account: Account, leases: readonly LeaseId[]): Promise<Float64Array> {
    const ttls = new Float64Array(leases.length);
    const at = this.#expiry.at();
    let notHere = 0;
    for (let i = 0; i < leases.length; i++) {
      const ttlMs = this.#expiry.beat(account, leases[i] as LeaseId, at);
      ttls[i] = ttlMs;
      if (ttlMs <= 0) notHere++;
    }
    if (notHere === 0) return Promise.resolve(ttls);
    const decided = this.#expiry.decided(account, leases);
    if (decided !== undefined) return decided.then(() => this.renewMany(account, leases));
    const { keeping } = this.#options.replicator;
    return keeping === undefined ? Promise.resolve(ttls) : this.#renewElsewhere(keeping, account, leases, ttls);
  }

  /** That there is no such lease is said of one that is neither here nor at its keeper, nor on its way to either. */
  async #renewElsewhere(
    keeping: Keeping,
    account: Account,
    leases: readonly LeaseId[],
    ttls: Float64Array,
  ): Promise<Float64Array> {
    if (ttls.includes(0)) {
      const isCurrent = (await this.barrier()).ok;
      const beatAt = this.#expiry.at();
      for (const [nth, lease] of leases.entries())
        if (ttls[nth] === 0) ttls[nth] = isCurrent ? this.#expiry.beat(account, lease, beatAt) : ELSEWHERE;
    }
    const at = [...leases.keys()].filter((nth) => ttls[nth] === ELSEWHERE);
    const asked = at.map((nth) => leases[nth] as LeaseId);
    const found = at.length === 0 ? [] : await keeping.renew(account, asked);
    for (const [nth, place] of at.entries()) {
      const isHere = this.view.leaseState(account, leases[place] as LeaseId) !== undefined;
      ttls[place] = found[nth] === 0 && isHere ? ELSEWHERE : (found[nth] ?? ELSEWHERE);
    }
    return ttls;
  }

  abandon(account: Account, lease: LeaseId, lingerMs: number): void {
    this.#expiry.abandon(account, lease, lingerMs);
  }

  get kept(): number {
    return this.#expiry.wheel.size;
  }

  renewHere(account: Account, leases: readonly LeaseId[]): Float64Array {
    const at = this.#expiry.at();
    return Float64Array.from(leases, (lease) => this.#expiry.beat(account, lease, at));
  }

  async pulses(account: Account, leases: readonly LeaseId[]): Promise<readonly (Pulse | undefined)[]> {
    const pulses = this.pulsesHere(account, leases).slice();
    const { keeping } = this.#options.replicator;
    const at = [...leases.keys()].filter(
      (nth) => pulses[nth] === undefined && this.view.leaseState(account, leases[nth] as LeaseId) !== undefined,
    );
    if (keeping === undefined || at.length === 0) return pulses;
    const found = await keeping.pulses(
      account,
      at.map((nth) => leases[nth] as LeaseId),
    );
    for (const [nth, place] of at.entries()) pulses[place] = found[nth];
    return pulses;
  }

  pulsesHere(account: Account, leases: readonly LeaseId[]): readonly (Pulse | undefined)[] {
    return leases.map((lease) => this.#expiry.pulse(account, lease));
  }

  pulse(account: Account, lease: LeaseId): Pulse | undefined {
    return this.#expiry.pulse(account, lease);
  }

  keptBy(account: Account, lease: LeaseId): string | undefined {
    const record = this.view.lease(account, lease);
    return record && this.#options.replicator.keeping?.keeperOf(account, record);
  }

  async barrier(signal?: AbortSignal): Promise<Outcome<Revision>> {
    const { replicator } = this.#options;
    const head = (await replicator.head?.(signal)) ?? ok(this.view.revision);
    if (!head.ok) return head;
    const givenUp = (): Refused => refuse("unavailable", "the request was given up");
    return this.#hub.reached(head.value, signal).then(() => head, givenUp);
  }

  async latest(signal?: AbortSignal): Promise<Outcome<Revision>> {
    const isAway = (): boolean => this.#options.replicator.isAway === true;
    const head = isAway() ? undefined : await this.barrier(signal);
    return head?.ok !== true && isAway() ? ok(this.view.revision) : (head ?? this.barrier(signal));
  }

  get order(): Replicator["order"] {
    return this.#options.replicator.order;
  }

  get line(): string {
    return this.#options.replicator.line;
  }

  reached(revision: Revision, signal?: AbortSignal): Promise<void> {
    return this.#hub.reached(revision, signal);
  }

  follow(scope: Scope, after: Revision, watcher: Watcher): Outcome<Watch> {
    const { account, keys } = scope;
    const floor = account === undefined || keys === undefined ? 0 : (this.view.account(account)?.keysFloor ?? 0);
    if (after < floor) return refuse("compacted", `history up to revision ${floor} is gone; read again`);
    return this.#hub.follow(scope, after, watcher);
  }

  async history(after: Revision, limit: number): Promise<Outcome<readonly Commit[]>> {
    await this.#turn();
    if (after < this.floor) return refuse("compacted", `history up to revision ${this.floor} is gone`);
    const bytesMax = LIMITS.historyBytesMax;
    if (!this.#recent.covers(after)) return ok(await this.#options.replicator.history(after, limit, bytesMax));
    const commits: Commit[] = [];
    let bytes = 0;
    for (const commit of this.#recent.since(after)) {
      if (commits.length >= limit || bytes > bytesMax) break;
      commits.push(commit);
      bytes += sizeOfCommit(commit);
    }
    return ok(commits);
  }

  past(account: Account, range: PastRange, at: Revision, signal?: AbortSignal): Promise<Outcome<RangeResult>> {
    return this.#past.read(account, range, at, signal);
  }

  goneAt(account: Account, instance: InstanceKey): Promise<Revision> {
    return this.#options.replicator.goneAt(account, instance);
  }

  revisionAt(orderMs: number): Promise<Revision> {
    return this.#options.replicator.revisionAt(orderMs);
  }

  get floor(): Revision {
    return this.#options.replicator.floor;
  }

  async compact(revision: Revision): Promise<Outcome<Revision>> {
    if (!Number.isSafeInteger(revision) || revision < 0) return refuse("invalid", "a revision is a whole number");
    if (revision > this.view.revision)
      return refuse("invalid", `revision ${revision} is in the future; the latest is ${this.view.revision}`);
    if (revision <= this.floor) return refuse("compacted", `history up to revision ${this.floor} is gone already`);
    const outcome = await this.#options.replicator.compact(revision);
    if (outcome.ok) this.#recent.compact(this.floor);
    return outcome;
  }

  tick(): void {
    this.#expiry.tick();
  }

  numbers(): CoreNumbers {
    return {
      proposals: this.#proposals,
      watchers: this.#hub.count,
      heldLeases: this.#expiry.heldLeases(),
      revision: this.view.revision,
      floor: this.floor,
      bytes: this.view.bytes,
    };
  }

  close(): Promise<void> {
    return this.#options.replicator.close();
  }
}

function answerBeat(ttlMs: number): Outcome<{ readonly ttlMs: number }> {
  if (ttlMs > 0) return ok({ ttlMs });
  return ttlMs === 0
    ? refuse("not-found", "there is no such lease; register again")
    : refuse("unavailable", "the node that keeps this lease is not reached; try again");
}
