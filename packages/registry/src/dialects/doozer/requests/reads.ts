/** @live GET, STAT, GETDIR, WALK, REV and SELF: now, or at a rev that is long past or yet to come. */
import {
  type Account,
  type AccountView,
  type Bytes,
  type KeyRange,
  type Outcome,
  ok,
  type Registry,
  type Revision,
} from "../../../core/index.ts";
import { inTurn } from "../../../net/answers/turns.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import { controlOf } from "../files/control.ts";
import type { Listing } from "../files/listings.ts";
import { fromRev, toRev } from "../files/revisions.ts";
import {
  type File,
  isDirectory,
  LOOKS_MAX,
  lookUp,
  namesFrom,
  overlaid,
  type Source,
  sortForWalk,
  toSource,
} from "../files/source.ts";
import { toResponse } from "../refusals.ts";
import { compileGlob, type Glob } from "../wire/glob.ts";
import { FLAGS, type Response } from "../wire/message.ts";
import { below, isLegalPath, isPathLike } from "../wire/path.ts";

/** How a directory is marked. */
const DIRECTORY = -2n;
/** Keys that are looked at in one go, and the time that goes by at them. */
const AT_ONCE = 2000;
const TURN_MS = 4;
/** Keys that are no paths may lie before the first that is one. */
const LOOK_BELOW = 64;

const TOO_MANY: Response = { error: "OTHER", detail: `more than ${LOOKS_MAX} keys to look at; ask for less` };
const NOTHING: Source = toSource([]);

export const get: Handle = async (desk, call) => {
  const { path } = call.request;
  if (path === undefined) return { error: "MISSING_ARG" };
  const found = await readAt(desk, call, wholePath(path, LOOK_BELOW), (source) => lookUp(source, path));
  if (!found.ok) return toResponse(found);
  if (found.value === "directory") return { error: "ISDIR" };
  return found.value === undefined ? { rev: 0n, value: "" } : toFile(found.value);
};

export const stat: Handle = async (desk, call) => {
  const path = call.request.path ?? "";
  // So the original: what cannot be is missing.
  if (!isLegalPath(path) && !path.startsWith("/")) return { rev: 0n, len: 0 };
  const found = await readAt(desk, call, wholePath(path, LOOK_BELOW), (source) => lookUp(source, path));
  if (!found.ok) return toResponse(found);
  const { value } = found;
  if (value === undefined) return { rev: 0n, len: 0 };
  if (value !== "directory") return { rev: toRev(value.modRevision), len: value.value.length };
  const names = await namesIn(desk, call, path);
  return Array.isArray(names) ? { rev: DIRECTORY, len: names.length } : (names as Response);
};

export const getdir: Handle = async (desk, call) => {
  const { path, offset } = call.request;
  if (path === undefined || offset === undefined) return { error: "MISSING_ARG" };
  const names = await namesIn(desk, call, path);
  if (!Array.isArray(names)) return names as Response;
  const name = (names as readonly Bytes[])[offset];
  return name === undefined ? { error: "RANGE" } : { path: name };
};

/** Sorted, or what is said instead. */
function namesIn(desk: Desk, call: Call, path: Bytes): Promise<Listing | Response> {
  return list(desk, call, `names ${path}`, async (at) => {
    const found = await readSettled(desk, call, at, wholePath(path, LOOK_BELOW), (source) => lookUp(source, path));
    if (!found.ok) return toResponse(found);
    if (found.value === undefined) return { error: "NOENT" };
    if (found.value !== "directory") return { error: "NOTDIR" };
    const names: Bytes[] = [];
    for (let next: Bytes | undefined, looks = 0; ; looks += AT_ONCE) {
      if (looks > LOOKS_MAX) return TOO_MANY;
      const part = await readSettled(desk, call, at, wholePath(path), (source) =>
        namesFrom(source, path, next, isPresent(desk.registry, call.account, at) ? AT_ONCE : LOOKS_MAX),
      );
      if (!part.ok) return toResponse(part);
      for (const name of part.value.names) names.push(name);
      next = part.value.next;
      if (next === undefined) return [...new Set(names)].sort();
      await turn();
    }
  });
}

export const walk: Handle = async (desk, call) => {
  const { path, offset } = call.request;
  if (path === undefined || offset === undefined) return { error: "MISSING_ARG" };
  const glob = compileGlob(path);
  if (glob === undefined) return badGlob(path);
  const listed = await list(desk, call, `files ${path}`, (at) => filesOf(desk, call, at, glob));
  if (!Array.isArray(listed)) return listed as Response;
  const file = (listed as readonly File[])[offset];
  return file === undefined ? { error: "RANGE" } : { path: file.key, ...toFile(file), flags: FLAGS.set };
};

