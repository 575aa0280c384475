/** @live Follows the registry's commits over whichever address answers, for as long as it takes. */
import { setTimeout as delay } from "node:timers/promises";
import type { Copying } from "@rollcall/client";
import type { Commit } from "../../core/index.ts";
import { fromPlain } from "../../net/link/plain.ts";

export interface FollowerParts {
  readonly copy: Pick<Copying, "commits">;
  /** Up to where everything is known. */
  position(): string;
  /** The next commit; perhaps one that is known. */
  commit(commit: Commit): void;
  /** All up to this revision was told. */
  ready(revision: number): void;
  /** What is known is of another order, or too old: resolves when the state is read anew. False when this is over. */
  resync(signal: AbortSignal): Promise<boolean>;
  /** It is not followed now, and why. */
  down(error: unknown): void;
}

const AGAIN_MS = 2000;

/** A commit longer than the SDK takes would be in the way for ever: the state has it. */
function isUnreadable(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === "bad-answer";
}

export class Follower {
  readonly #parts: FollowerParts;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        if (!(await this.#follow(signal))) return;
      } catch (error) {
        if (signal.aborted) return;
        // The SDK has tried again whatever trying again may mend: a token may be given meanwhile, or a program changed.
        this.#parts.down(error);
        if (isUnreadable(error) && !(await this.#readAgain(signal))) return;
      }
      await delay(AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** False when this is over. */
  async #readAgain(signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#parts.resync(signal);
    } catch (error) {
      if (!signal.aborted) this.#parts.down(error);
      return true;
    }
  }

  async #follow(signal: AbortSignal): Promise<boolean> {
    const { copy, position, commit, ready, resync, down } = this.#parts;
    for await (const item of copy.commits({ after: position(), signal, onDown: down }))
      if (item.kind === "commit") commit(fromPlain(item.commit) as Commit);
      else if (item.kind === "ready") ready(item.revision);
      else if (!(await resync(signal))) return false;
    return true;
  }

  close(): Promise<void> {
    this.#stop.abort();
    return this.#running;
  }
}
