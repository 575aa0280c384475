/** @live Nodes as they are: their data, what lies in them, who may do what, and which are a session's own. */
import { type AccountView, type Bytes, LIMITS, prefixEnd } from "../../../core/index.ts";
import { openLine } from "../../../net/answers/turns.ts";
import type { Answer, Call, Desk, Handle } from "../desk.ts";
import { mayDo, OPEN_ACL } from "../nodes/rights.ts";
import { type Found, findNode, statOf } from "../nodes/stat.ts";
import type { Tree } from "../nodes/tree.ts";
import type { Kind } from "../watches/board.ts";
import { writeAcls } from "../wire/acl.ts";
import { ERRORS, OPS, PERMS } from "../wire/codes.ts";
import { Writer } from "../wire/jute.ts";
import { directoryOf } from "../wire/path.ts";
import { writeStat } from "../wire/stat.ts";
import { readSteps } from "../wire/writes.ts";
import { BAD, fail, show } from "./answers.ts";

const inTurn = openLine();

/** A path as it comes in reads; "" is the root. */
function readPath({ reader }: Call): Bytes | null {
  const path = reader.bytes();
  return path === "" ? "/" : path;
}

function viewOf({ registry }: Desk, { account }: Call): AccountView | undefined {
  return registry.read((view) => view.account(account) ?? null) ?? undefined;
}

/** Of the paths that one connection watches. */
const WATCHED_BYTES_MAX = 8 * 1024 * 1024;

/** Why it may not watch these as well: more than a connection may have, or longer than any path. */
export function refuseWatches({ settings }: Desk, { guest }: Call, paths: readonly Bytes[]): Answer | undefined {
  let bytes = guest.watched.bytes;
  for (const { length } of paths) {
    if (length > LIMITS.keyBytesMax) return fail(ERRORS.badArguments);
    bytes += length;
  }
  const isMuch = guest.watched.size + paths.length > settings.watchesMax || bytes > WATCHED_BYTES_MAX;
  return isMuch ? fail(ERRORS.throttledOp) : undefined;
}

/** Answers why it may not. */
export function setWatch(desk: Desk, call: Call, kind: Kind, path: Bytes): Answer | undefined {
  const refused = refuseWatches(desk, call, [path]);
  if (refused === undefined) call.realm.board.add(kind, path, call.guest);
  return refused;
}

function find(desk: Desk, call: Call, path: Bytes, perm: number): Found | Answer {
  const found = findNode(call.realm.tree, viewOf(desk, call), path);
  if (found === undefined) return fail(ERRORS.noNode);
  return mayDo(found.note.acl, perm, call.guest.who) ? found : fail(ERRORS.noAuth);
}

function isAnswer(found: Found | Answer): found is Answer {
  return "error" in found;
}

export const exists: Handle = (desk, call) => {
  const path = readPath(call);
  const watches = call.reader.bool();
  if (path === null || call.reader.isBad) return BAD;
  const found = find(desk, call, path, PERMS.read);
  const isMissing = isAnswer(found) && found.error === ERRORS.noNode;
  if (isAnswer(found) && !isMissing) return found;
  const refused = watches ? setWatch(desk, call, "data", path) : undefined;
  if (refused !== undefined) return refused;
  return isAnswer(found) ? found : show((writer) => writeStat(writer, statOf(found, path)));
};

export const getData: Handle = (desk, call) => {
  const path = readPath(call);
  const watches = call.reader.bool();
  if (path === null || call.reader.isBad) return BAD;
  const found = find(desk, call, path, PERMS.read);
  if (isAnswer(found)) return found;
  const refused = watches ? setWatch(desk, call, "data", path) : undefined;
  if (refused !== undefined) return refused;
  return show((writer) => writeData(writer, found, path));
};

function writeData(writer: Writer, found: Found, path: Bytes): void {
  writer.bytes(dataOf(found));
  writeStat(writer, statOf(found, path));
}

function dataOf({ record, note }: Found): Bytes | null {
  if (record === undefined) return "";
  return record.value === "" && note.nullAt === record.modRevision ? null : record.value;
}

/** Without the Stat in the older form. */
export const getChildren: Handle = (desk, call) => {
  const path = readPath(call);
  const watches = call.reader.bool();
  if (path === null || call.reader.isBad) return BAD;
  const found = find(desk, call, path, PERMS.read);
  if (isAnswer(found)) return found;
  const refused = watches ? setWatch(desk, call, "child", path) : undefined;
  if (refused !== undefined) return refused;
  const names = call.realm.tree.names(path, viewOf(desk, call));
  return show((writer) => {
    writer.raw(names);
    if (call.type === OPS.getChildren2) writeStat(writer, statOf(found, path));
  });
};

