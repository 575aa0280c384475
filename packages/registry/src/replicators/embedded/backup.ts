/**
 * @live A backup is one file: a compacted copy of the store, then a manifest in JSON, its length and a magic word. The
 * manifest has the SHA-256 of the copy, so a backup is known to be whole before anything is restored from it.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync } from "node:fs";
import { appendFile, chmod, cp, type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { type Outcome, ok, type Revision, refuse } from "../../core/index.ts";
import { nameOf, sayWhy } from "../../net/why.ts";
import { type Progress, REVISION_JUMP } from "../../records/archive.ts";
import { encodeMeta } from "../../records/meta.ts";
import { FORMAT } from "../../records/sealed.ts";
import {
  backupFile,
  isPassing,
  lookInto,
  makeDirectory,
  RESTORING_FILE,
  STORE_FILE,
  syncDirectory,
  touch,
} from "./directory/files.ts";
import { takeOwnership } from "./directory/owner.ts";
import { explainWrite, roomOf } from "./directory/room.ts";
import { summarizeFile, verifyFile } from "./file/verify.ts";
import { Damaged, NoRoom, TooNew } from "./refused.ts";
import { Store } from "./store/databases.ts";

const MAGIC = Buffer.from("ROLLCALL-BACKUP1", "latin1");
/** Length and CRC-32 of the manifest, and the magic word. */
const FOOT_BYTES = 8 + MAGIC.length;
const MANIFEST_BYTES_MAX = 64 * 1024;
const COPY_BYTES = 1024 * 1024;

/** What a backup says of itself. */
export interface BackupSummary {
  readonly format: number;
  readonly store: string;
  readonly revision: Revision;
  readonly floor: Revision;
  readonly rows: number;
  readonly groups: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly takenAtMs: number;
}

/** A backup of a store in use. It has no name on the disk: nothing is left of it after `close`, or when the process ends. */
export class Backup {
  readonly #handle: FileHandle;
  readonly revision: Revision;
  readonly bytes: number;

  constructor(handle: FileHandle, revision: Revision, bytes: number) {
    this.#handle = handle;
    this.revision = revision;
    this.bytes = bytes;
  }

  read(): AsyncIterable<Buffer> {
    return this.#handle.createReadStream({ start: 0, autoClose: false, highWaterMark: COPY_BYTES });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** What a backup leaves free, for the writes that go on meanwhile. */
const SPARED_BYTES = 16 * 1024 * 1024;

/**
 * Copies the store while it is in use, into its own directory: that is the one place known to be ours alone, so that
 * the next start can clear away what a killed process has left. One at a time, since the room is looked at before.
 */
export async function takeBackup(store: Store, dataDir: string, takenAtMs: number): Promise<Outcome<Backup>> {
  const room = roomOf(dataDir) - SPARED_BYTES;
  if (store.usedBytes > room)
    return refuse(
      "unavailable",
      `the disk is too full for a backup: it needs ${store.usedBytes} bytes for a while in ${dataDir}, and there is room for ${Math.max(0, room)}`,
    );
  const part = join(dataDir, backupFile());
  try {
    await store.copy(part);
    // It holds every configuration value.
    await chmod(part, 0o600);
    const { txnId: _, createdAtMs: __, ...found } = summarizeFile(part);
    const sha256 = await hashFile(part, found.bytes);
    const summary: BackupSummary = { format: FORMAT, ...found, sha256, takenAtMs };
    await appendFile(part, toManifest(summary));
    const handle = await open(part, "r");
    return ok(new Backup(handle, summary.revision, (await handle.stat()).size));
  } catch (error) {
    return refuse("unavailable", `no backup can be taken in ${dataDir}: ${sayWhy(error)}`);
  } finally {
    await rm(part, { force: true }).catch(() => {});
  }
}

/** What follows the copy of the store. */
function toManifest(summary: BackupSummary): Buffer {
  const manifest = Buffer.from(`\n${JSON.stringify(summary)}\n`, "utf8");
  const foot = Buffer.alloc(8);
  foot.writeUInt32LE(manifest.length, 0);
  foot.writeUInt32LE(crc32(manifest), 4);
  return Buffer.concat([manifest, foot, MAGIC]);
}

async function hashFile(path: string, bytes: number, onProgress?: (doneBytes: number) => void): Promise<string> {
  const hash = createHash("sha256");
  let done = 0;
  for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: COPY_BYTES })) {
    hash.update(chunk as Buffer);
    done += (chunk as Buffer).length;
    onProgress?.(done);
  }
  return hash.digest("hex");
}

async function readManifest(file: string): Promise<Outcome<BackupSummary>> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    const foot = await readAt(handle, Math.max(0, size - FOOT_BYTES), FOOT_BYTES);
    if (foot.length < FOOT_BYTES || !foot.subarray(8).equals(MAGIC))
      return refuse("invalid", `${file} is not a Rollcall backup, or it is cut off`);
    const length = foot.readUInt32LE(0);
    const start = size - FOOT_BYTES - length;
    if (length > MANIFEST_BYTES_MAX || start < 0) return refuse("invalid", `the end of ${file} is damaged`);
    const manifest = await readAt(handle, start, length);
    if (crc32(manifest) !== foot.readUInt32LE(4)) return refuse("invalid", `the end of ${file} is damaged`);
    const summary = JSON.parse(manifest.toString("utf8")) as BackupSummary;
    if (summary.format > FORMAT)
      return refuse("unsupported", `${file} was written by a newer version (format ${summary.format})`);
    if (summary.bytes !== start)
      return refuse("invalid", `${file} has ${start} bytes of data and should have ${summary.bytes}`);
    return ok(summary);
  } catch (error) {
    if (error instanceof SyntaxError) return refuse("invalid", `the end of ${file} is damaged`);
    throw error;
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await handle.read(bytes, 0, length, at);
  return bytes.subarray(0, bytesRead);
}

