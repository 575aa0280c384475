/** Who is to be told of what, and once or until it says otherwise. */
import type { Bytes } from "../../../core/index.ts";
import type { NodeEvent } from "../nodes/tree.ts";
import type { Acl } from "../wire/acl.ts";
import { EVENTS } from "../wire/codes.ts";
import { parentOf } from "../wire/path.ts";
import { encodeEvent } from "./event.ts";

/** data and child are told once; persistent of a node and its children's coming and going, recursive of all below it. */
export const KINDS = ["data", "child", "persistent", "recursive"] as const;

export type Kind = (typeof KINDS)[number];

/** A connection that watches. */
export interface Watcher {
  readonly watched: Watched;
  mayRead(acl: readonly Acl[] | null): boolean;
  /** An event as it goes out. */
  tell(frame: Buffer): void;
}

/** What a connection watches. */
export class Watched {
  readonly data = new Set<Bytes>();
  readonly child = new Set<Bytes>();
  readonly persistent = new Set<Bytes>();
  readonly recursive = new Set<Bytes>();

  /** Of all their paths. */
  bytes = 0;

  get size(): number {
    return this.data.size + this.child.size + this.persistent.size + this.recursive.size;
  }
}

type Table = Map<Bytes, Set<Watcher>>;

export class Board {
  readonly data: Table = new Map();
  readonly child: Table = new Map();
  readonly persistent: Table = new Map();
  readonly recursive: Table = new Map();
  readonly #counted: (delta: number) => void;
  #count = 0;

  constructor(counted: (delta: number) => void) {
    this.#counted = counted;
  }

  /** Watches of all connections. */
  get size(): number {
    return this.#count;
  }

  add(kind: Kind, path: Bytes, watcher: Watcher): void {
    const own = watcher.watched[kind];
    if (own.has(path)) return;
    own.add(path);
    watcher.watched.bytes += path.length;
    const table = this[kind];
    const known = table.get(path);
    if (known === undefined) table.set(path, new Set([watcher]));
    else known.add(watcher);
    this.#note(1);
  }

  remove(kind: Kind, path: Bytes, watcher: Watcher): boolean {
    if (!watcher.watched[kind].delete(path)) return false;
    watcher.watched.bytes -= path.length;
    const table = this[kind];
    const known = table.get(path);
    known?.delete(watcher);
    if (known?.size === 0) table.delete(path);
    this.#note(-1);
    return true;
  }

  /** The connection is gone. */
  forget(watcher: Watcher): void {
    for (const kind of KINDS) for (const path of [...watcher.watched[kind]]) this.remove(kind, path, watcher);
  }

  #note(delta: number): void {
    this.#count += delta;
    this.#counted(delta);
  }

  /** Tells each watcher once, whatever it watches the node by. */
  tell(event: NodeEvent): void {
    if (this.#count === 0) return;
    const told = this.#watchersOf(event);
    if (told.size === 0) return;
    const frame = encodeEvent(event);
    for (const watcher of told) if (watcher.mayRead(event.acl)) watcher.tell(frame);
  }

  #watchersOf({ type, path }: NodeEvent): ReadonlySet<Watcher> {
    const told = new Set<Watcher>();
    const isOfChildren = type === EVENTS.childrenChanged;
    if (!isOfChildren) this.#takeOnce("data", path, told);
    if (isOfChildren || type === EVENTS.deleted) this.#takeOnce("child", path, told);
    for (const watcher of this.persistent.get(path) ?? []) told.add(watcher);
    if (isOfChildren || this.recursive.size === 0) return told;
    for (let at: Bytes | undefined = path; at !== undefined; at = parentOf(at))
      for (const watcher of this.recursive.get(at) ?? []) told.add(watcher);
    return told;
  }

  #takeOnce(kind: "data" | "child", path: Bytes, told: Set<Watcher>): void {
    const known = this[kind].get(path);
    if (known === undefined) return;
    this[kind].delete(path);
    for (const watcher of known) {
      watcher.watched[kind].delete(path);
      watcher.watched.bytes -= path.length;
      told.add(watcher);
    }
    this.#note(-known.size);
  }
}