export const getAcl: Handle = (desk, call) => {
  const path = readPath(call);
  if (path === null) return BAD;
  const found = find(desk, call, path, PERMS.read | PERMS.admin);
  if (isAnswer(found)) return found;
  const acl = found.note.acl ?? OPEN_ACL;
  const mayAdmin = mayDo(acl, PERMS.admin, call.guest.who);
  return show((writer) => {
    writeAcls(writer, mayAdmin ? acl : acl.map((entry) => ({ ...entry, id: hide(entry.scheme, entry.id) })));
    writeStat(writer, statOf(found, path));
  });
};

/** Who may only read learns who else may, but no hash that could be shown in place of a password. */
function hide(scheme: Bytes, id: Bytes): Bytes {
  return scheme === "digest" ? `${id.slice(0, id.indexOf(":"))}:x` : id;
}

/** Keys that are counted in one turn. */
const COUNTED_MAX = 2000;

/** How many lie below, at any depth. */
export const countAll: Handle = async (desk, call) => {
  const path = readPath(call);
  if (path === null) return BAD;
  const found = find(desk, call, path, PERMS.read);
  if (isAnswer(found)) return found;
  const { tree } = call.realm;
  if (path === "/") return show((writer) => writer.int(tree.size - 1));
  const directory = directoryOf(path);
  let count = 0;
  for (let last: Bytes | undefined = directory; last !== undefined; ) {
    const some = countSome(tree, viewOf(desk, call), directory, last);
    count += some.count;
    last = some.last;
    if (last !== undefined) await new Promise<void>(inTurn);
  }
  return show((writer) => writer.int(count));
};

/** Of the keys behind the last one: those that are nodes, and the nodes that are there for them. */
function countSome(tree: Tree, view: AccountView | undefined, directory: Bytes, last: Bytes) {
  let [count, looks, before] = [0, 0, last];
  for (const { key } of view?.entries(last, prefixEnd(directory)) ?? []) {
    if (key === last) continue;
    if (looks++ === COUNTED_MAX) return { count, last: before };
    if (tree.has(key)) count++;
    for (let at = key.lastIndexOf("/"); at > directory.length; at = key.lastIndexOf("/", at - 1)) {
      if (before.startsWith(key.slice(0, at + 1))) break;
      if (tree.branch(key.slice(0, at))?.hasKey === false) count++;
    }
    before = key;
  }
  return { count, last: undefined };
}

export const getEphemerals: Handle = (desk, call) => {
  const prefix = call.reader.bytes() ?? "";
  const { account, guest, realm } = call;
  const keys = desk.registry.read((view) => view.members(account, guest.session).keys);
  const paths = keys.map(({ key }) => key).filter((key) => key.startsWith(prefix) && realm.tree.has(key));
  return show((writer) => {
    writer.int(paths.length);
    for (const path of paths) writer.bytes(path);
  });
};

const READS: ReadonlyMap<number, Handle> = new Map([
  [OPS.getData, getData],
  [OPS.getChildren, getChildren],
]);

/** Of what one answer tells of many nodes. */
const MANY_BYTES_MAX = 8 * 1024 * 1024;
const FIRST_BYTES = 1024;

export const multiRead: Handle = (desk, call) => {
  const told = new Writer(FIRST_BYTES);
  const steps = readSteps(call.reader, (type) => {
    const handle = READS.get(type);
    // Handlers of reads answer at once.
    const answer = handle?.(desk, { ...call, type }) as Answer | undefined;
    if (answer === undefined || call.reader.isBad) return undefined;
    if (told.size <= MANY_BYTES_MAX) tellStep(told, type, answer);
    return true;
  });
  if (steps === undefined) return BAD;
  if (told.size > MANY_BYTES_MAX) return fail(ERRORS.systemError);
  return show((writer) => writer.raw(told.all()).int(-1).bool(true).int(-1));
};

function tellStep(writer: Writer, type: number, { error, body }: Answer): void {
  writer
    .int(error === ERRORS.ok ? type : -1)
    .bool(false)
    .int(error);
  if (error === ERRORS.ok) body?.(writer);
  else writer.int(error);
}
