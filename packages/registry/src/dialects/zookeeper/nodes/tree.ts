/**
 * The nodes of an account: which there are, how many lie in each, and what their watchers are to be told of each commit.
 * It is kept beside the view, in step with it; data and versions are the view's.
 */
import {
  type AccountView,
  type Bytes,
  type Change,
  type Commit,
  counterOf,
  prefixEnd,
  type Revision,
} from "../../../core/index.ts";
import type { Acl } from "../wire/acl.ts";
import { EVENTS, type EventType } from "../wire/codes.ts";
import { Writer } from "../wire/jute.ts";
import { directoryOf, isLegalPath, parentOf } from "../wire/path.ts";
import { FIXED } from "./fixed.ts";
import { NOTES, type Note, notedPath, toNote } from "./note.ts";

/** What watchers are told. */
export interface NodeEvent {
  readonly type: EventType;
  readonly path: Bytes;
  readonly revision: Revision;
  /** Of the node: who may not read it is not told. */
  readonly acl: readonly Acl[] | null;
}

/** A node with others below it, or with a note. */
export interface Branch {
  /** False: it is there for those below it. */
  hasKey: boolean;
  note: Note | undefined;
  /** Nodes in it, and how many have come to it ever. */
  count: number;
  came: number;
  /** When the last one came or went. */
  pzxid: Revision;
  /** The names in it, as they are told. */
  names: Buffer | undefined;
}

const LEAF = null;

/** Of names that are kept as they are told. */
const NAMES_BYTES_MAX = 64 * 1024 * 1024;

export class Tree {
  readonly #nodes = new Map<Bytes, Branch | typeof LEAF>();
  /** Notes of nodes that the same commit makes. */
  readonly #early = new Map<Bytes, Note>();
  #namesBytes = 0;

  constructor(view: AccountView | undefined) {
    for (const [path, children] of FIXED) this.#nodes.set(path, { ...newBranch(false), count: children.length });
    if (view === undefined) return;
    for (const { key } of view.entries("/", prefixEnd("/"))) if (isLegalPath(key)) this.#come(key, 0, undefined);
    for (const { key, value } of view.entries(NOTES, prefixEnd(NOTES))) this.#note(notedPath(key), toNote(value));
    this.#early.clear();
    for (const [path, branch] of this.#nodes) if (branch !== LEAF) settle(view, path, branch);
  }

  /** How many there are. */
  get size(): number {
    return this.#nodes.size;
  }

  has(path: Bytes): boolean {
    return this.#nodes.has(path);
  }

  /** Undefined as well for a node with nothing below it. */
  branch(path: Bytes): Branch | undefined {
    return this.#nodes.get(path) ?? undefined;
  }

  *paths(): Iterable<Bytes> {
    yield* this.#nodes.keys();
  }

  /** The names in a node, as they are told. `view` is that of the revision of the latest commit taken. */
  names(path: Bytes, view: AccountView | undefined): Buffer {
    const branch = this.branch(path);
    if (branch === undefined || branch.count === 0) return NO_NAMES;
    if (branch.names !== undefined) return branch.names;
    const names = encodeNames(listNames(path, view));
    if (this.#namesBytes > NAMES_BYTES_MAX) this.#forgetNames();
    this.#namesBytes += names.length;
    branch.names = names;
    return names;
  }

  #forgetNames(): void {
    this.#namesBytes = 0;
    for (const branch of this.#nodes.values()) if (branch !== LEAF) branch.names = undefined;
  }

  /** Takes a commit in: what its changes mean to watchers, in order. */
  take({ changes, revision }: Commit): readonly NodeEvent[] {
    const events: NodeEvent[] = [];
    for (const change of changes) if (change.kind === "key") this.#takeKey(change, revision, events);
    this.#early.clear();
    return events;
  }

  #takeKey({ before, after }: Extract<Change, { kind: "key" }>, revision: Revision, events: NodeEvent[]): void {
    const key = (after ?? before)?.key ?? "";
    if (key.startsWith(NOTES)) this.#note(notedPath(key), after === null ? undefined : toNote(after.value));
    else if (!isLegalPath(key)) return;
    else if (after === null) this.#go(key, revision, events);
    else if (before === null) this.#come(key, revision, events);
    else this.#tell(events, EVENTS.dataChanged, key, revision);
  }

  #note(path: Bytes, note: Note | undefined): void {
    const node = this.#nodes.get(path);
    if (node === undefined) {
      if (note !== undefined) this.#early.set(path, note);
    } else if (node !== LEAF) node.note = note;
    else if (note !== undefined) this.#nodes.set(path, { ...newBranch(true), note });
  }

