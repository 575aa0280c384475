/**
 * @live Looks at a whole store without opening it: every page of every tree, every checksum, and that no page is both free
 * and in use. Cheap enough (about 100 ms for 100 000 rows) to be done at each start after an unclean end.
 */
import type { Position, Revision } from "../../../core/index.ts";
import { summarizeGroup } from "../../../records/group.ts";
import { decodeMeta } from "../../../records/meta.ts";
import { isIntact } from "../../../records/sealed.ts";
import { type About, toAbout } from "../meta.ts";
import { Damaged, TooNew } from "../refused.ts";
import { PageFile, type Tree, treeFromValue, type Visit, type VisitValue } from "./pages.ts";

/** Groups older than the checkpoint are read whole only in files up to this size; else their checksum waits for a reader. */
const READ_ALL_BYTES_MAX = 64 * 1024 * 1024;

/** What a store holds. */
export interface StoreSummary {
  readonly store: string;
  readonly createdAtMs: number;
  readonly revision: Revision;
  readonly floor: Revision;
  readonly rows: number;
  readonly groups: number;
  readonly bytes: number;
  /** The library's number of the last transaction. */
  readonly txnId: number;
}

const DATABASES = ["gone", "log", "meta", "state"] as const;
type Trees = Record<(typeof DATABASES)[number], Tree>;

/** Looks at all of it. Throws `Damaged` with the first thing found wrong. */
export function verifyFile(path: string, contentBytes?: number): StoreSummary {
  return read(path, contentBytes, (file, trees, about) => {
    file.walkValues(trees.state, verifyRow);
    const last = verifyLog(file, trees.log, about.marker, true);
    file.walk(trees.gone, verifyGone);
    verifyFree(file);
    return toSummary(file, trees, about, last);
  });
}

/**
 * Reads the state of a store, and looks at the rest unless it was closed in order. Of large stores, groups before the
 * checkpoint are left to those who read the history. Throws `Damaged` with the first thing found wrong.
 */
export function readState(path: string, isClean: boolean, row: VisitValue): About {
  return read(path, undefined, (file, trees, about) => {
    file.walkValues(trees.state, row);
    if (!isClean) {
      verifyLog(file, trees.log, about.marker, file.bytes <= READ_ALL_BYTES_MAX);
      file.walk(trees.gone, verifyGone);
      verifyFree(file);
    }
    return about;
  });
}

/** Hands on every row and every group of a store that was verified, and what it says of itself. */
export function listFile(path: string, contentBytes: number, row: Visit, group: Visit): About {
  return read(path, contentBytes, (file, trees, about) => {
    file.walk(trees.state, row);
    file.walk(trees.log, group);
    return about;
  });
}

/** A glance: whose store it is and how far it goes. Reads a handful of pages and checks no others. */
export function summarizeFile(path: string): StoreSummary {
  return read(path, undefined, (file, trees, about) => {
    const end = file.last(trees.log);
    const group = end === undefined ? undefined : summarizeGroup(end.value);
    if (group?.ok === false) throw new Damaged(group.detail);
    return toSummary(file, trees, about, group?.value.last ?? 0);
  });
}

function read<T>(
  path: string,
  contentBytes: number | undefined,
  look: (file: PageFile, trees: Trees, about: About) => T,
): T {
  const file = new PageFile(path, contentBytes);
  try {
    const trees = readTrees(file);
    return look(file, trees, readMeta(file, trees.meta));
  } finally {
    file.close();
  }
}

/** `last`: where the log ends; 0 when it is empty. */
function toSummary(file: PageFile, trees: Trees, about: About, last: Revision): StoreSummary {
  const { store, createdAtMs, marker, floor, jump } = about;
  return {
    store,
    createdAtMs,
    revision: Math.max(last, marker.revision, jump),
    floor,
    rows: trees.state.entries,
    groups: trees.log.entries,
    bytes: file.bytes,
    txnId: file.meta.txnId,
  };
}

function verifyRow(bytes: Buffer, start: number, end: number): void {
  if (!isIntact(bytes, start, end)) throw new Damaged("a row of the state does not match its checksum");
}

function verifyGone(key: Buffer, value: () => Buffer): void {
  if (key[0] === 0xff) {
    if (key.length !== 9 || !isIntact(value())) throw new Damaged("an index of keys does not match its checksum");
  } else if (key.length !== 14 || value().length !== 6) throw new Damaged("a row of what is gone has a wrong size");
}

function readTrees(file: PageFile): Trees {
  const found = new Map<string, Tree>();
  file.walk(file.meta.main, (key, value, isTree) => {
    const name = key.toString("latin1").replace(/\0$/, "");
    if (!isTree || !(DATABASES as readonly string[]).includes(name))
      throw new Damaged(`it holds "${name.slice(0, 40)}", which is not Rollcall's`);
    found.set(name, treeFromValue(value()));
  });
  const tree = (name: keyof Trees): Tree => {
    const one = found.get(name);
    if (one === undefined) throw new Damaged(`its database "${name}" is missing`);
    return one;
  };
  return { gone: tree("gone"), log: tree("log"), meta: tree("meta"), state: tree("state") };
}

function readMeta(file: PageFile, tree: Tree): About {
  const rows = new Map<string, Readonly<Record<string, unknown>>>();
  file.walk(tree, (key, value) => {
    const name = key.toString("latin1");
    const row = decodeMeta(value(), name);
    if (!row.ok) throw row.refusal === "unsupported" ? new TooNew(row.detail) : new Damaged(row.detail);
    rows.set(name, row.value);
  });
  return toAbout(rows);
}

function verifyLog(file: PageFile, tree: Tree, marker: Position, readAll: boolean): number {
  let last = 0;
  let groups = 0;
  file.walk(tree, (key, value) => {
    groups++;
    if (key.length !== 8) throw new Damaged(`group ${groups} of the log has a wrong key`);
    const first = Number(key.readBigUInt64BE(0));
    if (first <= last) throw new Damaged(`group ${groups} of the log begins with revision ${first}, after ${last}`);
    last = first;
    if (first <= marker.revision && !readAll) return;
    const bytes = value();
    const summary = isIntact(bytes) ? summarizeGroup(bytes) : undefined;
    if (!summary?.ok || summary.value.first !== first)
      throw new Damaged(`the log's group of revision ${first} does not match its checksum`);
    last = summary.value.last;
  });
  return last;
}

/** A page that is free and in use would be written over. */
function verifyFree(file: PageFile): void {
  file.walk(
    file.meta.free,
    (_key, value) => {
      const list = value();
      if (list.length < 8 || list.length % 8 !== 0) throw new Damaged("the list of free pages has a wrong size");
      const count = Number(list.readBigInt64LE(0));
      if (count < 0 || count > list.length / 8 - 1) throw new Damaged("the list of free pages has a wrong length");
      let run = 1;
      for (let i = 1; i <= count; i++) {
        const entry = Number(list.readBigInt64LE(i * 8));
        // A negative number is the length of the run that begins with the next; zero is an empty place.
        if (entry < 0) run = -entry;
        if (entry <= 0) continue;
        markFree(file, entry, run);
        run = 1;
      }
    },
    false,
  );
}

function markFree(file: PageFile, first: number, run: number): void {
  if (first < 2 || first + run - 1 > file.meta.lastPage) throw new Damaged(`free page ${first} is outside of the file`);
  for (let i = first; i < first + run; i++) {
    if (file.seen[i] === 1) throw new Damaged(`page ${i} is both free and in use`);
    if (file.seen[i] === 2) throw new Damaged(`page ${i} is free twice`);
    file.seen[i] = 2;
  }
}
