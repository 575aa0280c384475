/** Why a store cannot be opened, read or written. */
import { getSystemErrorName } from "node:util";

/** A start or an operation refused for a reason that a person can mend. The message is the sentence. */
export class StoreRefused extends Error {
  override readonly name = "StoreRefused";
}

/** Something in the file is not as it must be. The message says what and where. */
export class Damaged extends Error {}

/** Written by a newer version: nothing is wrong with it, but it is not for this program. */
export class TooNew extends Error {}

/** Refused before anything was tried: the store is as it was. */
export class NoRoom extends Error {}

const WORDS: Readonly<Record<string, string>> = {
  EROFS: "the file system is read-only",
  EACCES: "this user lacks the permission",
  EPERM: "this user lacks the permission",
  ENOSPC: "the disk is full",
  EDQUOT: "the quota of this user on the disk is used up",
  EMFILE: "this process has too many files open; raise its limit (LimitNOFILE, ulimit -n)",
  ENFILE: "the system has too many files open",
  EIO: "the disk reports an error; look at the system's log",
  ENOENT: "there is no such file or directory",
  ENOTDIR: "a part of the path is not a directory",
  ENAMETOOLONG: "the path is too long",
};

/** The name of the system's error: Node gives names, LMDB numbers. */
export function nameOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  if (typeof code !== "number") return typeof code === "string" ? code : undefined;
  return code > 0 ? getSystemErrorName(-code) : undefined;
}

/** An error of the system in words, with its name; of any other error its message. */
export function sayWhy(error: unknown): string {
  const name = nameOf(error);
  const words = name === undefined ? undefined : WORDS[name];
  return words === undefined ? ((error as Error).message ?? String(error)) : `${words} (${name})`;
}
