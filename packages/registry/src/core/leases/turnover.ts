/**
 * Who stands in for whom: instances of one service that fell silent, and those that were registered since. Pure. All
 * times are lease time.
 */

/** One instance of the service, as far as its lease tells. */
export interface Life {
  /** Where it is reached; empty when that is not known. */
  readonly place: string;
  readonly bornAt: number;
  readonly heardAt: number;
  /** From here on it is silent, unless it is heard. */
  readonly overdueAt: number;
  readonly ttlMs: number;
  /** It has beaten once since it was registered. */
  readonly heardOnce: boolean;
  readonly silent: boolean;
  /** Another stands in for it. */
  replaced: boolean;
  /** It stands in for another, or came back after it had ended: it stands in for no other. */
  spent: boolean;
}

/** A time in which some may have fallen silent, and how long before and after it others have done so with them. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly windowMs: number;
  /** Who was heard after this is there; `to` when left out. */
  readonly heardAfter?: number;
}

/** One falls silent at some time between its last beat and when it is overdue. */
export function together(heardAt: number, overdueAt: number, { from, to, windowMs }: Span): boolean {
  return overdueAt >= from - windowMs && heardAt <= to + windowMs;
}

/**
 * Finds for the silent ones who stands in for them, and marks both. A newcomer stands in for one that was last heard
 * before it was registered. When it is silent itself the two may have come, and fallen silent, together: then only if
 * it was heard when the other was overdue, or came when none of those that had been there for long (`guardLeftAt`) was
 * heard any more, or was replaced in its turn. First for one at the same place, then for the one that was heard last.
 */
export function matchSuccessors(lives: readonly Life[], now: number, guardLeftAt: number): void {
  const lost = lives.filter((one) => one.silent && !one.replaced);
  const first = lost.reduce((least, one) => Math.min(least, one.heardAt), Number.POSITIVE_INFINITY);
  const newcomers = lives.filter((one) => !one.spent && one.bornAt > first);
  if (newcomers.length === 0) return;
  matchPlaces(lost, newcomers);
  const late = newcomers.filter((one) => one.silent);
  const alive = newcomers.filter((one) => !one.silent);
  const steady = lost.filter(isSteady);
  const relief = late.filter((one) => one.bornAt > guardLeftAt);
  matchLatest(steady, relief, LAST_HEARD);
  matchLatest(lost, late, LAST_OVERDUE);
  const brief = lost.filter((one) => !isSteady(one));
  matchLatest(brief, alive, LAST_HEARD);
  // The newcomers of a crash loop stand in for each other, and not for those that had been there for long.
  const agesMs = lives.map((one) => (one.silent && !isSteady(one) ? one.overdueAt - one.bornAt : 0));
  const ageMs = agesMs.reduce((most, one) => Math.max(most, one), 0);
  matchLatest(
    steady,
    alive.filter((one) => now - one.bornAt > ageMs),
    LAST_HEARD,
  );
  const replaced = late.filter((one) => one.replaced);
  matchLatest(steady, replaced, LAST_HEARD);
}

/** Whether instances die soon and come again: at least half of those that fell silent within their first ttl were replaced. */
export function isLooping(lives: readonly Life[]): boolean {
  const brief = lives.filter((one) => one.silent && !isSteady(one));
  const replaced = brief.filter((one) => one.replaced).length;
  return replaced > 0 && replaced * 2 >= brief.length;
}

/** It was heard for a whole ttl. */
export function isSteady(one: Life): boolean {
  return one.heardAt - one.bornAt >= one.ttlMs;
}

function stands(newcomer: Life, one: Life): boolean {
  if (one.heardAt >= newcomer.bornAt) return false;
  // Of two that came together and beat rarely one is heard first: the other need not be dead.
  if (newcomer.heardOnce && one.heardAt === one.bornAt && newcomer.bornAt < one.overdueAt) return false;
  return !newcomer.silent || one.overdueAt <= newcomer.heardAt || isSteady(one);
}

function replace(one: Life, newcomer: Life): void {
  one.replaced = true;
  newcomer.spent = true;
}

function matchPlaces(lost: readonly Life[], newcomers: readonly Life[]): void {
  const places = new Map<string, Life[]>();
  for (const one of lost) {
    if (one.place === "") continue;
    const same = places.get(one.place);
    if (same === undefined) places.set(one.place, [one]);
    else same.push(one);
  }
  for (const newcomer of newcomers) {
    const one = places.get(newcomer.place)?.findLast((other) => !other.replaced && stands(newcomer, other));
    if (one !== undefined) replace(one, newcomer);
  }
}

/** The times by which the lost and the newcomers are brought into one order. */
interface Order {
  lost(one: Life): number;
  newcomer(one: Life): number;
}

const LAST_HEARD: Order = { lost: (one) => one.heardAt, newcomer: (one) => one.bornAt };
const LAST_OVERDUE: Order = { lost: (one) => one.overdueAt, newcomer: (one) => one.heardAt };

/** Each newcomer takes the last that is before it and that it can stand in for. */
function matchLatest(lost: readonly Life[], newcomers: readonly Life[], order: Order): void {
  const open = lost.filter((one) => !one.replaced).sort((a, b) => order.lost(a) - order.lost(b));
  const free = newcomers.filter((one) => !one.spent).sort((a, b) => order.newcomer(a) - order.newcomer(b));
  const before: Life[] = [];
  let next = 0;
  for (const newcomer of free) {
    for (; next < open.length && order.lost(open[next] as Life) < order.newcomer(newcomer); next++)
      before.push(open[next] as Life);
    const at = before.findLastIndex((one) => stands(newcomer, one));
    if (at >= 0) replace(before.splice(at, 1)[0] as Life, newcomer);
  }
}
