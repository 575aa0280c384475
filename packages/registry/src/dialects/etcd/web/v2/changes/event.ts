/** What a commit means to those who watch by v2: one event where v2 made it, else one for each key. */
import type { Bytes, Change, Commit, KeyRecord, LeaseRecord, Revision } from "../../../../../core/index.ts";
import { directoryKey, isHidden, isPath, MARK, madeDirectory } from "../path.ts";
import type { Action, Done } from "./verbs.ts";

export interface Event extends Done {
  readonly revision: Revision;
  readonly atMs: number;
  /** The file, or the directory as it was made, before it perhaps a file; undefined where it was not, or is not any more. */
  readonly before: KeyRecord | undefined;
  readonly after: KeyRecord | undefined;
  /** Of a directory that went: what went with it. */
  readonly within: readonly Bytes[];
}

type KeyChange = Extract<Change, { readonly kind: "key" }>;

const NOTHING: readonly Event[] = [];
const known = new WeakMap<Commit, readonly Event[]>();

/** Found once, whoever asks. */
export function eventsOf(commit: Commit): readonly Event[] {
  const found = known.get(commit) ?? findEvents(commit);
  known.set(commit, found);
  return found;
}

function findEvents(commit: Commit): readonly Event[] {
  const changes = commit.changes.filter((change) => change.kind === "key");
  const mark = changes.find(({ after }) => after?.key === MARK)?.after;
  if (mark != null) return eventsOfMark(commit, changes, mark.value);
  const gone = new Set<Bytes>();
  const events: Event[] = [];
  for (const change of changes) {
    const directory = madeDirectory(keyOf(change));
    // Those that are made for what is to lie in them are told by that.
    if (directory === undefined || change.after !== null) continue;
    gone.add(directory);
    events.push(toEvent(commit, changes, { action: leaving(change), path: directory, isDirectory: true }));
  }
  const isTold = (path: Bytes): boolean => isWithin(path, gone);
  for (const change of changes) {
    const path = keyOf(change);
    if (!isPath(path) || isTold(path)) continue;
    const action = change.after === null ? leaving(change) : "set";
    events.push(eventOf(commit, change, { action, path, isDirectory: false }));
  }
  const all = events.filter(({ path, isDirectory }) => !isDirectory || !isTold(path));
  return all.length === 0 ? NOTHING : all;
}

function keyOf({ before, after }: KeyChange): Bytes {
  return ((after ?? before) as KeyRecord).key;
}

function leaving({ cause }: KeyChange): Action {
  return cause === "expired" ? "expire" : "delete";
}

/** Whether it lies in one of these. */
function isWithin(path: Bytes, directories: ReadonlySet<Bytes>): boolean {
  if (directories.size === 0) return false;
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1))
    if (directories.has(path.slice(0, at))) return true;
  return false;
}

/** What v2 noted of its own change: a refresh is told to nobody. */
function eventsOfMark(commit: Commit, changes: readonly KeyChange[], mark: Bytes): readonly Event[] {
  const blank = mark.indexOf(" ");
  const [action, path] = [mark.slice(0, blank), mark.slice(blank + 1)];
  if (action === "refresh") return NOTHING;
  const isDirectory = path.endsWith("/");
  const done = { action: action as Action, path: isDirectory ? path.slice(0, -1) : path, isDirectory };
  return [toEvent(commit, changes, done)];
}

function toEvent(commit: Commit, changes: readonly KeyChange[], done: Done): Event {
  const key = done.isDirectory ? directoryKey(done.path) : done.path;
  const change = changes.find((one) => keyOf(one) === key);
  const isGone = done.isDirectory && LEAVES.has(done.action);
  const within = isGone ? changes.filter(({ after }) => after === null).map(pathOf) : [];
  const event = { ...eventOf(commit, change, done), within };
  if (!done.isDirectory || event.before !== undefined || isGone) return event;
  // It may have taken the place of a file.
  const file = changes.find((one) => keyOf(one) === done.path && one.after === null);
  return { ...event, before: file?.before ?? undefined };
}

function pathOf(change: KeyChange): Bytes {
  const key = keyOf(change);
  return madeDirectory(key) ?? key;
}

function eventOf({ revision, atMs }: Commit, change: KeyChange | undefined, done: Done): Event {
  return {
    ...done,
    revision,
    atMs,
    before: change?.before ?? undefined,
    after: change?.after ?? undefined,
    within: [],
  };
}

/** What was done, as whoever asked for it is answered. */
export function answerOf(commit: Commit, done: Done): Event {
  return toEvent(
    commit,
    commit.changes.filter((change) => change.kind === "key"),
    done,
  );
}

/** After these a node is there no more. */
export const LEAVES: ReadonlySet<Action> = new Set<Action>(["delete", "compareAndDelete", "expire"]);

/** Whether somebody who watches this path is told. */
export function concerns(event: Event, path: Bytes, isRecursive: boolean): boolean {
  if (event.path === path) return true;
  const isBelow = event.path.startsWith(`${path}/`);
  if (isBelow) return isRecursive && !isHidden(event.path.slice(path.length));
  if (!event.isDirectory || !path.startsWith(`${event.path}/`)) return false;
  return event.within.some((one) => one === path || one.startsWith(`${path}/`));
}

/** The leases that a commit changed, as they were and as they are. */
export function leasesOf({ changes }: Commit): ReadonlyMap<string, LeaseRecord> {
  const leases = new Map<string, LeaseRecord>();
  for (const change of changes)
    if (change.kind === "lease") {
      const record = change.after ?? change.before;
      if (record !== null) leases.set(record.id, record);
    }
  return leases;
}
