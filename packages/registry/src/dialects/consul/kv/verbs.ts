/** What the operations on keys do: those of single requests and those of transactions are the same. */
import { type Bytes, fromBytes, type Outcome, ok } from "../../../core/index.ts";
import type { Entry } from "./entry.ts";
import type { Working } from "./working.ts";

export type Verb =
  | "set"
  | "cas"
  | "lock"
  | "unlock"
  | "get"
  | "get-or-empty"
  | "get-tree"
  | "check-index"
  | "check-session"
  | "check-not-exists"
  | "delete"
  | "delete-tree"
  | "delete-cas";

const READS: ReadonlySet<Verb> = new Set<Verb>([
  "get",
  "get-or-empty",
  "get-tree",
  "check-index",
  "check-session",
  "check-not-exists",
]);

/** One operation, as plain data. */
export interface Operation {
  readonly verb: Verb;
  readonly key: Bytes;
  readonly value: Bytes;
  /** 64 bits, in decimal. */
  readonly flags: string;
  readonly index: number;
  readonly session: string;
}

/** What came of one: entries as they are then. */
export interface Done {
  readonly entries: readonly Entry[];
  readonly withValue: boolean;
}

export interface Failed {
  readonly what: string;
  /** It did not hold; else it was no good operation. */
  readonly refused: boolean;
}

export type Carried = Outcome<Done, Failed>;

export function isRead(verb: Verb): boolean {
  return READS.has(verb);
}

/** Whatever a session asks for. */
const LOCK_DELAY_MS_MAX = 60_000;
/** More are not read in one transaction. */
const TREE_MAX = 10_000;

const NOTHING: Carried = ok({ entries: [], withValue: false });

function done(entry: Entry, withValue = false): Carried {
  return ok({ entries: [entry], withValue });
}

function refused(what: string): Carried {
  return { ok: false, what, refused: true };
}

function bad(what: string): Carried {
  return { ok: false, what, refused: false };
}

export function carryOut(working: Working, operation: Operation): Carried {
  const { verb, key, value, flags, index } = operation;
  const name = JSON.stringify(fromBytes(key));
  if (key === "" && verb !== "delete-tree") return bad("Must provide key");
  const before = working.get(key);
  switch (verb) {
    case "set":
      return done(working.write(key, value, flags, before?.lockIndex ?? 0, { kind: "keep" }));
    case "cas":
      if ((before?.modifyIndex ?? 0) !== index) return refused(`failed to set key ${name}, index is stale`);
      return done(working.write(key, value, flags, before?.lockIndex ?? 0, { kind: "keep" }));
    case "lock":
      return lock(working, operation, before, name);
    case "unlock":
      return unlock(working, operation, before, name);
    case "get":
      return before === undefined ? refused(`key ${name} doesn't exist`) : done(before, true);
    case "get-or-empty":
      return done(before ?? emptyEntry(key), true);
    case "get-tree":
      return readTree(working, key);
    case "check-index":
      if (before === undefined) return refused(`failed to check index, key ${name} doesn't exist`);
      if (before.modifyIndex === index) return done(before);
      return refused(`failed index check for key ${name}, current modify index ${before.modifyIndex} != ${index}`);
    case "check-session":
      return checkSession(operation, before, name);
    case "check-not-exists":
      return before === undefined ? NOTHING : refused(`key ${name} exists`);
    case "delete":
    case "delete-tree":
    case "delete-cas":
      return remove(working, operation, before, name);
    default:
      return bad(`unknown KV verb ${JSON.stringify(verb)}`);
  }
}

function lock(working: Working, operation: Operation, before: Entry | undefined, name: string): Carried {
  const { key, value, flags, session: id } = operation;
  if (id === "") return bad("missing session");
  const session = working.session(id);
  if (session === undefined) return bad(`invalid session ${JSON.stringify(id)}`);
  if (working.isDelayed(key)) return refused(`failed to lock key ${name} due to lock delay`);
  const holder = before?.session ?? "";
  if (holder !== "" && holder !== id) return refused(`failed to lock key ${name}, lock is already held`);
  const lockIndex = (before?.lockIndex ?? 0) + (holder === id ? 0 : 1);
  const { behavior } = session;
  const lockDelayMs = Math.min(session.lockDelayMs, LOCK_DELAY_MS_MAX);
  return done(working.write(key, value, flags, lockIndex, { kind: "session", id, behavior, lockDelayMs }));
}

function unlock(working: Working, operation: Operation, before: Entry | undefined, name: string): Carried {
  const { key, value, flags, session } = operation;
  if (session === "") return bad("missing session");
  if (before === undefined || before.session !== session)
    return refused(`failed to unlock key ${name}, lock isn't held, or is held by another session`);
  return done(working.write(key, value, flags, before.lockIndex, { kind: "none" }));
}

function readTree(working: Working, prefix: Bytes): Carried {
  const entries = working.tree(prefix, TREE_MAX);
  if (entries === undefined) return bad(`more than ${TREE_MAX} keys to read in a transaction`);
  return ok({ entries, withValue: true });
}

function checkSession({ session }: Operation, before: Entry | undefined, name: string): Carried {
  if (before === undefined) return refused(`failed to check session, key ${name} doesn't exist`);
  if (before.session === session) return done(before);
  const [is, wanted] = [before.session, session].map((id) => JSON.stringify(id));
  return refused(`failed session check for key ${name}, current session ${is} != ${wanted}`);
}

function remove(working: Working, operation: Operation, before: Entry | undefined, name: string): Carried {
  const { verb, key, index } = operation;
  if (verb === "delete-tree") {
    working.removeTree(key);
    return NOTHING;
  }
  if (before === undefined) return NOTHING;
  if (verb === "delete-cas" && before.modifyIndex !== index)
    return refused(`failed to delete key ${name}, index is stale`);
  working.remove(key);
  return NOTHING;
}

function emptyEntry(key: Bytes): Entry {
  return { key, value: "", flags: "0", lockIndex: 0, session: "", createIndex: 0, modifyIndex: 0 };
}
