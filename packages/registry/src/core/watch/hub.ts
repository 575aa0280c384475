/**
 * @live Hands commits to watchers. Each watch is a cursor: a live one stands at the head and is handed every commit in
 * its scope once; one whose watcher takes no more is parked at its position and reads on from the history later.
 */
import { type Outcome, ok, refuse } from "../../outcome.ts";
import type { Scope, Watch, Watcher } from "../registry.ts";
import { type Account, type Bytes, type Change, type Commit, type Revision, subjectOf } from "../types.ts";
import type { History } from "./history.ts";

/** Commits that memory no longer holds. */
export interface OlderHistory {
  readonly floor: Revision;
  history(after: Revision, limit: number): Promise<readonly Commit[]>;
}

const OLDER_BATCH = 512;

class Cursor implements Watch {
  readonly scope: Scope;
  readonly watcher: Watcher;
  readonly #hub: WatchHub;
  /** Delivered up to here. A live cursor may have passed over more, out of its scope: see `position`. */
  at: Revision;
  /** The watcher is told when the cursor comes to here; null once it was, or need not be any more. */
  goal: Revision | null;
  live = false;
  closed = false;
  /** Commits are being read from the store. */
  reading = false;

  constructor(hub: WatchHub, scope: Scope, watcher: Watcher, after: Revision) {
    this.#hub = hub;
    this.scope = scope;
    this.watcher = watcher;
    this.at = after;
    this.goal = hub.revision;
  }

  get position(): Revision {
    return this.live ? Math.max(this.at, this.#hub.revision) : this.at;
  }

  resume(): void {
    if (!this.live && !this.closed) this.#hub.catchUp(this);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.goal = null;
    this.#hub.forget(this);
  }
}

/** The live cursors of one account, by what their scope asks for. */
class Audience {
  readonly everything = new Set<Cursor>();
  readonly anyService = new Set<Cursor>();
  readonly services = new Map<string, Set<Cursor>>();
  readonly keys = new Map<Bytes, Set<Cursor>>();
  readonly ranges = new Set<Cursor>();
}

export class WatchHub {
  revision: Revision = 0;
  readonly #history: History;
  readonly #older: OlderHistory;
  readonly #onBug: (error: unknown) => void;
  readonly #audiences = new Map<Account, Audience>();
  readonly #allAccounts = new Set<Cursor>();
  readonly #waiting: { readonly revision: Revision; readonly done: () => void }[] = [];
  count = 0;

  constructor(history: History, older: OlderHistory, onBug: (error: unknown) => void) {
    this.#history = history;
    this.#older = older;
    this.#onBug = onBug;
  }

  follow(scope: Scope, after: Revision, watcher: Watcher): Outcome<Watch> {
    const floor = this.#older.floor;
    if (after < floor) {
      return refuse("compacted", `history up to revision ${floor} is gone; read again`);
    }
    const cursor = new Cursor(this, scope, watcher, after);
    this.count++;
    // The caller gets the watch before its first commit.
    queueMicrotask(() => this.catchUp(cursor));
    return ok(cursor);
  }

  /** Hands the commit to every live cursor that it concerns. Called with each commit once, in order. */
  publish(commit: Commit): void {
    this.revision = commit.revision;
    const audience = this.#audiences.get(commit.account);
    if (audience !== undefined) {
      for (const cursor of audience.everything) this.#hand(cursor, commit);
      for (const change of commit.changes) this.#publishChange(audience, change, commit);
    }
    for (const cursor of this.#allAccounts) if (concerns(cursor.scope, commit)) this.#hand(cursor, commit);
    if (this.#waiting.length > 0) this.#wake();
  }

  #publishChange(audience: Audience, change: Change, commit: Commit): void {
    if (change.kind === "instance") {
      for (const cursor of audience.anyService) this.#hand(cursor, commit);
      this.#publishService(audience, change.after?.service, commit);
      if (change.before?.service !== change.after?.service)
        this.#publishService(audience, change.before?.service, commit);
    } else if (change.kind === "key") {
      const { key } = subjectOf(change);
      for (const cursor of audience.keys.get(key) ?? []) this.#hand(cursor, commit);
      for (const cursor of audience.ranges) if (keyInScope(cursor.scope, key)) this.#hand(cursor, commit);
    }
  }

  #publishService(audience: Audience, service: string | undefined, commit: Commit): void {
    if (service === undefined) return;
    const cursors = audience.services.get(service);
    if (cursors !== undefined) for (const cursor of cursors) this.#hand(cursor, commit);
  }

  /** A cursor gets a commit once, however many of its changes are in scope. */
  #hand(cursor: Cursor, commit: Commit): void {
    if (!cursor.live || cursor.at >= commit.revision) return;
    if (this.#deliver(cursor, commit)) return;
    // Parked just before this commit.
    cursor.at = commit.revision - 1;
    this.#park(cursor);
  }

