/** How much of the heap all records may take. */
import { getHeapStatistics } from "node:v8";
import type { Logger } from "pino";
import type { ServeConfig } from "../config/load.ts";

/** What is left is for history, answers, requests under way and garbage. */
const SHARE = 0.6;

export interface Room {
  /** In bytes; what is set, else a share of what Node allows. */
  bytesMax(): number;
  resize(store: ServeConfig["store"]): void;
  /** Says so when a store holds more than it may. */
  report(bytes: number, log: Logger): void;
}

export function openRoom(store: ServeConfig["store"]): Room {
  let bytesMax = boundOf(store);
  return {
    bytesMax: () => bytesMax,
    resize(other) {
      bytesMax = boundOf(other);
    },
    report(bytes, log) {
      if (bytes <= bytesMax) return;
      log.warn(
        { bytes, bytesMax },
        "the store is full: nothing can be added to it until enough is deleted; to hold more, give Node more heap (NODE_OPTIONS=--max-old-space-size=4096, in MB), or set store.bytesMax",
      );
    },
  };
}

function boundOf({ bytesMax }: ServeConfig["store"]): number {
  return bytesMax > 0 ? bytesMax : Math.floor(getHeapStatistics().heap_size_limit * SHARE);
}
