import type { Outcome } from "../../outcome.ts";
import type { Watch, Watcher } from "../ports.ts";
import type { Commit, Revision } from "../types.ts";

/** Thrown by a watch iterable whose position history no longer holds. */
export class Lost extends Error {
  readonly compacted: Revision;

  constructor(compacted: Revision) {
    super(`history up to revision ${compacted} is gone; read again`);
    this.name = "Lost";
    this.compacted = compacted;
  }
}

/** Turns a watcher's callbacks into an iterable that holds one commit at a time. Ends when aborted. */
export function iterate(
  follow: (watcher: Watcher) => Outcome<Watch>,
  signal: AbortSignal,
): Outcome<AsyncIterable<Commit>> {
  let slot: Commit | null = null;
  let lost: Revision | null = null;
  let wake: (() => void) | null = null;
  const ring = (): void => {
    wake?.();
    wake = null;
  };
  const followed = follow({
    deliver(commit) {
      if (slot !== null) return false;
      slot = commit;
      ring();
      return true;
    },
    lost(compacted) {
      lost = compacted;
      ring();
    },
  });
  if (!followed.ok) return followed;
  const watch = followed.value;
  signal.addEventListener("abort", ring);
  async function* commits(): AsyncIterable<Commit> {
    try {
      while (!signal.aborted) {
        if (slot !== null) {
          const commit: Commit = slot;
          slot = null;
          yield commit;
          continue;
        }
        if (lost !== null) throw new Lost(lost);
        watch.resume();
        if (slot === null && lost === null) await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      watch.close();
    }
  }
  return { ok: true, value: commits() };
}
