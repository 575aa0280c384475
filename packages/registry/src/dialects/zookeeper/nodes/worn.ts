/** Nodes whose time is over, and notes of nodes that another protocol removed. */
import { type Account, type Bytes, type Facts, ok, type Plan, prefixEnd } from "../../../core/index.ts";
import { NOTES, notedPath, noteFor, noteKey, toNote } from "./note.ts";
import { Working } from "./working.ts";

/** Notes that are looked at in one go. */
const LOOKS_MAX = 1000;

/** Those from here on whose nodes may be worn out, and where to go on. */
export interface Worn {
  readonly paths: readonly Bytes[];
  readonly next: Bytes | undefined;
}

export function findWorn(facts: Facts, account: Account, from: Bytes, nowMs: number, counted: Counted): Worn {
  const paths: Bytes[] = [];
  let looks = 0;
  for (const { key } of facts.entries(account, from, prefixEnd(NOTES))) {
    if (looks++ === LOOKS_MAX) return { paths, next: key };
    const path = notedPath(key);
    if (isWorn(facts, account, path, nowMs, counted(path))) paths.push(path);
  }
  return { paths, next: undefined };
}

/** How many nodes ever came to this one. */
type Counted = (path: Bytes) => number;

function isWorn(facts: Facts, account: Account, path: Bytes, nowMs: number, came: number): boolean | "note" {
  const noted = facts.entry(account, noteKey(path));
  if (noted === undefined) return false;
  const record = facts.entry(account, path);
  const written = toNote(noted.value);
  const note = noteFor(written, record);
  if (note !== written) return "note";
  if (record === undefined) return false;
  if (note.ttlMs > 0) return nowMs - record.stampMs >= note.ttlMs;
  return note.isContainer && came > 0;
}

/** Removes those that are worn out still, as it is decided, with nothing in them; and notes that are nobody's. */
export const SWEEP: Plan<{ readonly paths: readonly Bytes[] }> = {
  name: "zookeeper/sweep",
  make(facts, account, { paths }, stamp) {
    const working = new Working(facts, account, stamp);
    for (const path of paths) {
      const worn = isWorn(facts, account, path, stamp.atMs, Math.max(1, working.count(path)));
      if (worn === "note") working.dropNote(path);
      else if (worn && !working.hasChildren(path)) working.remove(path);
    }
    return ok({ command: working.command(), note: null });
  },
};
