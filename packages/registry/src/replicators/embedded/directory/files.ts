/** @live What lies in a data directory, and the small files beside the store. */
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { emptyStore } from "../file/pages.ts";
import { StoreRefused } from "../refused.ts";

export const STORE_FILE = "rollcall.mdb";
const CLEAN_FILE = "clean.json";
/** Larger than any lock file of ours. */
const LOCK_BYTES = 8192;

/** Names that may lie in a directory of ours. A file system's root has `lost+found`. */
const OURS =
  /^(?:rollcall\.mdb(?:-lock)?|rollcall\.mdb\.(?:new|restoring)-\d+(?:-lock)?|owner\.mdb(?:-lock)?|clean\.json|lost\+found)$/;

/** Makes the directory when there is none. Refuses one that holds other things. */
export function openDirectory(dataDir: string): { isNew: boolean } {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const names = readdirSync(dataDir);
    const isNew = !names.includes(STORE_FILE);
    const foreign = names.filter((name) => !OURS.test(name));
    if (isNew && foreign.length > 0)
      throw new StoreRefused(
        `${dataDir} is not a Rollcall data directory: it holds "${foreign[0]}" and no ${STORE_FILE}. Give an empty directory or one of Rollcall's own (--data).`,
      );
    if (isNew && names.includes(CLEAN_FILE))
      throw new StoreRefused(
        `${dataDir} has lost its ${STORE_FILE}: the mark of a clean stop is there, the store is not. Restore a backup, or empty the directory to begin anew.`,
      );
    return { isNew };
  } catch (error) {
    if (error instanceof StoreRefused) throw error;
    throw new StoreRefused(`cannot use the data directory ${dataDir}: ${(error as Error).message}`);
  }
}

/**
 * Makes sure that the library can open a store: when it cannot, it may end the process rather than say so. Its lock
 * file is written out beforehand, since the library maps it writable, and touching a page that a full disk cannot hold
 * is a signal and not an error.
 */
export function prepareFiles(store: string): void {
  const lock = `${store}-lock`;
  const isReady = existsSync(lock) && statSync(lock).size > 0;
  const fd = openSync(lock, isReady ? "r+" : "a", 0o600);
  try {
    if (!isReady) writeSync(fd, Buffer.alloc(LOCK_BYTES));
  } finally {
    closeSync(fd);
  }
  closeSync(openSync(store, "r+"));
}

/** Writes a store without anything in it, unless that is what the file is already. */
export function writeEmptyStore(path: string): void {
  const empty = emptyStore();
  if (existsSync(path) && readFileSync(path).equals(empty)) return;
  // In place and never shorter for a moment: another process may have the file mapped.
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    writeSync(fd, empty, 0, empty.length, 0);
  } finally {
    closeSync(fd);
  }
}

/** Makes renames and new names in this directory durable. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Says of a store's file that it was closed in order, so that the next start need not look at every page. */
interface CleanStamp {
  readonly bytes: number;
  readonly modifiedAtMs: number;
  readonly txnId: number;
}

function stampOf(dataDir: string, txnId: number): CleanStamp {
  const { size, mtimeMs } = statSync(join(dataDir, STORE_FILE));
  return { bytes: size, modifiedAtMs: mtimeMs, txnId };
}

export function writeCleanStamp(dataDir: string, txnId: number): void {
  const fd = openSync(join(dataDir, CLEAN_FILE), "w", 0o600);
  try {
    writeSync(fd, `${JSON.stringify(stampOf(dataDir, txnId))}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether the file is the very one that was closed in order. */
export function isCleanlyClosed(dataDir: string, txnId: number): boolean {
  try {
    const stamp = JSON.parse(readFileSync(join(dataDir, CLEAN_FILE), "utf8")) as CleanStamp;
    const now = stampOf(dataDir, txnId);
    return stamp.bytes === now.bytes && stamp.modifiedAtMs === now.modifiedAtMs && stamp.txnId === now.txnId;
  } catch {
    return false;
  }
}

export function removeCleanStamp(dataDir: string): void {
  rmSync(join(dataDir, CLEAN_FILE), { force: true });
}
