/**
 * @live Long work in turns. Work that would keep others waiting is cut into pieces of a millisecond or so; each asks for a
 * turn. In every turn of the event loop they get a few milliseconds together, first come, first served, and all other
 * work comes between.
 */

/** What all pieces together may take of one turn of the event loop. */
const SLICE_MS = 4;
/** Turns without a slice that follow: in each the runtime accepts one connection, and as many may be waiting. */
const FREE_TURNS = 16;

let waiting: (() => void)[] = [];
let isPlanned = false;

/** Runs a piece of work in one of the next turns. What it throws is nobody's to catch: it must not throw. */
export function inTurn(work: () => void): void {
  waiting.push(work);
  plan();
}

function plan(): void {
  if (isPlanned) return;
  isPlanned = true;
  setImmediate(wait);
}

let freeTurns = 0;

function wait(): void {
  if (freeTurns > 0) {
    freeTurns--;
    setImmediate(wait);
  } else runSlice();
}

function runSlice(): void {
  isPlanned = false;
  freeTurns = FREE_TURNS;
  const round = waiting;
  waiting = [];
  const endMs = performance.now() + SLICE_MS;
  let done = 0;
  do (round[done++] as () => void)();
  while (done < round.length && performance.now() < endMs);
  if (done < round.length) waiting = [...round.slice(done), ...waiting];
  if (waiting.length > 0) plan();
}
