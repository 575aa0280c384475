/**
 * @live The store: four databases in one LMDB file. Without `overlappingSync` a finished transaction is a durable one: the
 * library writes the pages (pwritev), flushes them (fdatasync), then writes the head page through a descriptor opened
 * with O_DSYNC, and only then settles the promises. The map is read-only, so a full disk is an error, not a signal.
 */
import { type Database, open, type RootDatabase } from "lmdb";
import type { Revision } from "../../../core/index.ts";
import { summarizeGroup } from "../../../records/group.ts";
import type { CheckpointPart } from "../../../records/state/checkpoint.ts";
import { prepareFiles } from "../directory/files.ts";
import { PAGE_BYTES } from "../file/pages.ts";
import { encodePosition, type MetaKey } from "../meta.ts";
import { NoRoom } from "../refused.ts";
import { pagesFor, Space } from "./space.ts";

/** Address space, not memory and not disk. */
const MAP_BYTES = 256 * 1024 ** 3;

interface Group {
  readonly first: Revision;
  readonly bytes: Buffer;
}

interface Binary extends Database<Buffer, Buffer> {
  put(key: Buffer, value: Buffer, options?: number | { append: boolean }): Promise<boolean>;
}

interface Opened {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly log: Binary;
  readonly state: Binary;
  readonly meta: Binary;
  readonly gone: Binary;
}

/** What goes into one transaction. The buffers must stay as they are until it is settled. */
export interface Writes {
  readonly group?: Group;
  readonly rows?: readonly (readonly [key: Buffer, value: Buffer | null])[];
  readonly meta?: readonly (readonly [key: MetaKey, value: Buffer])[];
  readonly forget?: readonly Revision[];
  readonly gone?: readonly (readonly [key: Buffer, value: Buffer | null])[];
}

export function checkpointWrites(part: CheckpointPart): Writes {
  return "rows" in part ? part : { meta: [["checkpoint", encodePosition(part.marker)]] };
}

/** Rows about what is gone come before, those about the changes of keys after this. */
const TOUCHED = Buffer.from([0xff]);

/** One very long write must not make a disk full for all others. */
const LACKING_PAGES_MAX = 1024;

export class Store {
  readonly path: string;
  readonly #space: Space;
  #opened: Opened;
  /** Pages of the largest write that found no room. */
  #lacking = 0;
  #copying = 0;
  #copied: (() => void)[] = [];

  constructor(path: string) {
    this.path = path;
    this.#space = new Space(path);
    this.#opened = openFile(path);
  }

