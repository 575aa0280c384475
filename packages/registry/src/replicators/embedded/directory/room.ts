/** @live How much room the disk has, and what to say of a write that failed. */
import { statfsSync } from "node:fs";
import { nameOf, sayWhy } from "../../../net/why.ts";
import { NoRoom } from "../refused.ts";

/** With less than this a disk counts as full. */
const SCARCE_BYTES = 64 * 1024;
const MAP_FULL = -30792;

/** Bytes that this user may still write to the file system of this directory; infinite when that is not to be known. */
export function roomOf(dataDir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dataDir);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** What to tell people of a failed write. */
export function explainWrite(error: unknown, dataDir: string): string {
  const cause = error instanceof NoRoom ? error.cause : error;
  if ((cause as { code?: unknown }).code === MAP_FULL)
    return "the store has reached its largest size; compact the history or keep it for less time";
  // A write that was cut short is reported as an error of the disk, and a full one is the usual cause.
  const isFull = nameOf(cause) === "EIO" && roomOf(dataDir) < SCARCE_BYTES;
  return `${sayWhy(isFull ? { code: "ENOSPC" } : cause)}: nothing can be written to ${dataDir}`;
}
