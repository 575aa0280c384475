/** Ranges of keys: which they are, and which of them are shown in what order. */
import type { Bytes, KeyRange, KeyRecord } from "../../../core/index.ts";
import type { RangeAnswer } from "../wire/answers.ts";
import { type RangeRequest, SORT, TARGET } from "../wire/requests.ts";

/** The first that no dialect keeps for itself. */
const FIRST_KEY: Bytes = "\x01";
/** As clients write it: all keys from the first one on. */
const TO_THE_END = "\0";

/**
 * A range as the registry has it. The keys that dialects keep for themselves come before all others, and lie in none.
 * Undefined when there can be none in it.
 */
export function rangeOf(key: Bytes, rangeEnd: Bytes): KeyRange | undefined {
  if (rangeEnd === "") return key >= FIRST_KEY ? { from: key } : undefined;
  const from = key >= FIRST_KEY ? key : FIRST_KEY;
  if (rangeEnd === TO_THE_END) return { from, to: "" };
  return rangeEnd > from ? { from, to: rangeEnd } : undefined;
}

/** Whether what is shown depends on the records of all keys in the range, not just on the first ones. */
export function wantsAll(request: RangeRequest): boolean {
  const { sortOrder, sortTarget, minMod, maxMod, minCreate, maxCreate } = request;
  const isSorted = sortTarget !== TARGET.key || sortOrder === SORT.descend;
  return isSorted || minMod !== 0 || maxMod !== 0 || minCreate !== 0 || maxCreate !== 0;
}

/** How many records are shown at most. */
export function limitOf({ limit, countOnly }: RangeRequest): number {
  if (countOnly) return 0;
  return limit > 0 ? limit : Number.POSITIVE_INFINITY;
}

/** The answer, of the range's keys in their order: all of them if the request wants that, else as many as are shown. */
export function shape(request: RangeRequest, found: readonly KeyRecord[], count: number): RangeAnswer {
  const { keysOnly, countOnly } = request;
  if (countOnly) return { kind: "range", entries: [], more: false, count, keysOnly };
  const limit = limitOf(request);
  const wanted = wantsAll(request) ? sorted(request, filtered(request, found)) : found;
  const total = wantsAll(request) ? wanted.length : count;
  const entries = wanted.length > limit ? wanted.slice(0, limit) : wanted;
  return { kind: "range", entries, more: total > entries.length, count, keysOnly };
}

function filtered(request: RangeRequest, found: readonly KeyRecord[]): readonly KeyRecord[] {
  const { minMod, maxMod, minCreate, maxCreate } = request;
  return found.filter(
    ({ modRevision, createRevision }) =>
      (minMod === 0 || modRevision >= minMod) &&
      (maxMod === 0 || modRevision <= maxMod) &&
      (minCreate === 0 || createRevision >= minCreate) &&
      (maxCreate === 0 || createRevision <= maxCreate),
  );
}

const BY: Readonly<Record<number, (record: KeyRecord) => number | string>> = {
  [TARGET.version]: (record) => record.version,
  [TARGET.create]: (record) => record.createRevision,
  [TARGET.mod]: (record) => record.modRevision,
  [TARGET.value]: (record) => record.value,
};

function sorted({ sortOrder, sortTarget }: RangeRequest, found: readonly KeyRecord[]): readonly KeyRecord[] {
  const by = BY[sortTarget];
  const isDown = sortOrder === SORT.descend;
  if (by === undefined) return isDown ? found.toReversed() : found;
  const sign = isDown ? -1 : 1;
  return found.toSorted((a, b) => {
    const [one, other] = [by(a), by(b)];
    return one < other ? -sign : one > other ? sign : 0;
  });
}