  #deliver(cursor: Cursor, commit: Commit): boolean {
    try {
      if (!cursor.watcher.deliver(commit)) return false;
    } catch (error) {
      this.#onBug(error);
      // Half of the commit may have been taken in: the watcher's state is wrong until it is read again.
      this.#lose(cursor);
    }
    cursor.at = commit.revision;
    return true;
  }

  /** Ends the watch; its watcher has to read the state and begin anew. */
  #lose(cursor: Cursor): void {
    cursor.close();
    try {
      cursor.watcher.lost(this.#older.floor);
    } catch (error) {
      this.#onBug(error);
    }
  }

  /** Brings a parked cursor to the head: from memory at once, from the store in batches. */
  catchUp(cursor: Cursor): void {
    if (cursor.live || cursor.closed || cursor.reading) return;
    if (this.#history.covers(cursor.at)) {
      if (this.#replay(cursor, this.#history.since(cursor.at))) this.#goLive(cursor);
      return;
    }
    if (cursor.at < this.#older.floor) {
      this.#lose(cursor);
      return;
    }
    cursor.reading = true;
    this.#readOlder(cursor).then(
      (more) => {
        cursor.reading = false;
        if (more) this.catchUp(cursor);
      },
      (error: unknown) => {
        cursor.reading = false;
        this.#onBug(error);
        if (!cursor.closed) this.#lose(cursor);
      },
    );
  }

  async #readOlder(cursor: Cursor): Promise<boolean> {
    const commits = await this.#older.history(cursor.at, OLDER_BATCH);
    if (cursor.closed) return false;
    if (!this.#replay(cursor, commits)) return false;
    // An empty batch means the store ends before memory begins: nothing lies between.
    if (commits.length === 0) cursor.at = Math.max(cursor.at, this.#history.floor);
    return true;
  }

  /** False when the watcher took no more, or the watch was closed. */
  #replay(cursor: Cursor, commits: Iterable<Commit>): boolean {
    for (const commit of commits) {
      if (cursor.closed) return false;
      if (commit.revision <= cursor.at) continue;
      if (concerns(cursor.scope, commit)) {
        if (!this.#deliver(cursor, commit)) return false;
      } else cursor.at = commit.revision;
      if (cursor.goal !== null && cursor.at >= cursor.goal) this.#noteCaughtUp(cursor);
    }
    return !cursor.closed;
  }

  #noteCaughtUp(cursor: Cursor): void {
    if (cursor.goal === null) return;
    cursor.goal = null;
    try {
      cursor.watcher.caughtUp?.();
    } catch (error) {
      this.#onBug(error);
    }
  }

  #goLive(cursor: Cursor): void {
    cursor.live = true;
    this.#eachPlace(cursor, (set) => set.add(cursor));
    this.#noteCaughtUp(cursor);
  }

  #park(cursor: Cursor): void {
    cursor.live = false;
    this.#eachPlace(cursor, (set) => set.delete(cursor));
  }

  forget(cursor: Cursor): void {
    if (cursor.live) this.#park(cursor);
    this.count--;
  }

  #eachPlace(cursor: Cursor, act: (set: Set<Cursor>) => void): void {
    const { account, services, anyService, keys } = cursor.scope;
    if (account === undefined) {
      act(this.#allAccounts);
      return;
    }
    const audience = this.#audiences.get(account) ?? new Audience();
    this.#audiences.set(account, audience);
    if (isEverything(cursor.scope)) act(audience.everything);
    if (anyService === true) act(audience.anyService);
    for (const service of services ?? []) actOn(audience.services, service, act);
    if (keys !== undefined) {
      if (keys.to === undefined) actOn(audience.keys, keys.from, act);
      else act(audience.ranges);
    }
  }

  reached(revision: Revision, signal?: AbortSignal): Promise<void> {
    if (this.revision >= revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { revision, done: resolve };
      this.#waiting.push(waiter);
      signal?.addEventListener("abort", () => {
        const index = this.#waiting.indexOf(waiter);
        if (index !== -1) this.#waiting.splice(index, 1);
        reject(signal.reason);
      });
    });
  }

  #wake(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const waiter = this.#waiting[i];
      if (waiter !== undefined && waiter.revision <= this.revision) {
        this.#waiting.splice(i, 1);
        waiter.done();
      }
    }
  }
}

/** Runs `act` on the set at `key`; sets that are empty afterwards are not kept. */
function actOn(places: Map<string, Set<Cursor>>, key: string, act: (set: Set<Cursor>) => void): void {
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

function concerns(scope: Scope, commit: Commit): boolean {
  if (scope.account !== undefined && scope.account !== commit.account) return false;
  return isEverything(scope) || commit.changes.some((change) => isInScope(scope, change));
}

function isInScope(scope: Scope, change: Change): boolean {
  if (change.kind === "key") return keyInScope(scope, subjectOf(change).key);
  if (change.kind !== "instance") return false;
  if (scope.anyService === true) return true;
  const services = scope.services ?? [];
  return services.includes(change.after?.service ?? "") || services.includes(change.before?.service ?? "");
}
