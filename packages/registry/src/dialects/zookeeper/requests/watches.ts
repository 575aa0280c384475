/** @live Watches that are set, looked for and taken back. */
import type { Bytes, Revision } from "../../../core/index.ts";
import type { Call, Handle } from "../desk.ts";
import { mayDo } from "../nodes/rights.ts";
import { findNode, statOf } from "../nodes/stat.ts";
import { KINDS, type Kind } from "../watches/board.ts";
import { encodeEvent } from "../watches/event.ts";
import { ERRORS, EVENTS, type EventType, OPS, PERMS } from "../wire/codes.ts";
import type { Reader } from "../wire/jute.ts";
import { BAD, DONE, fail, show } from "./answers.ts";
import { refuseWatches, setWatch } from "./reads.ts";

/** By the number that a request has for it. */
const MODES: readonly Kind[] = ["persistent", "recursive"];

export const addWatch: Handle = (desk, call) => {
  const [path, mode] = [call.reader.bytes(), call.reader.int()];
  const kind = MODES[mode];
  if (path === null || call.reader.isBad || kind === undefined) return BAD;
  return setWatch(desk, call, kind, path) ?? show((writer) => writer.int(ERRORS.ok));
};

const OF_TYPE: readonly (readonly Kind[])[] = [[], ["child"], ["data"], KINDS, ["persistent"], ["recursive"]];

/** Whether there is one, and with `removeWatches` that there is none any more. */
export const removeWatches: Handle = (_desk, call) => {
  const [path, type] = [call.reader.bytes(), call.reader.int()];
  const kinds = OF_TYPE[type] ?? [];
  if (path === null || call.reader.isBad || kinds.length === 0) return BAD;
  const { board } = call.realm;
  const found = kinds.filter((kind) => call.guest.watched[kind].has(path));
  if (found.length === 0) return fail(ERRORS.noWatcher);
  if (call.type === OPS.removeWatches) for (const kind of found) board.remove(kind, path, call.guest);
  return DONE;
};

/** A path without a letter. */
const PATH_BYTES = 4;

function readPaths(reader: Reader): readonly Bytes[] {
  return reader.list(PATH_BYTES, () => reader.bytes() ?? "") ?? [];
}

/** A client that is connected again says what it watches, and what it has seen: what it missed it is told at once. */
export const setWatches: Handle = (desk, call) => {
  const { reader, realm, guest } = call;
  const since = Number(reader.long());
  const [data, exist, child] = [readPaths(reader), readPaths(reader), readPaths(reader)];
  const more = call.type === OPS.setWatches2;
  const [persistent, recursive] = more ? [readPaths(reader), readPaths(reader)] : [[], []];
  if (reader.isBad) return BAD;
  const refused = refuseWatches(desk, call, [...data, ...exist, ...child, ...persistent, ...recursive]);
  if (refused !== undefined) return refused;
  const seen = (path: Bytes) => look(desk.registry, call, path);
  const settle = (kind: "data" | "child", path: Bytes, missed: EventType | undefined, revision: Revision): void => {
    if (missed === undefined) realm.board.add(kind, path, guest);
    else guest.tell(encodeEvent({ type: missed, path, revision }));
  };
  for (const path of data) {
    const { isThere, mzxid, mayRead } = seen(path);
    const missed = !isThere ? EVENTS.deleted : mzxid > since && mayRead ? EVENTS.dataChanged : undefined;
    settle("data", path, missed, mzxid);
  }
  for (const path of exist) {
    const { isThere, mzxid } = seen(path);
    settle("data", path, isThere ? EVENTS.created : undefined, mzxid);
  }
  for (const path of child) {
    const { isThere, pzxid, mayRead } = seen(path);
    const missed = !isThere ? EVENTS.deleted : pzxid > since && mayRead ? EVENTS.childrenChanged : undefined;
    settle("child", path, missed, pzxid);
  }
  for (const path of persistent) realm.board.add("persistent", path, guest);
  for (const path of recursive) realm.board.add("recursive", path, guest);
  return DONE;
};

function look(registry: Parameters<Handle>[0]["registry"], { realm, account, guest }: Call, path: Bytes) {
  return registry.read((view) => {
    const found = findNode(realm.tree, view.account(account), path);
    if (found === undefined) return { isThere: false, mzxid: view.revision, pzxid: view.revision, mayRead: true };
    const { mzxid, pzxid } = statOf(found, path);
    return { isThere: true, mzxid, pzxid, mayRead: mayDo(found.note.acl, PERMS.read, guest.who) };
  });
}
