/** What each request that changes something comes to, in the order of checks that the original has. */
import { type Bytes, type LeaseId, type Outcome, ok } from "../../../core/index.ts";
import { ERRORS, type ErrorCode, PERMS } from "../wire/codes.ts";
import { isLegalPath, parentOf } from "../wire/path.ts";
import type { Write } from "../wire/writes.ts";
import { CONFIG, FIXED } from "./fixed.ts";
import { saysSomething } from "./note.ts";
import { fixAcl, mayDo, type Who } from "./rights.ts";
import type { Key, Node, Working } from "./working.ts";

/** What came of one request, for its answer. Plain data. */
export interface Done {
  /** Of the node that was created. */
  readonly path?: Bytes;
  /** The node as it is then; none of one that went. */
  readonly key?: Key;
  readonly aversion?: number;
}

export type Decided = Outcome<Done, { readonly error: ErrorCode }>;

export interface Caller {
  readonly who: Who;
  readonly session: LeaseId;
  /** Whether nodes may live for a time of their own. */
  readonly allowsTtl: boolean;
}

function fail(error: ErrorCode): Decided {
  return { ok: false, error };
}

export function carryOut(working: Working, write: Write, caller: Caller): Decided {
  switch (write.op) {
    case "create":
      return create(working, write, caller);
    case "delete":
      return remove(working, write, caller);
    case "deleteContainer":
      return removeContainer(working, write.path, caller);
    case "setData":
      return setData(working, write, caller);
    case "setACL":
      return setAcl(working, write, caller);
    case "check":
      return check(working, write, caller);
  }
}

type Of<Op extends Write["op"]> = Extract<Write, { readonly op: Op }>;

/** Flags of a create: what it says of how long the node lives, and of its name. */
const MODES = [
  { ephemeral: false, numbered: false, container: false, ttl: false },
  { ephemeral: true, numbered: false, container: false, ttl: false },
  { ephemeral: false, numbered: true, container: false, ttl: false },
  { ephemeral: true, numbered: true, container: false, ttl: false },
  { ephemeral: false, numbered: false, container: true, ttl: false },
  { ephemeral: false, numbered: false, container: false, ttl: true },
  { ephemeral: false, numbered: true, container: false, ttl: true },
] as const;

/** The original keeps it in 40 bits. */
const TTL_MS_MAX = 2 ** 40 - 1;
const DIGITS = 10;

function create(working: Working, write: Of<"create">, { who, session, allowsTtl }: Caller): Decided {
  const { path, data, flags, ttlMs } = write;
  const mode = MODES[flags];
  if (mode === undefined) return fail(ERRORS.badArguments);
  if (mode.ttl && !allowsTtl) return fail(ERRORS.unimplemented);
  if (mode.ttl ? !(ttlMs > 0 && ttlMs <= TTL_MS_MAX) : ttlMs >= 0) return fail(ERRORS.badArguments);
  const parent = path === "/" ? "/" : parentOf(path);
  if (parent === undefined || parent === "" || path.includes("\0")) return fail(ERRORS.badArguments);
  const acl = fixAcl(write.acl, who);
  if (acl === undefined) return fail(ERRORS.invalidACL);
  const above = working.node(parent);
  if (above === undefined) return fail(ERRORS.noNode);
  if (!mayDo(above.note.acl, PERMS.create, who)) return fail(ERRORS.noAuth);
  const name = mode.numbered ? path + String(working.count(parent)).padStart(DIGITS, "0") : path;
  if (!isLegalPath(name)) return fail(ERRORS.badArguments);
  if (working.node(name) !== undefined) return fail(ERRORS.nodeExists);
  if (above.key !== undefined && above.key.lease !== null) return fail(ERRORS.noChildrenForEphemerals);
  if (!FIXED.has(parent)) working.found(parent);
  const more = {
    acl,
    aversion: 0,
    isContainer: mode.container,
    ttlMs: mode.ttl ? ttlMs : 0,
    nullAt: data === null ? working.revision : 0,
  };
  const lease = mode.ephemeral ? session : null;
  const key = working.create(name, data ?? "", lease, saysSomething(more) ? more : undefined);
  working.countOn(parent);
  return ok({ path: name, key });
}

function remove(working: Working, { path, version }: Of<"delete">, { who }: Caller): Decided {
  const parent = parentOf(path);
  if (parent === undefined || parent === "" || path.includes("\0") || FIXED.has(path)) return fail(ERRORS.badArguments);
  const above = working.node(parent);
  const node = above && working.node(path);
  if (above === undefined || node === undefined) return fail(ERRORS.noNode);
  if (!mayDo(above.note.acl, PERMS.delete, who)) return fail(ERRORS.noAuth);
  if (!isVersion(version, versionOf(node))) return fail(ERRORS.badVersion);
  if (working.hasChildren(path)) return fail(ERRORS.notEmpty);
  working.remove(path);
  return ok({});
}

function removeContainer(working: Working, path: Bytes, { who }: Caller): Decided {
  const parent = parentOf(path);
  if (parent === undefined || parent === "" || FIXED.has(path)) return fail(ERRORS.badArguments);
  const node = working.node(path);
  if (node === undefined) return fail(ERRORS.noNode);
  if (!mayDo(working.node(parent)?.note.acl ?? null, PERMS.delete, who)) return fail(ERRORS.noAuth);
  if (!node.note.isContainer && node.note.ttlMs === 0) return fail(ERRORS.badVersion);
  if (working.hasChildren(path)) return fail(ERRORS.notEmpty);
  working.remove(path);
  return ok({});
}

function setData(working: Working, { path, data, version }: Of<"setData">, { who }: Caller): Decided {
  const found = find(working, path, PERMS.write, who);
  if (!found.ok) return found;
  if (path === CONFIG) return fail(ERRORS.noAuth);
  if (!isVersion(version, versionOf(found.value))) return fail(ERRORS.badVersion);
  const key = working.setData(path, found.value, data);
  return ok({ key, aversion: found.value.note.aversion });
}

function setAcl(working: Working, write: Of<"setACL">, { who }: Caller): Decided {
  const { path, version } = write;
  if (!isLegalPath(path)) return fail(ERRORS.badArguments);
  const acl = fixAcl(write.acl, who);
  if (acl === undefined) return fail(ERRORS.invalidACL);
  const found = find(working, path, PERMS.admin, who);
  if (!found.ok) return found;
  const { key, note } = found.value;
  if (!isVersion(version, note.aversion)) return fail(ERRORS.badVersion);
  const aversion = note.aversion + 1;
  working.setNote(path, { ...note, acl, aversion });
  return ok(key === undefined ? { aversion } : { key, aversion });
}

function check(working: Working, { path, version }: Of<"check">, { who }: Caller): Decided {
  const found = find(working, path, PERMS.read, who);
  if (!found.ok) return found;
  return isVersion(version, versionOf(found.value)) ? ok({}) : fail(ERRORS.badVersion);
}

function find(working: Working, path: Bytes, perm: number, who: Who): Outcome<Node, { readonly error: ErrorCode }> {
  if (!isLegalPath(path)) return { ok: false, error: ERRORS.badArguments };
  const node = working.node(path);
  if (node === undefined) return { ok: false, error: ERRORS.noNode };
  return mayDo(node.note.acl, perm, who) ? ok(node) : { ok: false, error: ERRORS.noAuth };
}

/** Versions of keys begin at 1, those of nodes at 0. */
export function versionOf({ key }: Pick<Node, "key">): number {
  return key === undefined ? 0 : key.version - 1;
}

/** -1 is any. */
function isVersion(wished: number, version: number): boolean {
  return wished === -1 || wished === version;
}