/** Those that match, in the order of a walk through the tree. */
async function filesOf(desk: Desk, call: Call, at: Settled, { range, matches }: Glob): Promise<Listing | Response> {
  const { from, to } = range;
  if (to === undefined) {
    const one = await readSettled(desk, call, at, wholePath(from, LOOK_BELOW), (source) => lookUp(source, from));
    if (!one.ok) return toResponse(one);
    return one.value === undefined || one.value === "directory" ? [] : [one.value];
  }
  const read = await readSettled(desk, call, at, { own: from, range: { from, to } }, (source) => {
    const all: File[] = [];
    for (const file of source.entries(from, to)) if (all.push(file) > LOOKS_MAX) break;
    return all;
  });
  if (!read.ok) return toResponse(read);
  if (read.value.length > LOOKS_MAX) return TOO_MANY;
  const source = toSource(read.value);
  const found: File[] = [];
  let untilMs = performance.now() + TURN_MS;
  for (const file of read.value) {
    if (performance.now() > untilMs) {
      await turn();
      untilMs = performance.now() + TURN_MS;
    }
    // What lies below a file that is not one any more tells that it is a directory.
    if (isPathLike(file.key) && matches(file.key) && !isDirectory(source, file.key)) found.push(file);
  }
  return sortForWalk(found);
}

function turn(): Promise<void> {
  return new Promise((resolve) => inTurn(resolve));
}

/** What the original says of a pattern that is none. */
export function badGlob(path: Bytes): Response {
  return { error: "OTHER", detail: `invalid glob pattern: ${path}` };
}

export const rev: Handle = ({ registry }) => ({ rev: toRev(registry.read((view) => view.revision)) });

export const self: Handle = ({ control }) => ({ value: control.node });

function toFile({ value, modRevision }: File): Response {
  return { rev: toRev(modRevision), value };
}

/** Keys that an answer rests on: one, and those of a range. */
interface Needed {
  readonly own: Bytes;
  readonly range: KeyRange & { readonly limit?: number };
}

function wholePath(path: Bytes, limit?: number): Needed {
  return { own: path, range: { ...below(path), ...(limit === undefined ? {} : { limit }) } };
}

/** A list, or what is said instead. Made in a turn of its own, once for all who ask, and kept for who reads it on. */
async function list(
  desk: Desk,
  call: Call,
  what: string,
  make: (at: Settled) => Promise<Listing | Response>,
): Promise<Listing | Response> {
  const at = await settle(desk, call);
  if (!at.ok) return toResponse(at);
  return desk.listings.take(`${at.value.at} ${call.account} ${what}`, async () => {
    await turn();
    return make(at.value);
  });
}

/** `at`: the revision from which on nothing has changed until the one that is asked for. */
interface Settled {
  readonly at: Revision;
  readonly isPresent: boolean;
}

/** Waits until the rev that is asked for is reached. */
async function settle({ registry }: Desk, { request, account, session }: Call): Promise<Outcome<Settled>> {
  const wanted = request.rev === undefined ? Number.POSITIVE_INFINITY : fromRev(request.rev);
  const latest = registry.read((view) => view.revision);
  if (request.rev !== undefined && wanted > latest) await registry.reached(wanted, session.signal);
  const changed = registry.read((view) => view.account(account)?.keysRevision ?? 0);
  return ok(wanted >= changed ? { at: changed, isPresent: true } : { at: wanted, isPresent: false });
}

/** Whether nothing has changed since: others had their turn meanwhile. */
function isPresent(registry: Registry, account: Account, { at, isPresent: was }: Settled): boolean {
  return was && registry.read((view) => view.account(account)?.keysRevision ?? 0) === at;
}

async function readAt<T>(desk: Desk, call: Call, needed: Needed, use: (source: Source) => T): Promise<Outcome<T>> {
  const at = await settle(desk, call);
  return at.ok ? readSettled(desk, call, at.value, needed, use) : at;
}

async function readSettled<T>(
  { registry, control }: Desk,
  { account, session }: Call,
  settled: Settled,
  { own, range }: Needed,
  use: (source: Source) => T,
): Promise<Outcome<T>> {
  const { at } = settled;
  if (isPresent(registry, account, settled))
    return ok(
      registry.read((view): { value: T } => {
        const files: AccountView | undefined = view.account(account);
        return { value: use(overlaid(controlOf(control, view.revision), files ?? NOTHING)) };
      }).value,
    );
  const one = await registry.past(account, { from: own }, at, session.signal);
  if (!one.ok) return one;
  const more = await registry.past(account, range, at, session.signal);
  if (!more.ok) return more;
  const entries = [...one.value.entries.filter(({ key }) => key < range.from), ...more.value.entries];
  return ok(use(overlaid(controlOf(control, at), toSource(entries))));
}
