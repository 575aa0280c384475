/**
 * Gives memory back after a burst. V8 keeps what its heap grew to while many instances registered; a collection in a
 * quiet moment returns it to the system. It stops the process for 1 to 3 ms a MB, so it is made only when the heap has
 * grown by much since the last one, and only while nothing is being written.
 */
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const GROWTH_BYTES_MIN = 48 * 1024 * 1024;
const LOOK_MS = 2000;
/** The store writes its rows in the first quiet seconds; its garbage is to go as well. */
const QUIET_LOOKS_MIN = 2;

export interface Memory {
  readonly heapBytes: () => number;
  /** A number that grows with every write. */
  readonly progress: () => number;
  readonly collect: () => void;
}

/** The memory of this process. */
export function processMemory(progress: () => number): Memory {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options?: { type: "minor" | "major"; flavor?: "last-resort" }) => void;
  const collect = (): void => {
    setFlagsFromString("--compact-on-every-full-gc");
    gc();
    setFlagsFromString("--no-compact-on-every-full-gc");
    // Newer versions keep freed pages in a pool, and give them back for a last resort alone; Node 20 knows none.
    gc({ type: "major", flavor: "last-resort" });
    // The young generation shrinks, and freed pages go back, at the next small collection.
    gc({ type: "minor" });
  };
  // Asking for the whole process's memory opens a file, and throws when there is no descriptor left.
  return { heapBytes: () => getHeapStatistics().total_heap_size, progress, collect };
}

/** One look; to be called about every 2 s. */
export function createSweeper(memory: Memory): () => void {
  let settledBytes = memory.heapBytes();
  let seen = memory.progress();
  let quietLooks = 0;
  return () => {
    quietLooks = memory.progress() === seen ? quietLooks + 1 : 0;
    seen = memory.progress();
    if (quietLooks < QUIET_LOOKS_MIN || memory.heapBytes() - settledBytes < GROWTH_BYTES_MIN) return;
    memory.collect();
    settledBytes = memory.heapBytes();
  };
}

/** Gives memory back until the returned function is called. Begun before the store is read: that is a burst as well. */
export function keepMemory(progress: () => number): () => void {
  const timer = setInterval(createSweeper(processMemory(progress)), LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
