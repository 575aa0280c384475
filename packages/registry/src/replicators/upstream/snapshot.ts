/**
 * @live The state on the disk: one file, of a line for each record between a head and an end, replaced as a whole. Written
 * some time after a change, so that many changes cost one file.
 */
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CopyBody } from "@rollcall/client";
import { toPlain } from "../../net/link/plain.ts";
import type { Held } from "./hold.ts";
import { eachRow, Sorted, type State } from "./state.ts";

export interface Snapshot {
  readonly state: State;
  readonly held: readonly Held[];
}

interface Head {
  readonly rollcall: "agent";
  readonly version: 1;
  readonly of: string;
  readonly savedAtMs: number;
  readonly line: string;
  readonly revision: number;
  readonly account: CopyBody["account"];
  readonly held: readonly Held[];
}

const FILE = "snapshot.ndjson";
/** Rows that are written in one turn. */
const ROWS_AT_ONCE = 500;
const LEAST_MS = 1000;
/** A file that takes long to write is written so much less often. */
const SHARE = 20;

/** When the one that is there was written. */
export async function snapshotAt(dataDir: string): Promise<number | undefined> {
  return stat(join(dataDir, FILE)).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

/** `of`: the account. Undefined when there is none; throws when it cannot be read, or is none of this account. */
export async function readSnapshot(dataDir: string, of: string): Promise<Snapshot | undefined> {
  const path = join(dataDir, FILE);
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const rows = new Sorted();
  let head: Head | undefined;
  let [count, counted] = [0, -1];
  for await (const text of file.readLines()) {
    const value: unknown = JSON.parse(text);
    if (head === undefined) head = checkHead(value as Head, of, path);
    else if (Array.isArray(value)) {
      rows.addPlain(value);
      count++;
    } else counted = (value as { readonly rows: number }).rows;
  }
  if (head === undefined || count !== counted) throw new Error(`${path} is cut off`);
  const { line, revision, account, held } = head;
  const { leases, instances, keys } = rows;
  return { state: { line, revision, account, leases, instances, keys }, held };
}

function checkHead(head: Head, of: string, path: string): Head {
  if (head.rollcall !== "agent" || head.version !== 1)
    throw new Error(`${path} is no snapshot that this version reads`);
  if (head.of !== of) throw new Error(`${path} is of the account ${head.of}`);
  return head;
}

/** Resolves when it is on the disk. */
export async function writeSnapshot(
  dataDir: string,
  of: string,
  { state, held }: Snapshot,
  savedAtMs: number,
): Promise<void> {
  const path = join(dataDir, FILE);
  const candidate = `${path}.new`;
  await mkdir(dataDir, { recursive: true });
  const { line, revision, account } = state;
  const head: Head = { rollcall: "agent", version: 1, of, savedAtMs, line, revision, account, held };
  const file = await open(candidate, "w", 0o600);
  try {
    let text = `${JSON.stringify(head)}\n`;
    let rows = 0;
    for (const row of eachRow(state)) {
      text += `${JSON.stringify(toPlain(row))}\n`;
      if (++rows % ROWS_AT_ONCE > 0) continue;
      await file.write(text);
      text = "";
      await nextTurn();
    }
    await file.write(`${text}${JSON.stringify({ rows })}\n`);
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(candidate, { force: true });
    throw error;
  }
  await file.close();
  await rename(candidate, path);
}

export interface SaverParts {
  /** What is to be written. */
  take(): Snapshot;
  write(snapshot: Snapshot): Promise<void>;
  /** Told of a write that failed; it is tried again. */
  failed(error: unknown): void;
}

/** Writes what changed, one write at a time. */
export class Saver {
  readonly #parts: SaverParts;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  /** Since when it lacks something, in ms of `performance.now()`. */
  #dirtyMs: number | undefined;
  #isStopped = false;
  #tookMs = 0;
  /** As `#dirtyMs`, of what is being written. */
  #writingMs: number | undefined;

  constructor(parts: SaverParts) {
    this.#parts = parts;
  }

  /** For how long what is on the disk has lacked something; 0 while it has all. */
  get unsavedMs(): number {
    const sinceMs = this.#writingMs ?? this.#dirtyMs;
    return sinceMs === undefined ? 0 : performance.now() - sinceMs;
  }

  /** Something has changed. */
  note(): void {
    if (this.#isStopped) return;
    this.#dirtyMs ??= performance.now();
    if (this.#timer !== undefined || this.#writing !== undefined) return;
    this.#timer = setTimeout(() => void this.#save(), Math.max(LEAST_MS, SHARE * this.#tookMs)).unref();
  }

  #save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const startMs = performance.now();
    const dirtyMs = this.#dirtyMs;
    this.#dirtyMs = undefined;
    this.#writingMs = dirtyMs;
    const writing = this.#parts
      .write(this.#parts.take())
      .catch((error: unknown) => {
        this.#dirtyMs = dirtyMs;
        this.#parts.failed(error);
      })
      .finally(() => {
        this.#tookMs = performance.now() - startMs;
        this.#writing = undefined;
        this.#writingMs = undefined;
        if (this.#dirtyMs !== undefined && !this.#isStopped) this.note();
      });
    this.#writing = writing;
    return writing;
  }

  /** Nothing is written any more. Resolves when nothing is being written. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#writing;
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    await this.#writing;
    if (this.#dirtyMs !== undefined && !this.#isStopped) await this.#save();
    clearTimeout(this.#timer);
  }
}
