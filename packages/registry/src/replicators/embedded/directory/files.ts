/** @live What lies in a data directory, and the small files beside the store. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
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
import { dirname, join } from "node:path";
import { sayWhy } from "../../../net/why.ts";
import { StoreRefused } from "../refused.ts";

export const STORE_FILE = "rollcall.mdb";
const CLEAN_FILE = "clean.json";
/** Larger than any lock file of ours. */
const LOCK_BYTES = 8192;

/** Under this name a store is made; it shows that a start began here and has not come to its end. */
export const NEW_FILE = `${STORE_FILE}.new`;
/** Under this name a backup is restored; the same for a restore. */
export const RESTORING_FILE = `${STORE_FILE}.restoring`;

/** Under such a name a backup is made, and has none as soon as it is whole. */
export function backupFile(): string {
  return `backup.${randomBytes(6).toString("hex")}.part`;
}

/** What is being made, or was when its process was killed. Only the owner of the directory makes them. */
const LEFTOVER = /^(?:rollcall\.mdb\.(?:new|restoring)(?:-lock)?|backup\.[0-9a-f]+\.part(?:-lock)?)$/;

/** Names that may lie in a directory of ours, but for leftovers. A file system's root has `lost+found`. */
const OURS =
  /^(?:rollcall\.mdb(?:-lock)?|owner\.mdb(?:-lock)?|owner\.\d+\.[0-9a-f]+\.(?:sock|new)|clean\.json|lost\+found)$/;

const PASSING = /^(?:rollcall\.mdb-lock|owner\..+|lost\+found)$/;

function isOurs(name: string): boolean {
  return OURS.test(name) || LEFTOVER.test(name);
}

/** What nobody needs once the directory has an owner. */
export function isLeftover(name: string): boolean {
  return LEFTOVER.test(name);
}

/** What belongs to no store: who is at work in the directory, what is being made, and what the file system keeps. */
export function isPassing(name: string): boolean {
  return (OURS.test(name) && PASSING.test(name)) || LEFTOVER.test(name);
}

export interface Contents {
  readonly hasStore: boolean;
  /** Something that is not ours. */
  readonly foreign: string | undefined;
  /** A file that is left of a store that was here. */
  readonly remains: string | undefined;
  /** What was begun here before there was a store. */
  readonly unfinished: "start" | "restore" | null;
}

/** What lies in a directory; nothing when it is not there. */
export function lookInto(dataDir: string): Contents {
  const names = existsSync(dataDir) ? readdirSync(dataDir) : [];
  const unfinished = names.includes(RESTORING_FILE) ? "restore" : names.includes(NEW_FILE) ? "start" : null;
  return {
    hasStore: names.includes(STORE_FILE),
    foreign: names.find((name) => !isOurs(name)),
    remains: unfinished === null ? names.find((name) => isOurs(name) && name !== "lost+found") : undefined,
    unfinished,
  };
}

/** Makes the directory when there is none. Refuses one that holds other things, or has lost its store. */
export function openDirectory(dataDir: string): void {
  try {
    makeDirectory(dataDir);
    const { hasStore, foreign, remains, unfinished } = lookInto(dataDir);
    if (hasStore) return;
    if (foreign !== undefined)
      throw new StoreRefused(
        `${dataDir} is not a Rollcall data directory: it holds "${foreign}" and no ${STORE_FILE}. Give an empty directory or one of Rollcall's own (--data).`,
      );
    if (unfinished === "restore")
      throw new StoreRefused(
        `a restore into ${dataDir} did not come to its end. Restore the backup once more: rollcall restore <backup file> --data ${dataDir}`,
      );
    if (remains !== undefined)
      throw new StoreRefused(
        `${dataDir} has lost its ${STORE_FILE}: "${remains}" is there, the store is not. Restore a backup (rollcall restore <backup file> --data ${dataDir} --force), or empty the directory to begin anew.`,
      );
    touch(join(dataDir, NEW_FILE));
  } catch (error) {
    if (error instanceof StoreRefused) throw error;
    throw new StoreRefused(`cannot use the data directory ${dataDir}: ${sayWhy(error)}`);
  }
}

/** Node's own recursive way never ends where the kernel says ENOENT of a parent that is there, as in /proc. */
export function makeDirectory(path: string): void {
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) return;
    throw Object.assign(new Error(), { code: "ENOTDIR" });
  }
  if (!existsSync(dirname(path))) makeDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it since.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Makes a file that is there and empty, or leaves it as it is. */
export function touch(path: string): void {
  closeSync(openSync(path, "a", 0o600));
}

/**
 * Makes sure that the library can open a store: when it cannot, it may end the process rather than say so. Its lock
 * file is written out beforehand, since the library maps it writable, and touching a page that a full disk cannot hold
 * is a signal and not an error. It opens that file once and the store twice.
 */
export function prepareFiles(store: string): void {
  const lock = `${store}-lock`;
  const isReady = existsSync(lock) && statSync(lock).size > 0;
  const fd = openSync(lock, isReady ? "r+" : "a", 0o600);
  try {
    if (!isReady) writeSync(fd, Buffer.alloc(LOCK_BYTES));
    const first = openSync(store, "r+");
    try {
      closeSync(openSync(store, "r+"));
    } finally {
      closeSync(first);
    }
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
