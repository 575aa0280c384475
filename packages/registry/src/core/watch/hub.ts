/** @live Tells watchers of commits: those in step at once, all others in rounds. Each watch is a cursor into the history. */

import { type Outcome, ok, refuse } from "../../outcome.ts";
import type { Scope, Watch, Watcher } from "../registry.ts";
import type { Commit, Revision } from "../types.ts";
import { onAbort } from "./abort.ts";
import { Audience } from "./audience.ts";
import { Crowd, Cursor, type Hub } from "./crowd.ts";
import { Rounds, type RoundsOptions } from "./rounds.ts";
import { nameScope } from "./scope.ts";

export class WatchHub implements Hub {
  revision: Revision = 0;
  readonly #options: RoundsOptions;
  readonly #rounds: Rounds;
  readonly #audience = new Audience();
  readonly #crowds = new Map<string, Crowd>();
  /** Those without a name, too. */
  readonly #all = new Set<Crowd>();
  readonly #waiting: { readonly revision: Revision; readonly done: () => void }[] = [];
  count = 0;

  constructor(options: RoundsOptions) {
    this.#options = options;
    this.#rounds = new Rounds(options);
  }

  follow(scope: Scope, after: Revision, watcher: Watcher): Outcome<Watch> {
    const { floor } = this.#options.older;
    if (after < floor) {
      return refuse("compacted", `history up to revision ${floor} is gone; read again`);
    }
    const cursor = new Cursor(this, this.#enter(scope, watcher.inStep === true), watcher, after);
    this.count++;
    // The caller gets the watch before its first commit.
    queueMicrotask(() => {
      this.#rounds.add(cursor);
      if (watcher.inStep === true) cursor.pull();
    });
    return ok(cursor);
  }

  #enter(scope: Scope, inStep: boolean): Crowd {
    const scopeName = nameScope(scope);
    const name = scopeName && `${inStep ? "in step" : "in rounds"} ${scopeName}`;
    let crowd = name && this.#crowds.get(name);
    if (!crowd) {
      crowd = new Crowd(name, scope, inStep, this.revision);
      if (name !== undefined) this.#crowds.set(name, crowd);
      this.#audience.add(crowd);
      this.#all.add(crowd);
    }
    crowd.size++;
    return crowd;
  }

  forget(cursor: Cursor): void {
    const { crowd } = cursor;
    this.count--;
    crowd.live.delete(cursor);
    if (--crowd.size > 0) return;
    if (crowd.name !== undefined) this.#crowds.delete(crowd.name);
    this.#audience.remove(crowd);
    this.#all.delete(crowd);
  }

  resume(cursor: Cursor): void {
    this.#rounds.add(cursor);
  }

  pull(cursor: Cursor): void {
    this.#rounds.pull(cursor, this.revision);
  }

  /** Tells of commits that are all in the view. Called with each once, in order. */
  publish(commits: readonly Commit[]): void {
    for (const commit of commits) {
      this.#audience.tell(commit, this.#tell);
      this.revision = commit.revision;
    }
    this.#rounds.start();
    if (this.#waiting.length > 0) this.#wake();
  }

  /**
   * The view came to this revision without commits. Cursors in step are lost, as nobody told them; the others lack
   * something, which history may have.
   */
  jump(revision: Revision): void {
    const before = this.revision;
    this.revision = revision;
    for (const crowd of [...this.#all]) {
      crowd.told = revision;
      if (crowd.live.size > 0 && !crowd.inStep) this.#rounds.note(crowd, before);
      else crowd.clean = revision;
      if (crowd.inStep) for (const cursor of [...crowd.live]) this.#rounds.lose(cursor);
    }
    this.#rounds.start();
    this.#wake();
  }

  readonly #tell = (crowd: Crowd, commit: Commit): void => {
    if (crowd.told === commit.revision) return;
    crowd.told = commit.revision;
    if (crowd.live.size > 0 && !crowd.inStep) return this.#rounds.note(crowd, commit.revision - 1);
    crowd.clean = commit.revision;
    for (const cursor of crowd.live)
      if (cursor.at < commit.revision) this.#rounds.hand(cursor, [commit], commit.revision);
  };

  reached(revision: Revision, signal?: AbortSignal): Promise<void> {
    if (this.revision >= revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { revision, done: () => resolve() };
      const forget = onAbort(signal, () => {
        const index = this.#waiting.indexOf(waiter);
        if (index !== -1) this.#waiting.splice(index, 1);
        reject(signal?.reason);
      });
      waiter.done = () => {
        forget();
        resolve();
      };
      this.#waiting.push(waiter);
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
