/**
 * Gives memory back after a burst. V8 keeps what its heap grew to while many instances registered; a collection in a
 * quiet moment returns it to the system. It stops the process for 1 to 3 ms a MB, so it is made only when the heap has
 * grown by much since the last one, and only while nothing is being written. The young generation, up to 32 MB, is given
 * back by collections of its own, of a few milliseconds: V8 shrinks it at one of them, once not much was made for some seconds.
 */
import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const GROWTH_BYTES_MIN = 48 * 1024 * 1024;
/** Of an agent, which shares its machine with applications; but no pause for little of much. */
const AGENT_GROWTH_BYTES_MIN = 16 * 1024 * 1024;
const AGENT_GROWTH_MIN = 0.2;
/** Between two looks: what it writes is a snapshot of all at times, and a registry elsewhere is hardly ever at rest. */
const AGENT_WRITES_MAX = 20;
const LOOK_MS = 2000;
/** The store writes its rows in the first quiet seconds; its garbage is to go as well. */
const QUIET_LOOKS_MIN = 2;
/** Above it the young generation is collected by itself. */
const YOUNG_BYTES_MAX = 4 * 1024 * 1024;

export interface Memory {
  /** Without the young generation. */
  readonly heapBytes: () => number;
  /** A number that grows with every write. */
  readonly progress: () => number;
  readonly collect: () => void;
  /** The part of the heap for what was just made. */
  readonly youngBytes: () => number;
  readonly collectYoung: () => void;
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
    // Freed pages go back at the next small collection.
    gc({ type: "minor" });
  };
  const collectYoung = () => gc({ type: "minor" });
  const youngBytes = () =>
    getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space")?.space_size ?? 0;
  // Asking for the whole process's memory opens a file, and throws when there is no descriptor left.
  const heapBytes = () => getHeapStatistics().total_heap_size - youngBytes();
  return { heapBytes, progress, collect, youngBytes, collectYoung };
}

/** One look; to be called about every 2 s. */
export function createSweeper(memory: Memory, isAgent = false): () => void {
  let settledBytes = memory.heapBytes();
  let seen = memory.progress();
  let quietLooks = 0;
  return () => {
    const writes = memory.progress() - seen;
    quietLooks = writes <= (isAgent ? AGENT_WRITES_MAX : 0) ? quietLooks + 1 : 0;
    seen = memory.progress();
    if (quietLooks < QUIET_LOOKS_MIN) return;
    const leastBytes = isAgent ? Math.max(AGENT_GROWTH_BYTES_MIN, AGENT_GROWTH_MIN * settledBytes) : GROWTH_BYTES_MIN;
    if (memory.heapBytes() - settledBytes >= leastBytes) {
      memory.collect();
      settledBytes = memory.heapBytes();
    } else if (memory.youngBytes() > YOUNG_BYTES_MAX) memory.collectYoung();
  };
}

/** Gives memory back until the returned function is called. Begun before the store is read: that is a burst as well. */
export function keepMemory(progress: () => number, isAgent: boolean): () => void {
  const timer = setInterval(createSweeper(processMemory(progress), isAgent), LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
