/** What each request that changes something comes to, in the order of checks that the original has. */
import { type Bytes, fromBytes, type LeaseId, type Outcome, ok } from "../../../../../core/index.ts";
import { type Failed, failed } from "../errors.ts";
import { type File, whyMissing } from "../nodes.ts";
import type { Wish } from "../wish.ts";
import type { Working } from "./working.ts";

export type Action = "set" | "create" | "update" | "compareAndSwap" | "delete" | "compareAndDelete" | "expire";

/** One request, as plain data. */
export interface Operation {
  readonly verb: Exclude<Action, "expire">;
  readonly path: Bytes;
  readonly value: Bytes;
  readonly isDirectory: boolean;
  /** Null for none. */
  readonly ttlMs: number | null;
  readonly refresh: boolean;
  /** Under a name that is made of its path and the revision. */
  readonly isNumbered: boolean;
  readonly prevValue: Bytes;
  readonly prevIndex: string;
  readonly isRecursive: boolean;
  /** The name of the lease that it gets, if it needs a new one. */
  readonly lease: LeaseId;
}

/** What was done, and to what. */
export interface Done {
  readonly action: Action;
  readonly path: Bytes;
  readonly isDirectory: boolean;
}

export type Carried = Outcome<Done, Failed>;

/** Digits of a number in a name. */
const DIGITS = 20;

export function toOperation(wish: Wish, ttlMs: number | null, lease: LeaseId): Operation {
  const { method, path, value, isDirectory, refresh, prevValue, prevIndex, isRecursive } = wish;
  const isNumbered = method === "POST";
  return {
    verb: verbOf(wish),
    path,
    value,
    isDirectory,
    ttlMs,
    refresh,
    isNumbered,
    prevValue,
    prevIndex,
    isRecursive,
    lease,
  };
}

function verbOf({ method, prevExist, prevValue, prevIndex }: Wish): Operation["verb"] {
  const compares = prevValue !== "" || prevIndex !== "0";
  if (method === "POST") return "create";
  if (method === "DELETE") return compares ? "compareAndDelete" : "delete";
  if (prevExist === false) return "create";
  return compares ? "compareAndSwap" : prevExist === undefined ? "set" : "update";
}

export function carryOut(working: Working, operation: Operation): Carried {
  const path = operation.isNumbered
    ? `${operation.path}/${String(working.revision).padStart(DIGITS, "0")}`
    : operation.path;
  if (path === "") return failed(107, "/");
  switch (operation.verb) {
    case "set":
      return set(working, path, operation);
    case "create":
      return create(working, path, operation);
    case "update":
      return update(working, path, operation);
    case "compareAndSwap":
      return swap(working, path, operation);
    case "delete":
      return remove(working, path, operation);
    case "compareAndDelete":
      return compareAndDelete(working, path, operation);
  }
}

function done(action: Action, path: Bytes, isDirectory: boolean): Carried {
  return ok({ action, path, isDirectory });
}

function set(working: Working, path: Bytes, { value, isDirectory, ttlMs, refresh }: Operation): Carried {
  const node = working.node(path);
  const missing = node === undefined ? whyMissing(working.keys, path) : undefined;
  if (missing !== undefined && (refresh || missing.code !== 100)) return { ok: false, ...missing };
  if (node?.kind === "directory") return failed(102, fromBytes(path));
  if (refresh && node !== undefined && !isDirectory) {
    working.refresh(path, node, ttlMs);
    return done("set", path, false);
  }
  if (node === undefined) working.makeAbove(path);
  if (isDirectory) {
    // A file gives way to a directory, as in the original.
    if (node !== undefined) working.removeFile(path, node);
    working.makeDirectory(path, ttlMs);
    working.mark("set", path, true);
  } else working.write(path, node, value, ttlMs);
  return done("set", path, isDirectory);
}

function create(working: Working, path: Bytes, { value, isDirectory, ttlMs }: Operation): Carried {
  if (working.node(path) !== undefined) return failed(105, fromBytes(path));
  const missing = whyMissing(working.keys, path);
  if (missing.code !== 100) return { ok: false, ...missing };
  working.makeAbove(path);
  if (isDirectory) working.makeDirectory(path, ttlMs);
  else working.write(path, undefined, value, ttlMs);
  working.mark("create", path, isDirectory);
  return done("create", path, isDirectory);
}

function update(working: Working, path: Bytes, { value, ttlMs, refresh }: Operation): Carried {
  const node = working.node(path);
  if (node === undefined) return { ok: false, ...whyMissing(working.keys, path) };
  const isDirectory = node.kind === "directory";
  if (isDirectory && value !== "") return failed(102, fromBytes(path));
  if (isDirectory) {
    working.makeDirectory(path, ttlMs);
    working.mark(refresh ? "refresh" : "update", path, true);
  } else if (refresh) working.refresh(path, node, ttlMs);
  else {
    working.write(path, node, value, ttlMs);
    working.mark("update", path, false);
  }
  return done("update", path, isDirectory);
}

function swap(working: Working, path: Bytes, operation: Operation): Carried {
  const compared = compare(working, path, operation);
  if (!compared.ok) return compared;
  const { value, ttlMs, refresh } = operation;
  if (refresh) working.refresh(path, compared.value, ttlMs);
  else {
    working.write(path, compared.value, value, ttlMs);
    working.mark("compareAndSwap", path, false);
  }
  return done("compareAndSwap", path, false);
}

/** The file, if it is as it is said to be. */
function compare(working: Working, path: Bytes, operation: Operation): Outcome<File, Failed> {
  const { prevValue, prevIndex } = operation;
  const node = working.node(path);
  if (node === undefined) return { ok: false, ...whyMissing(working.keys, path) };
  if (node.kind === "directory") return failed(102, fromBytes(path));
  const { value, modRevision } = node.record;
  const isValue = prevValue === "" || prevValue === value;
  const isIndex = prevIndex === "0" || prevIndex === String(modRevision);
  if (isValue && isIndex) return ok(node);
  const values = `[${fromBytes(prevValue)} != ${fromBytes(value)}]`;
  const indexes = `[${prevIndex} != ${modRevision}]`;
  return failed(101, isIndex ? values : isValue ? indexes : `${values} ${indexes}`);
}

function remove(working: Working, path: Bytes, { isDirectory, isRecursive }: Operation): Carried {
  const node = working.node(path);
  if (node === undefined) return { ok: false, ...whyMissing(working.keys, path) };
  if (node.kind === "file") {
    working.removeFile(path, node);
    return done("delete", path, false);
  }
  if (!isDirectory && !isRecursive) return failed(102, fromBytes(path));
  if (!isRecursive && working.hasChildren(path)) return failed(108, fromBytes(path));
  working.removeDirectory(path, node);
  working.mark("delete", path, true);
  return done("delete", path, true);
}

function compareAndDelete(working: Working, path: Bytes, operation: Operation): Carried {
  const compared = compare(working, path, operation);
  if (!compared.ok) return compared;
  working.removeFile(path, compared.value);
  working.mark("compareAndDelete", path, false);
  return done("compareAndDelete", path, false);
}
