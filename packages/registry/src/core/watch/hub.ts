/**
 * Who is told of which commit. Watchers are cursors: a live one stands at the head and is handed each commit once; one
 * that cannot take more is parked at its position and reads on from the history later. Nothing is queued here.
 */

import type { Outcome } from "../../outcome.ts";
import type { Scope, Watch, Watcher } from "../ports.ts";
import type { Account, Bytes, Change, Commit, Revision } from "../types.ts";
import type { History } from "./history.ts";

/** Reads commits that memory no longer holds. */
export interface OlderHistory {
  readonly floor: Revision;
  history(after: Revision, limit: number): Promise<readonly Commit[]>;
}

const OLDER_BATCH = 512;

class Entry implements Watch {
  readonly scope: Scope;
  readonly watcher: Watcher;
  private readonly hub: WatchHub;
  /** Delivered up to here; of a live entry only the latest delivery: `position` asks the hub. */
  at: Revision;
  /** It has caught up when it has come to here; null once its watcher was told. */
  goal: Revision | null;
  live = false;
  closed = false;
  catching = false;

  constructor(hub: WatchHub, scope: Scope, watcher: Watcher, after: Revision) {
    this.hub = hub;
    this.scope = scope;
    this.watcher = watcher;
    this.at = after;
    this.goal = hub.revision;
  }

  get position(): Revision {
    return this.live ? Math.max(this.at, this.hub.revision) : this.at;
  }

  resume(): void {
    if (!this.live && !this.closed) this.hub.catchUp(this);
  }

  close(): void {
    this.closed = true;
    this.hub.forget(this);
  }
}

/** The live watchers of one account, by what they want. */
class Interest {
  readonly everything = new Set<Entry>();
  readonly anyService = new Set<Entry>();
  readonly services = new Map<string, Set<Entry>>();
  readonly keys = new Map<Bytes, Set<Entry>>();
  readonly ranges = new Set<Entry>();
}

export class WatchHub {
  revision: Revision = 0;
  private readonly history: History;
  private readonly older: OlderHistory;
  private readonly onBug: (error: unknown) => void;
  private readonly interests = new Map<Account, Interest>();
  private readonly allAccounts = new Set<Entry>();
  private readonly waiting: { readonly revision: Revision; readonly done: () => void }[] = [];
  count = 0;

  constructor(history: History, older: OlderHistory, onBug: (error: unknown) => void) {
    this.history = history;
    this.older = older;
    this.onBug = onBug;
  }

  follow(scope: Scope, after: Revision, watcher: Watcher): Outcome<Watch> {
    const floor = this.older.floor;
    if (after < floor) {
      return { ok: false, refusal: "compacted", detail: `history up to revision ${floor} is gone; read again` };
    }
    const entry = new Entry(this, scope, watcher, after);
    this.count++;
    // The caller gets the watch before its first commit.
    queueMicrotask(() => this.catchUp(entry));
    return { ok: true, value: entry };
  }

  /** Tells everyone whom the commit concerns. Called with each commit once, in order. */
  publish(commit: Commit): void {
    this.revision = commit.revision;
    const interest = this.interests.get(commit.account);
    if (interest !== undefined) {
      for (const entry of interest.everything) this.hand(entry, commit);
      for (const change of commit.changes) this.publishChange(interest, change, commit);
    }
    for (const entry of this.allAccounts) if (concerns(entry.scope, commit)) this.hand(entry, commit);
    if (this.waiting.length > 0) this.wake();
  }

  private publishChange(interest: Interest, change: Change, commit: Commit): void {
    if (change.kind === "instance") {
      for (const entry of interest.anyService) this.hand(entry, commit);
      this.publishService(interest, change.after?.service, commit);
      if (change.before?.service !== change.after?.service)
        this.publishService(interest, change.before?.service, commit);
    } else if (change.kind === "key") {
      const key = (change.after ?? change.before)?.key ?? "";
      for (const entry of interest.keys.get(key) ?? []) this.hand(entry, commit);
      for (const entry of interest.ranges) if (keyInScope(entry.scope, key)) this.hand(entry, commit);
    }
  }

  private publishService(interest: Interest, service: string | undefined, commit: Commit): void {
    if (service === undefined) return;
    const entries = interest.services.get(service);
    if (entries !== undefined) for (const entry of entries) this.hand(entry, commit);
  }

  /** Each watcher gets a commit once, however many of its changes concern it. */
  private hand(entry: Entry, commit: Commit): void {
    if (!entry.live || entry.at >= commit.revision) return;
    if (this.deliver(entry, commit)) return;
    // Parked just before this commit.
    entry.at = commit.revision - 1;
    this.park(entry);
  }

  private deliver(entry: Entry, commit: Commit): boolean {
    try {
      if (!entry.watcher.deliver(commit)) return false;
    } catch (error) {
      this.onBug(error);
      // Half of the commit may have been taken in: what rests on it is wrong until it is read again.
      this.lose(entry);
    }
    entry.at = commit.revision;
    return true;
  }

