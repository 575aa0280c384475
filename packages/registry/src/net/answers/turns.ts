/**
 * @live Long work in turns. Work that would keep others waiting is cut into pieces of some milliseconds at most, which wait
 * in lines. One piece runs in a turn of the event loop, each line's in its turn. Turns without a piece follow, the more
 * the longer it took: in each the runtime accepts one connection, and as many may be waiting. They end when others have
 * had as much time as the piece.
 */

/** Turns without a piece that follow, for each millisecond that one took. */
export const FREE_TURNS_PER_MS = 4;
/** A piece that took longer counts as so long: the process may have been stopped meanwhile. */
const PIECE_MS_MAX = 50;

/** Has a piece of work done in one of the next turns, after those that wait in this line. It must not throw. */
export type Line = (work: () => void) => void;

/** The lines in which something waits; the next one is the first. */
const lines: (() => void)[][] = [];
let isPlanned = false;
let isAtWork = false;
let beganMs = 0;
let freeTurns = 0;
let freeUntilMs = 0;

export function openLine(): Line {
  const line: (() => void)[] = [];
  return (work) => {
    if (line.push(work) === 1) lines.push(line);
    if (!isPlanned) plan();
  };
}

/** The line of answers. */
export const inTurn = openLine();

function plan(): void {
  isPlanned = true;
  setImmediate(begin);
  // In the same turn, after all that the piece did in microtasks.
  setImmediate(end);
}

function begin(): void {
  beganMs = performance.now();
  if (--freeTurns >= 0 && beganMs < freeUntilMs) return;
  const line = lines.shift();
  const work = line?.shift();
  if (line === undefined || work === undefined) return;
  if (line.length > 0) lines.push(line);
  isAtWork = true;
  work();
}

function end(): void {
  if (isAtWork) {
    isAtWork = false;
    const endMs = performance.now();
    const tookMs = Math.min(endMs - beganMs, PIECE_MS_MAX);
    freeTurns = tookMs * FREE_TURNS_PER_MS;
    freeUntilMs = endMs + tookMs;
  }
  isPlanned = false;
  if (lines.length > 0 || freeTurns >= 1) plan();
}