  /** Resolves when all of it is on disk; rejects with the cause when none of it is. */
  async write(writes: Writes): Promise<void> {
    const pages = pagesOf(writes);
    await this.#space.reserve(pages).catch((cause: unknown) => {
      this.#lacking = Math.max(this.#lacking, Math.min(pages, LACKING_PAGES_MAX));
      throw new NoRoom("there is no room", { cause });
    });
    await this.#commit(writes);
    if (pages >= this.#lacking) this.#lacking = 0;
  }

  /** Whether a write found no room, and none as large has found it since: smaller ones may still do. */
  get isFull(): boolean {
    return this.#lacking > 0;
  }

  /** Rejects while what found no room would find none. */
  async probe(): Promise<void> {
    await this.#space.reserve(Math.max(1, this.#lacking));
    this.#lacking = 0;
  }

  async #commit(writes: Writes): Promise<void> {
    const { log, state, meta, gone } = this.#opened;
    const pending: Promise<boolean>[] = [];
    // All within one turn, which makes it one transaction.
    const { group } = writes;
    const appended = group && log.put(revisionKey(group.first), group.bytes, { append: true });
    if (appended !== undefined) pending.push(appended);
    for (const [key, value] of writes.rows ?? [])
      pending.push(value === null ? state.remove(key) : state.put(key, value));
    for (const [key, value] of writes.meta ?? []) pending.push(meta.put(Buffer.from(key, "latin1"), value));
    for (const [key, value] of writes.gone ?? [])
      pending.push(value === null ? gone.remove(key) : gone.put(key, value));
    for (const first of writes.forget ?? []) pending.push(log.remove(revisionKey(first)));
    try {
      await Promise.all(pending);
    } catch (error) {
      throw await causeOf(error);
    }
    if (appended !== undefined && !(await appended)) throw new Error(`the log is ahead of revision ${group?.first}`);
  }

  /** A backup is being written; the file cannot be closed before its end. */
  get copying(): boolean {
    return this.#copying > 0;
  }

  /** Throws while the file could not be opened anew. */
  checkReopen(): void {
    prepareFiles(this.path);
  }

  /** With a new map of the file. When it rejects, the store is closed. */
  async reopen(): Promise<void> {
    await this.#close();
    this.#opened = openFile(this.path);
  }

  /** Groups in order, beginning with the one that holds `revision` or else the next. */
  *groups(revision: Revision): Iterable<Group> {
    const start = revisionKey(this.groupBefore(revision)?.first ?? revision);
    for (const { key, value } of this.#opened.log.getRange({ start })) yield { first: keyRevision(key), bytes: value };
  }

  /** The last group that begins at or before this revision. */
  groupBefore(revision: Revision): Group | undefined {
    for (const { key, value } of this.#opened.log.getRange({ start: revisionKey(revision), reverse: true, limit: 1 }))
      return { first: keyRevision(key), bytes: value };
    return undefined;
  }

  /** Where the log ends; 0 when it is empty. */
  get lastRevision(): Revision {
    const group = this.groupBefore(Number.MAX_SAFE_INTEGER);
    if (group === undefined) return 0;
    const summary = summarizeGroup(group.bytes);
    return summary.ok ? summary.value.last : Number.MAX_SAFE_INTEGER;
  }

  /** The row of what is gone with this key. */
  gone(key: Buffer): Buffer | undefined {
    return this.#opened.gone.get(key);
  }

  /** The last key before `end`, or of all, among the rows of what is gone. */
  lastGone(end?: Buffer): Buffer | undefined {
    const start = end ?? TOUCHED;
    for (const key of this.#opened.gone.getKeys({ start, reverse: true, limit: 1 })) return key;
    return undefined;
  }

  /** The first keys before `end`, at most `limit`, among the rows of what is gone. */
  firstGone(end: Buffer, limit: number): readonly Buffer[] {
    return [...this.#opened.gone.getKeys({ end, limit })];
  }

  /** The rows that tell of changes of keys after this revision, with the last revision that each tells of. */
  *touched(after: Revision): Iterable<{ readonly last: Revision; readonly bytes: Buffer }> {
    for (const { key, value } of this.#opened.gone.getRange({ start: touchedKey(after + 1) }))
      yield { last: toLast(key), bytes: value };
  }

  /** How far they go; undefined when there are none. */
  lastTouched(): Revision | undefined {
    const start = touchedKey(Number.MAX_SAFE_INTEGER);
    for (const key of this.#opened.gone.getKeys({ start, end: TOUCHED, reverse: true, limit: 1 })) return toLast(key);
    return undefined;
  }

  /** The first keys of those that tell of nothing after this revision, at most `limit`. */
  touchedUpTo(revision: Revision, limit: number): readonly Buffer[] {
    return [...this.#opened.gone.getKeys({ start: TOUCHED, end: touchedKey(revision + 1), limit })];
  }

  /** Bytes of the pages that hold the log. */
  get logBytes(): number {
    return bytesIn(this.#opened.log);
  }

  /** Bytes of all pages in use: what a copy takes, but for the two head pages. */
  get usedBytes(): number {
    return Object.values(this.#opened).reduce((sum, database) => sum + bytesIn(database), 0);
  }

  /** A consistent copy without unused pages, made while writing goes on. */
  async copy(file: string): Promise<void> {
    this.#copying++;
    try {
      await this.#opened.root.backup(file, true);
    } finally {
      this.#copying--;
      if (this.#copying === 0) for (const done of this.#copied.splice(0)) done();
    }
  }

  /** Waits for writes and copies under way. */
  async close(): Promise<void> {
    await this.#close();
    await this.#space.close();
  }

  async #close(): Promise<void> {
    if (this.#copying > 0) await new Promise<void>((done) => this.#copied.push(done));
    await this.#opened.root.close();
  }
}

function bytesIn(database: Database<Buffer, Buffer>): number {
  const stats = database.getStats() as Readonly<Record<string, number>>;
  const pages =
    (stats.treeBranchPageCount ?? 0) +
    (stats.treeLeafPageCount ?? 0) +
    (stats.overflowPages ?? stats.overflowPageCount ?? 0);
  return pages * PAGE_BYTES;
}

function pagesOf({ group, rows = [], meta = [], forget = [], gone = [] }: Writes): number {
  let pages = meta.length + forget.length * 2;
  for (const [, value] of gone)
    pages += value === null ? 2 : value.length < PAGE_BYTES / 4 ? 1 : pagesFor(value.length);
  if (group !== undefined) pages += pagesFor(group.bytes.length);
  for (const [key, value] of rows) pages += pagesFor(key.length + (value?.length ?? 0));
  return pages;
}

function openFile(path: string): Opened {
  prepareFiles(path);
  const options = { encoding: "binary", keyEncoding: "binary", cache: false } as const;
  const root: RootDatabase<Buffer, Buffer> = open({
    ...options,
    path,
    noSubdir: true,
    overlappingSync: false,
    pageSize: PAGE_BYTES,
    mapSize: MAP_BYTES,
    maxDbs: 5,
    maxReaders: 64,
  });
  const openDatabase = (name: string) => root.openDB(name, options) as Binary;
  const [log, state, meta, gone] = ["log", "state", "meta", "gone"].map(openDatabase) as [
    Binary,
    Binary,
    Binary,
    Binary,
  ];
  return { root, log, state, meta, gone };
}

/** Big-endian, so that bytes compare as numbers do. */
function revisionKey(revision: Revision): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeBigUInt64BE(BigInt(revision));
  return key;
}

/** Beside the rows about what is gone: a database more would keep older versions from saying what is wrong. */
export function touchedKey(last: Revision): Buffer {
  return Buffer.concat([TOUCHED, revisionKey(last)]);
}

function toLast(key: Uint8Array): Revision {
  return keyRevision(key.subarray(TOUCHED.length));
}

function keyRevision(key: Uint8Array): Revision {
  return Number(Buffer.from(key.buffer, key.byteOffset, key.byteLength).readBigUInt64BE(0));
}

/** The library rejects with a promise of the reason. */
async function causeOf(error: unknown): Promise<unknown> {
  const later = (error as { commitError?: Promise<never> }).commitError;
  if (later === undefined) return error;
  try {
    return await later;
  } catch (cause) {
    return cause;
  }
}
