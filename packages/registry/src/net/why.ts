/** Errors of the system in words for people. */
import { getSystemErrorName } from "node:util";

const WORDS: Readonly<Record<string, string>> = {
  EROFS: "the file system is read-only",
  EACCES: "this user lacks the permission",
  EPERM: "this user lacks the permission",
  ENOSPC: "the disk is full",
  EDQUOT: "the quota of this user on the disk is used up",
  EMFILE: "this process has too many files open; raise its limit (LimitNOFILE, ulimit -n)",
  ENFILE: "the system has too many files open",
  ENOMEM: "the system has no memory left",
  EIO: "the disk reports an error; look at the system's log",
  ESTALE: "the network file system has lost the file",
  ENOENT: "there is no such file or directory",
  ENOTDIR: "a part of the path is not a directory",
  EISDIR: "it is a directory",
  ELOOP: "it is a circle of links",
  ENAMETOOLONG: "the path is too long",
  EFBIG: "the file would be larger than is allowed here",
};

/** Errors of Linux that Node has no name for. */
const UNNAMED: Readonly<Record<number, string>> = { 122: "EDQUOT" };

/** The name of the system's error, whether it came by name (Node) or by number (libraries); undefined for any other. */
export function nameOf(error: unknown): string | undefined {
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  const number = typeof code === "number" ? code : typeof errno === "number" ? -errno : 0;
  if (number in UNNAMED) return UNNAMED[number];
  if (typeof code !== "number") return typeof code === "string" ? code : undefined;
  return number > 0 ? getSystemErrorName(-number) : undefined;
}

/** An error of the system in words, with its name; of any other error its message. */
export function sayWhy(error: unknown): string {
  const name = nameOf(error);
  const words = name === undefined ? undefined : WORDS[name];
  return words === undefined ? ((error as Error).message ?? String(error)) : `${words} (${name})`;
}