  /** Ends the watch of one that has to begin anew. */
  private lose(entry: Entry): void {
    entry.close();
    try {
      entry.watcher.lost(this.older.floor);
    } catch (error) {
      this.onBug(error);
    }
  }

  /** Brings a parked watcher to the head, from memory at once, from the store in batches. */
  catchUp(entry: Entry): void {
    if (entry.live || entry.closed || entry.catching) return;
    if (this.history.covers(entry.at)) {
      if (this.replay(entry, this.history.since(entry.at))) this.goLive(entry);
      return;
    }
    if (entry.at < this.older.floor) {
      this.lose(entry);
      return;
    }
    entry.catching = true;
    this.readOlder(entry).then(
      (more) => {
        entry.catching = false;
        if (more) this.catchUp(entry);
      },
      (error: unknown) => {
        entry.catching = false;
        entry.close();
        this.onBug(error);
      },
    );
  }

  private async readOlder(entry: Entry): Promise<boolean> {
    const commits = await this.older.history(entry.at, OLDER_BATCH);
    if (entry.closed) return false;
    if (!this.replay(entry, commits)) return false;
    // An empty batch means the store ends before memory begins: nothing lies between.
    if (commits.length === 0) entry.at = Math.max(entry.at, this.history.floor);
    return true;
  }

  /** False when the watcher took no more (it is parked) or is closed. */
  private replay(entry: Entry, commits: Iterable<Commit>): boolean {
    for (const commit of commits) {
      if (entry.closed) return false;
      if (commit.revision <= entry.at) continue;
      if (concerns(entry.scope, commit)) {
        if (!this.deliver(entry, commit)) return false;
      } else entry.at = commit.revision;
      if (entry.goal !== null && entry.at >= entry.goal) this.noteCaughtUp(entry);
    }
    return !entry.closed;
  }

  private noteCaughtUp(entry: Entry): void {
    if (entry.goal === null) return;
    entry.goal = null;
    try {
      entry.watcher.caughtUp?.();
    } catch (error) {
      this.onBug(error);
    }
  }

  private goLive(entry: Entry): void {
    entry.live = true;
    this.eachPlace(entry, (set) => set.add(entry));
    this.noteCaughtUp(entry);
  }

  private park(entry: Entry): void {
    entry.live = false;
    this.eachPlace(entry, (set) => set.delete(entry));
  }

  forget(entry: Entry): void {
    if (entry.live) this.park(entry);
    if (this.count > 0) this.count--;
  }

  private eachPlace(entry: Entry, act: (set: Set<Entry>) => void): void {
    const { account, services, anyService, keys } = entry.scope;
    if (account === undefined) {
      act(this.allAccounts);
      return;
    }
    const interest = this.interests.get(account) ?? new Interest();
    this.interests.set(account, interest);
    if (isEverything(entry.scope)) act(interest.everything);
    if (anyService === true) act(interest.anyService);
    for (const service of services ?? []) actOn(interest.services, service, act);
    if (keys !== undefined) {
      if (keys.to === undefined) actOn(interest.keys, keys.from, act);
      else act(interest.ranges);
    }
  }

  reached(revision: Revision, signal?: AbortSignal): Promise<void> {
    if (this.revision >= revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { revision, done: resolve };
      this.waiting.push(waiter);
      signal?.addEventListener("abort", () => {
        const index = this.waiting.indexOf(waiter);
        if (index !== -1) this.waiting.splice(index, 1);
        reject(signal.reason);
      });
    });
  }

  private wake(): void {
    for (let i = this.waiting.length - 1; i >= 0; i--) {
      const waiter = this.waiting[i];
      if (waiter !== undefined && waiter.revision <= this.revision) {
        this.waiting.splice(i, 1);
        waiter.done();
      }
    }
  }
}

/** Runs `act` on the set at `key`; sets that are empty afterwards are not kept. */
function actOn(places: Map<string, Set<Entry>>, key: string, act: (set: Set<Entry>) => void): void {
  const set = places.get(key) ?? new Set();
  act(set);
  if (set.size > 0) places.set(key, set);
  else places.delete(key);
}

function isEverything(scope: Scope): boolean {
  return scope.services === undefined && scope.anyService !== true && scope.keys === undefined;
}

function keyInScope({ keys }: Scope, key: Bytes): boolean {
  if (keys === undefined) return false;
  if (keys.to === undefined) return key === keys.from;
  return key >= keys.from && (keys.to === "" || key < keys.to);
}

/** Whether a commit has a change that the scope asks for. */
export function concerns(scope: Scope, commit: Commit): boolean {
  if (scope.account !== undefined && scope.account !== commit.account) return false;
  return isEverything(scope) || commit.changes.some((change) => changeConcerns(scope, change));
}

/** Whether one change is within the scope (its account aside). */
export function changeConcerns(scope: Scope, change: Change): boolean {
  if (isEverything(scope)) return true;
  if (change.kind === "key") return keyInScope(scope, (change.after ?? change.before)?.key ?? "");
  if (change.kind !== "instance") return false;
  if (scope.anyService === true) return true;
  const services = scope.services ?? [];
  return services.includes(change.after?.service ?? "") || services.includes(change.before?.service ?? "");
}
