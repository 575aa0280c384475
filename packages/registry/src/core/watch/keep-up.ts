/** @live Follows the registry from a state that was read, and begins anew when commits were missed. */

import type { Registry, Scope, Watch, Watcher } from "../registry.ts";
import type { Commit, Revision } from "../types.ts";
import type { View } from "../view.ts";

/** What is kept in step with the registry. */
export interface Follower {
  /** Takes in the whole state: at the beginning, and again after a loss, when nothing known before counts any more. */
  read(view: View): void;
  /** Takes in a commit after that state; each in scope once, in order. One that throws is a bug: the state is read again. */
  take(commit: Commit): void;
  /** The revision to follow from, for one that takes in history as well; without it, the state's own. */
  after?(view: View): Revision;
  /** Called once after each reading: all that there was then has been taken. */
  caughtUp?(): void;
}

export interface Following {
  close(): void;
}

/** Reads the state at once, and hands over every commit in scope after it until the handle is closed. */
export function keepUp(registry: Registry, scope: Scope, follower: Follower): Following {
  const following = new KeepingUp(registry, scope, follower);
  following.begin();
  return following;
}

class KeepingUp implements Watcher, Following {
  readonly inStep = true;
  readonly #registry: Registry;
  readonly #scope: Scope;
  readonly #follower: Follower;
  #watch: Watch | undefined;
  #closed = false;

  constructor(registry: Registry, scope: Scope, follower: Follower) {
    this.#registry = registry;
    this.#scope = scope;
    this.#follower = follower;
  }

  begin(): void {
    if (this.#closed) return;
    const after = this.#registry.read((view): Revision => {
      this.#follower.read(view);
      return this.#follower.after?.(view) ?? view.revision;
    });
    // The state may have been all that the owner needed.
    if (this.#closed) return;
    const watch = this.#registry.follow(this.#scope, after, this);
    if (watch.ok) this.#watch = watch.value;
    // Later, so that a registry that refuses again and again holds up nothing else.
    else setImmediate(() => this.begin());
  }

  deliver(commits: readonly Commit[]): number {
    for (const commit of commits) this.#follower.take(commit);
    return commits.length;
  }

  caughtUp(): void {
    this.#follower.caughtUp?.();
  }

  lost(): void {
    this.#watch = undefined;
    this.begin();
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
  }
}
