/** @live GET, STAT, GETDIR, WALK, REV and SELF: now, or at a rev that is long past or yet to come. */
import { type AccountView, type Bytes, type KeyRange, type Outcome, ok, type Revision } from "../../../core/index.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import { controlOf } from "../files/control.ts";
import type { Listing } from "../files/listings.ts";
import { fromRev, toRev } from "../files/revisions.ts";
import { type File, filesOf, LOOKS_MAX, lookUp, namesIn, overlaid, type Source, toSource } from "../files/source.ts";
import { toResponse } from "../refusals.ts";
import { compileGlob } from "../wire/glob.ts";
import { FLAGS, type Response } from "../wire/message.ts";
import { below, isLegalPath } from "../wire/path.ts";

/** How a directory is marked. */
const DIRECTORY = -2n;
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
  const found = await readAt(desk, call, wholePath(path), (source) => {
    const file = lookUp(source, path);
    return file === "directory" ? namesIn(source, path) : file;
  });
  if (!found.ok) return toResponse(found);
  const { value } = found;
  if (value === undefined) return { rev: 0n, len: 0 };
  if ("modRevision" in value) return { rev: toRev(value.modRevision), len: value.value.length };
  return { rev: DIRECTORY, len: value.length };
};

export const getdir: Handle = async (desk, call) => {
  const { path, offset } = call.request;
  if (path === undefined || offset === undefined) return { error: "MISSING_ARG" };
  const listed = await list(desk, call, `names ${path}`, wholePath(path), (source) => {
    const found = lookUp(source, path);
    if (found === undefined) return { error: "NOENT" };
    return found === "directory" ? namesIn(source, path) : { error: "NOTDIR" };
  });
  if (!Array.isArray(listed)) return listed as Response;
  const name = (listed as readonly Bytes[])[offset];
  return name === undefined ? { error: "RANGE" } : { path: name };
};

export const walk: Handle = async (desk, call) => {
  const { path, offset } = call.request;
  if (path === undefined || offset === undefined) return { error: "MISSING_ARG" };
  const glob = compileGlob(path);
  if (glob === undefined) return badGlob(path);
  const { from, to = `${from}\0` } = glob.range;
  // What lies below a file that is not one any more tells that it is a directory.
  const listed = await list(desk, call, `files ${path}`, { own: from, range: { from, to } }, (source) =>
    filesOf(source, glob),
  );
  if (!Array.isArray(listed)) return listed as Response;
  const file = (listed as readonly File[])[offset];
  return file === undefined ? { error: "RANGE" } : { path: file.key, ...toFile(file), flags: FLAGS.set };
};

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

/** A list, or what is said instead. Kept for those who read it entry by entry. */
async function list(
  desk: Desk,
  call: Call,
  what: string,
  needed: Needed,
  use: (source: Source) => Listing | Response | undefined,
): Promise<Listing | Response> {
  const at = await settle(desk, call);
  if (!at.ok) return toResponse(at);
  const name = `${at.value.at} ${call.account} ${what}`;
  const known = desk.listings.find(name);
  if (known !== undefined) return known;
  const listed = await readSettled(desk, call, at.value, needed, use);
  if (!listed.ok) return toResponse(listed);
  const listing = listed.value ?? TOO_MANY;
  if (Array.isArray(listing)) desk.listings.keep(name, listing as Listing);
  return listing;
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

async function readAt<T>(desk: Desk, call: Call, needed: Needed, use: (source: Source) => T): Promise<Outcome<T>> {
  const at = await settle(desk, call);
  return at.ok ? readSettled(desk, call, at.value, needed, use) : at;
}

async function readSettled<T>(
  { registry, control }: Desk,
  { account, session }: Call,
  { at, isPresent }: Settled,
  { own, range }: Needed,
  use: (source: Source) => T,
): Promise<Outcome<T>> {
  if (isPresent)
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
