/** @live A stream of commits or events that follows the registry: replay, live, parked while the client is slow. */
import type { Commit, Refused, Registry, Revision, Scope, Watch, Watcher } from "../../core/index.ts";
import { catchUp } from "../../net/routes/catch-up.ts";
import { ELSEWHERE } from "../../net/routes/position.ts";
import type { Visit } from "../../net/routes/visits.ts";
import type { Piece } from "./pieces.ts";

/** Where a follower tells what it finds. */
export interface Outlet {
  readonly open: boolean;
  /** What is written is always taken, while it is open. False: no more until `resume` is called. */
  write(bytes: Buffer): boolean;
  /** The last words, if any, and the end. `revoked`: why the client may stay no longer. */
  end(last?: Buffer, revoked?: Refused): void;
}

export interface Following {
  readonly scope: Scope;
  /** Encodes the first of these commits, one at least. */
  encode(commits: readonly Commit[]): Piece;
  /**
   * `ready`: all that was there at the beginning has been told. `resync`: read the state again, the stream goes on after
   * it. `bye`: go on elsewhere from here. `compacted`: history up to it is gone. Empty where there is nothing to say.
   */
  say(word: "ready" | "resync" | "bye", revision: Revision, compacted: Revision): Buffer;
  /** False when nobody may come in any more, or not this client. */
  mayStay(): boolean;
}

export class Follower implements Watcher, Visit {
  readonly #registry: Registry;
  readonly #outlet: Outlet;
  readonly #following: Following;
  #watch: Watch | undefined;
  #parked = false;
  #last: Revision = 0;

  constructor(registry: Registry, outlet: Outlet, following: Following) {
    this.#registry = registry;
    this.#outlet = outlet;
    this.#following = following;
  }

  /** `after`: undefined for from now on; `ELSEWHERE` for after a position of another order. */
  start(after: Revision | undefined): void {
    this.#last = after ?? this.#now();
    // While the request came, its token may have gone.
    if (!this.#following.mayStay()) return this.bye();
    const late = catchUp(this.#registry, this.#last);
    if (late === undefined) return this.#begin();
    // One that is away for long does better at another node, with the position that it has.
    void late.then((refused) => (refused === undefined ? this.#begin() : this.bye()));
  }

  #now(): Revision {
    return this.#registry.read((view) => view.revision);
  }

  #begin(): void {
    if (!this.#outlet.open) return;
    // A position from the future belongs to another history: a store that was put back to an older state.
    if (this.#last === ELSEWHERE || this.#last > this.#now()) this.#resync();
    else this.#follow(this.#last);
  }

  #follow(after: Revision): void {
    if (!this.#outlet.open) return;
    const watch = this.#registry.follow(this.#following.scope, after, this);
    if (!watch.ok) {
      if (watch.refusal === "compacted") this.#resync();
      else this.bye();
      return;
    }
    if (!this.#outlet.open) return watch.value.close();
    this.#watch = watch.value;
  }

  /** The client has to read the state again; the stream goes on after it. */
  #resync(): void {
    this.#sayResync();
    this.#follow(this.#last);
  }

  #sayResync(): void {
    this.#last = this.#now();
    this.#tell("resync", this.#last);
  }

  #tell(word: "ready" | "resync", revision: Revision): void {
    const bytes = this.#say(word, revision);
    if (bytes.length > 0) this.#outlet.write(bytes);
  }

  #say(word: "ready" | "resync" | "bye", revision: Revision): Buffer {
    return this.#following.say(word, revision, this.#registry.floor);
  }

  deliver(commits: readonly Commit[]): number {
    if (!this.#outlet.open) return commits.length;
    if (this.#parked) return 0;
    const { bytes, count, last } = this.#encode(commits);
    this.#last = last;
    // Taken all the same: `write` keeps the bytes, and what comes next is what waits.
    if (bytes.length > 0 && !this.#outlet.write(bytes)) this.#parked = true;
    return count;
  }

  #encode(commits: readonly Commit[]): Piece {
    try {
      return this.#following.encode(commits);
    } catch (error) {
      // A bug. An end is better than a stream that stays open and leaves something out.
      this.#outlet.end();
      throw error;
    }
  }

  /** The client has taken what waited for it. */
  resume(): void {
    if (!this.#parked) return;
    this.#parked = false;
    this.#watch?.resume();
  }

  lost(): void {
    this.#watch = undefined;
    if (!this.#outlet.open) return;
    this.#parked = false;
    this.#resync();
  }

  caughtUp(): void {
    if (!this.#outlet.open || this.#watch === undefined) return;
    const { position } = this.#watch;
    this.#last = Math.max(this.#last, position);
    this.#tell("ready", position);
  }

  bye(revoked?: Refused): void {
    if (!this.#outlet.open) return;
    // Of a position of another order none can be made here.
    if (this.#last === ELSEWHERE) this.#sayResync();
    // The watch has also passed commits outside of the scope: its position may be later than the last commit sent.
    this.#outlet.end(this.#say("bye", Math.max(this.#watch?.position ?? 0, this.#last)), revoked);
  }

  /** The stream is over. */
  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }
}
