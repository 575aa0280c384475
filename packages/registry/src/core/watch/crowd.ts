/** Cursors with the same scope, in step or in rounds. Most are at the same position, and are handed the same commits. */
import type { Scope, Watch, Watcher } from "../registry.ts";
import type { Revision } from "../types.ts";

export class Crowd {
  /** Undefined when no other cursor may join. */
  readonly name: string | undefined;
  readonly scope: Scope;
  readonly inStep: boolean;
  /** Cursors at `clean` or later. */
  readonly live = new Set<Cursor>();
  /** The number of cursors that are not closed. */
  size = 0;
  /** No commit between here and `lacking` is in scope. */
  clean: Revision;
  /** Live cursors lack the commits after this revision; null while they lack none. */
  lacking: Revision | null = null;
  /** The last commit in scope that the hub told of. */
  told: Revision = 0;

  constructor(name: string | undefined, scope: Scope, inStep: boolean, clean: Revision) {
    this.name = name;
    this.scope = scope;
    this.inStep = inStep;
    this.clean = clean;
  }
}

/** What cursors need of the hub. */
export interface Hub {
  readonly revision: Revision;
  resume(cursor: Cursor): void;
  pull(cursor: Cursor): void;
  forget(cursor: Cursor): void;
}

export class Cursor implements Watch {
  readonly crowd: Crowd;
  readonly watcher: Watcher;
  readonly #hub: Hub;
  /** Delivered up to here. A live cursor may have passed over more, out of its scope: see `position`. */
  at: Revision;
  /** The watcher is told when the cursor comes to here; null once it was, or need not be any more. */
  goal: Revision | null;
  /** A queued cursor waits for its turn, a parked one for `resume`. */
  state: "queued" | "live" | "parked" | "closed" = "queued";

  constructor(hub: Hub, crowd: Crowd, watcher: Watcher, after: Revision) {
    this.#hub = hub;
    this.crowd = crowd;
    this.watcher = watcher;
    this.at = after;
    this.goal = hub.revision;
  }

  get position(): Revision {
    return this.state === "live" ? Math.max(this.at, this.crowd.lacking ?? this.#hub.revision) : this.at;
  }

  resume(): void {
    if (this.state === "parked") this.#hub.resume(this);
  }

  pull(): void {
    if (this.state !== "closed") this.#hub.pull(this);
  }

  close(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.goal = null;
    this.#hub.forget(this);
  }
}