  #come(path: Bytes, revision: Revision, events: NodeEvent[] | undefined): void {
    const node = this.#nodes.get(path);
    if (node === undefined) {
      const note = this.#early.get(path);
      this.#nodes.set(path, note === undefined ? LEAF : { ...newBranch(true), note });
      this.#enter(path, revision, events);
    } else if (node !== LEAF) {
      // It was there for those below it.
      node.hasKey = true;
      this.#tell(events, EVENTS.dataChanged, path, revision);
    }
  }

  /** It is there now: so are those that it lies in. */
  #enter(path: Bytes, revision: Revision, events: NodeEvent[] | undefined): void {
    const parent = parentOf(path) as Bytes;
    if (path === "/") return;
    let above = this.#nodes.get(parent);
    if (above === undefined) {
      above = newBranch(false);
      this.#nodes.set(parent, above);
      this.#enter(parent, revision, events);
    } else if (above === LEAF) {
      above = newBranch(true);
      this.#nodes.set(parent, above);
    }
    above.count += 1;
    above.came += 1;
    this.#changed(above, revision);
    this.#tell(events, EVENTS.created, path, revision);
    this.#tell(events, EVENTS.childrenChanged, parent, revision);
  }

  #go(path: Bytes, revision: Revision, events: NodeEvent[]): void {
    const node = this.#nodes.get(path);
    if (node === undefined) return;
    if (node !== LEAF && (node.count > 0 || FIXED.has(path))) {
      node.hasKey = false;
      this.#tell(events, EVENTS.dataChanged, path, revision);
    } else this.#leave(path, revision, events);
  }

  #leave(path: Bytes, revision: Revision, events: NodeEvent[]): void {
    this.#tell(events, EVENTS.deleted, path, revision);
    this.#nodes.delete(path);
    const parent = parentOf(path) as Bytes;
    const above = this.branch(parent);
    if (above === undefined) return;
    above.count -= 1;
    this.#changed(above, revision);
    this.#tell(events, EVENTS.childrenChanged, parent, revision);
    if (above.count === 0 && !above.hasKey && !FIXED.has(parent)) this.#leave(parent, revision, events);
  }

  #changed(branch: Branch, revision: Revision): void {
    branch.pzxid = Math.max(branch.pzxid, revision);
    this.#namesBytes -= branch.names?.length ?? 0;
    branch.names = undefined;
  }

  #tell(events: NodeEvent[] | undefined, type: EventType, path: Bytes, revision: Revision): void {
    events?.push({ type, path, revision, acl: this.branch(path)?.note?.acl ?? null });
  }
}

function newBranch(hasKey: boolean): Branch {
  return { hasKey, note: undefined, count: 0, came: 0, pzxid: 0, names: undefined };
}

/** What came and went before is known by a count that this dialect keeps, and by when a key last came or went. */
function settle(view: AccountView, path: Bytes, branch: Branch): void {
  if (branch.note?.createRevision !== (view.entry(path)?.createRevision ?? 0)) branch.note = undefined;
  const counter = view.entry(counterOf(directoryOf(path)));
  const count = Number(counter?.value ?? 0);
  branch.came = Math.max(Number.isSafeInteger(count) ? count : 0, branch.count - (FIXED.get(path)?.length ?? 0));
  const { children } = view.under(directoryOf(path));
  // Of a directory that nobody remembers the number is that of others.
  const isKnown = children > view.directories.forgotten || branch.count > 0;
  branch.pzxid = Math.max(isKnown ? children : 0, counter?.modRevision ?? 0);
}

/** Sorted: each that a key has, or that lies above one. */
export function listNames(path: Bytes, view: AccountView | undefined): readonly Bytes[] {
  const directory = directoryOf(path);
  const names = new Set(FIXED.get(path));
  const to = prefixEnd(directory);
  for (let at: Bytes | undefined = directory; at !== undefined && view !== undefined; ) {
    let next: Bytes | undefined;
    for (const { key } of view.entries(at, to)) {
      if (!isLegalPath(key) || key === path) continue;
      const slash = key.indexOf("/", directory.length);
      names.add(slash < 0 ? key.slice(directory.length) : key.slice(directory.length, slash));
      if (slash < 0) continue;
      // All that lies deeper has the same name here.
      next = prefixEnd(key.slice(0, slash + 1));
      break;
    }
    at = next;
  }
  return [...names].sort();
}

const NO_NAMES = encodeNames([]);

function encodeNames(names: readonly Bytes[]): Buffer {
  const writer = new Writer(4 + names.reduce((sum, name) => sum + 4 + name.length, 0));
  writer.int(names.length);
  for (const name of names) writer.bytes(name);
  return writer.all();
}
