/** What came and went under each directory of an account's keys: under each beginning of a key that ends with "/". */
import type { Bytes, KeyRecord, Revision } from "../types.ts";
import type { Directories, Directory, EmptyDirectory } from "../view.ts";
import { ownString } from "./share.ts";
import { directoryBytes } from "./size.ts";

/** Directories of a key that are noted; what lies deeper counts as lying right in the deepest of them. */
const LEVELS_MAX = 32;
/** Directories without keys that an account remembers, */
const EMPTY_MAX = 10_000;
/** and the length of their names. */
const EMPTY_BYTES_MAX = 1024 * 1024;

/** The directory in which a key lies, or the directory itself: all up to the last "/". "" is that of the account. */
export function directoryOf(key: Bytes): Bytes {
  let end = 0;
  for (let level = 0; level < LEVELS_MAX; level++) {
    const slash = key.indexOf("/", end);
    if (slash === -1) break;
    end = slash + 1;
  }
  return key.slice(0, end);
}

/** The directories in which a key lies, from the inside out; the last one is "". */
export function* directoriesOf(key: Bytes): Iterable<Bytes> {
  for (let name = directoryOf(key); ; name = parentOf(name)) {
    yield name;
    if (name === "") return;
  }
}

function parentOf(directory: Bytes): Bytes {
  return directory.length < 2 ? "" : directory.slice(0, directory.lastIndexOf("/", directory.length - 2) + 1);
}

class State {
  name: Bytes;
  readonly parent: State | null;
  /** Live keys under it. */
  keys = 0;
  revision: Revision = 0;
  children: Revision = 0;

  constructor(name: Bytes, parent: State | null) {
    this.name = name;
    this.parent = parent;
  }
}

export class DirectoryIndex implements Directories {
  readonly #root = new State("", null);
  readonly #known = new Map<Bytes, State>();
  /** Those without keys, the one that has been so for longest first. One within another stands before it. */
  readonly #empty = new Set<State>();
  #emptyBytes = 0;
  /** About what it takes of the heap. */
  bytes = 0;
  forgotten: Revision = 0;
  since: Revision = 0;

  /** A key came (`by` is 1), changed (0) or went (-1). `cameOrWent`: when one of its directory did so. */
  note(key: Bytes, by: number, revision: Revision, cameOrWent: Revision): void {
    const home = this.#open(directoryOf(key));
    if (cameOrWent > home.children) home.children = cameOrWent;
    for (let at: State | null = home; at !== null; at = at.parent) {
      const wasEmpty = at.keys === 0;
      at.keys += by;
      if (revision > at.revision) at.revision = revision;
      if (wasEmpty || at.keys === 0) this.#sort(at);
    }
    if (this.#empty.size > EMPTY_MAX || this.#emptyBytes > EMPTY_BYTES_MAX) this.#forget();
  }

  /** The key is there from before a start. */
  restoreKey({ key, createRevision, modRevision }: KeyRecord): void {
    this.note(key, 1, modRevision, createRevision);
  }

  /** What is known of directories beside the keys that are there, when these are restored. */
  restore({ forgotten, since }: Omit<Directories, "empty">, directories: readonly EmptyDirectory[]): void {
    this.forgotten = forgotten;
    this.since = since;
    const oldestFirst = [...directories].sort((a, b) => a.revision - b.revision || b.name.length - a.name.length);
    for (const { name, revision, children } of oldestFirst) {
      const known = name === "" ? this.#root : this.#known.get(name);
      // Stores may have what the account has forgotten since.
      if (known === undefined && revision < forgotten) continue;
      const state = known ?? this.#open(name);
      if (revision > state.revision) state.revision = revision;
      if (children > state.children) state.children = children;
      for (let at: State | null = state; at !== null; at = at.parent) if (at.keys === 0) this.#sort(at);
    }
    if (this.#empty.size > EMPTY_MAX || this.#emptyBytes > EMPTY_BYTES_MAX) this.#forget();
  }

  under(prefix: Bytes): Directory {
    const home = directoryOf(prefix);
    for (const name of directoriesOf(home)) {
      const state = name === "" ? this.#root : this.#known.get(name);
      if (state === undefined) continue;
      // Forgotten, or never there: nothing happened in it that did not happen in the one around it.
      const atMost = Math.min(this.forgotten, state.revision);
      const { revision, children } = name === home ? state : { revision: atMost, children: atMost };
      return { revision: Math.max(revision, this.since), children: Math.max(children, this.since) };
    }
    return { revision: 0, children: 0 };
  }

  *empty(): Iterable<EmptyDirectory> {
    yield* this.#empty;
  }

  #open(name: Bytes): State {
    if (name === "") return this.#root;
    let state = this.#known.get(name);
    if (state === undefined) {
      state = new State(name, this.#open(parentOf(name)));
      this.#known.set(name, state);
      this.bytes += directoryBytes(name);
    }
    return state;
  }

  /** Puts it among the empty ones, as the latest of them, or takes it out. */
  #sort(state: State): void {
    if (state === this.#root) return;
    if (this.#empty.delete(state)) this.#emptyBytes -= state.name.length;
    if (state.keys > 0) return;
    this.#empty.add(state);
    this.#emptyBytes += state.name.length;
    // The name is a part of a key, and keeps that alive as a whole.
    this.#known.delete(state.name);
    state.name = ownString(state.name);
    this.#known.set(state.name, state);
  }

  /** Forgets the older half of those without keys. */
  #forget(): void {
    for (const state of this.#empty) {
      if (this.#empty.size <= EMPTY_MAX / 2 && this.#emptyBytes <= EMPTY_BYTES_MAX / 2) break;
      this.#empty.delete(state);
      this.#emptyBytes -= state.name.length;
      this.#known.delete(state.name);
      this.bytes -= directoryBytes(state.name);
      if (state.revision > this.forgotten) this.forgotten = state.revision;
    }
  }
}