/** Whether the file is a whole backup: checksum of all, every page, every row. */
export async function verifyBackup(file: string, onProgress?: Progress): Promise<Outcome<BackupSummary>> {
  try {
    const manifest = await readManifest(file);
    if (!manifest.ok) return manifest;
    const { bytes, sha256, revision, rows, groups } = manifest.value;
    const found = await hashFile(file, bytes, (done) => onProgress?.("verify", done, bytes));
    if (found !== sha256) return refuse("invalid", `${file} is damaged: its checksum does not match`);
    const store = verifyFile(file, bytes);
    if (store.revision !== revision || store.rows !== rows || store.groups !== groups)
      return refuse("invalid", `${file} does not hold what it says`);
    return manifest;
  } catch (error) {
    if (error instanceof Damaged || error instanceof TooNew)
      return refuse("invalid", `${file} is damaged: ${error.message}`);
    const name = nameOf(error);
    if (name === undefined) throw error;
    return refuse(name === "ENOENT" ? "not-found" : "unavailable", `cannot read ${file}: ${sayWhy(error)}`);
  }
}

export interface RestoreOptions {
  /** Puts what lies in the directory aside, under a name beside it. */
  readonly force?: boolean;
  readonly onProgress?: Progress;
}

/** What was restored (`revision` is where it goes on), and where the former directory is now. */
export type RestoreSummary = BackupSummary & { readonly aside: string | null };

/** Verifies the backup, then makes it the store of this directory. Nothing is touched before the backup is known to be whole. */
export async function restoreBackup(
  file: string,
  dataDir: string,
  options: RestoreOptions = {},
): Promise<Outcome<RestoreSummary>> {
  const verified = await verifyBackup(file, options.onProgress);
  if (!verified.ok) return verified;
  try {
    const { hasStore, foreign, remains } = lookInto(dataDir);
    const isEmpty = !hasStore && foreign === undefined && remains === undefined;
    if (!isEmpty && options.force !== true)
      return refuse("exists", `${dataDir} is not empty; with --force it is moved aside and kept`);
    makeDirectory(dataDir);
    return await restoreInto(file, dataDir, verified.value, options.onProgress);
  } catch (error) {
    const why = error instanceof NoRoom ? explainWrite(error, dataDir) : sayWhy(error);
    return refuse("unavailable", `cannot restore into ${dataDir}: ${why}`);
  }
}

/** The former store is in use until the new one is whole. A start that finds neither sees that a restore is unfinished. */
async function restoreInto(
  file: string,
  dataDir: string,
  summary: BackupSummary,
  onProgress?: Progress,
): Promise<Outcome<RestoreSummary>> {
  const part = join(dataDir, RESTORING_FILE);
  // A start from here on sees that this is not a directory to begin anew in.
  if (!lookInto(dataDir).hasStore) touch(part);
  syncDirectory(dataDir);
  const owner = await takeOwnership(dataDir);
  try {
    const revision = summary.revision + REVISION_JUMP;
    await copyStore(file, part, summary.bytes, revision, onProgress);
    const aside = await putAside(dataDir);
    await rename(part, join(dataDir, STORE_FILE));
    await rm(`${part}-lock`, { force: true });
    syncDirectory(dataDir);
    syncDirectory(dirname(dataDir));
    return ok({ ...summary, revision, aside });
  } finally {
    await owner.release();
  }
}

/** Moves what was there to a new directory beside this one; null when there is nothing. The store goes last. */
async function putAside(dataDir: string): Promise<string | null> {
  const { hasStore, foreign, remains } = lookInto(dataDir);
  if (!hasStore && foreign === undefined && remains === undefined) return null;
  const aside = asideOf(dataDir);
  makeDirectory(aside);
  const names = readdirSync(dataDir).filter((name) => name !== STORE_FILE && !isPassing(name));
  for (const name of hasStore ? [...names, STORE_FILE] : names) await move(join(dataDir, name), join(aside, name));
  syncDirectory(aside);
  syncDirectory(dirname(aside));
  return aside;
}

function asideOf(dataDir: string): string {
  for (let n = 1; ; n++) {
    const aside = join(dirname(dataDir), `${basename(dataDir)}.before-restore-${n}`);
    if (!existsSync(aside)) return aside;
  }
}

/** The data directory may be a file system of its own, as a container's volume is. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    await cp(from, to, { recursive: true });
    const handle = await open(to, "r");
    await handle.sync().finally(() => handle.close());
    await rm(from, { recursive: true });
  }
}

async function copyStore(
  file: string,
  part: string,
  bytes: number,
  jump: Revision,
  onProgress?: Progress,
): Promise<void> {
  const target = await open(part, "w", 0o600);
  let done = 0;
  try {
    for await (const chunk of createReadStream(file, { end: bytes - 1, highWaterMark: COPY_BYTES })) {
      await target.writeFile(chunk as Buffer);
      done += (chunk as Buffer).length;
      onProgress?.("copy", done, bytes);
    }
    await target.sync();
  } finally {
    await target.close();
  }
  const store = new Store(part);
  try {
    await store.write({ meta: [["jump", encodeMeta({ revision: jump })]] });
  } finally {
    await store.close();
  }
}
