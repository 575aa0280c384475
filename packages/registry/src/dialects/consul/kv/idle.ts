/** Notes that no key needs any more. */
import { type Account, type Bytes, type Facts, ok, type Plan, prefixEnd } from "../../../core/index.ts";
import { NOTE_PREFIX, notedKey, toNote } from "./entry.ts";

/** Notes that are looked at in one go. */
const LOOKS_MAX = 1000;

/** Those from here on that may be idle, and where to go on. */
export interface Idle {
  readonly idle: readonly Bytes[];
  readonly next: Bytes | undefined;
}

export function findIdle(facts: Facts, account: Account, from: Bytes): Idle {
  const idle: Bytes[] = [];
  let looks = 0;
  for (const { key } of facts.entries(account, from, prefixEnd(NOTE_PREFIX))) {
    if (looks++ === LOOKS_MAX) return { idle, next: key };
    if (isIdle(facts, account, key, Number.POSITIVE_INFINITY)) idle.push(key);
  }
  return { idle, next: undefined };
}

/** It stands beside no key, and no lock's delay rests on it. */
function isIdle(facts: Facts, account: Account, key: Bytes, nowMs: number): boolean {
  const note = facts.entry(account, key);
  if (note === undefined || note.lease !== null) return false;
  const { createRevision, lockDelayMs } = toNote(note.value);
  if (facts.entry(account, notedKey(key))?.createRevision === createRevision) return false;
  return note.detachedAtMs === 0 || nowMs - note.detachedAtMs >= lockDelayMs;
}

export const SWEEP: Plan<{ readonly notes: readonly Bytes[] }> = {
  name: "consul/sweep",
  make(facts, account, { notes }, { atMs }) {
    const then = notes
      .filter((key) => isIdle(facts, account, key, atMs))
      .map((from) => ({ kind: "delete", from }) as const);
    return ok({ command: then.length === 0 ? null : { kind: "when", guards: [], then, otherwise: [] }, note: null });
  },
};
