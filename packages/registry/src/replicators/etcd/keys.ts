/**
 * Names of what lies in etcd, and the small values. One range, from the floor to the nodes, holds all that every node
 * follows; rows and parts lie behind it.
 */
import type { Position, Revision } from "../../core/index.ts";
import { type Ages, toAges } from "../../records/ageing.ts";
import { decodeMeta, encodeMeta, type Meta, wholeNumber } from "../../records/meta.ts";
import { Damaged } from "./refused.ts";

/** Digits of a revision: names sort as numbers do. */
const DIGITS = 14;

export interface Range {
  readonly key: Buffer;
  readonly end: Buffer;
}

export class Keys {
  readonly #prefix: string;
  /** Which order this is, and of which program. */
  readonly identity: Buffer;
  /** The end of the order: each group moves it. */
  readonly top: Buffer;
  /** The state rows hold all up to here. */
  readonly marker: Buffer;
  /** History up to here is gone. */
  readonly floor: Buffer;
  readonly ages: Buffer;
  /** Written to find out whether anything can be written. */
  readonly probe: Buffer;
  /** Who does what one node does for all. */
  readonly holder: Buffer;
  readonly rows: Range;
  readonly allParts: Range;
  readonly nodes: Range;
  /** What every node follows. */
  readonly followed: Range;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.identity = this.#of("identity");
    this.top = this.#of("top");
    this.marker = this.#of("marker");
    this.floor = this.#of("floor");
    this.ages = this.#of("ages");
    this.probe = this.#of("probe");
    this.holder = this.#of("holder");
    this.rows = { key: this.#of("row/"), end: this.#of("row0") };
    this.allParts = { key: this.#of("part/"), end: this.#of("part0") };
    this.nodes = { key: this.#of("node/"), end: this.#of("node0") };
    this.followed = { key: this.floor, end: this.nodes.end };
  }

  #of(name: string): Buffer {
    return Buffer.from(this.#prefix + name, "utf8");
  }

  /** A group, by the revision that it begins with. */
  group(first: Revision): Buffer {
    return this.#of(`log/${first.toString(16).padStart(DIGITS, "0")}`);
  }

  /** Groups that begin with these revisions, `to` not among them. */
  groups(from: Revision, to?: Revision): Range {
    return { key: this.group(from), end: to === undefined ? this.#of("log0") : this.group(to) };
  }

  /** The revision that a group of this name begins with; undefined when it is no group's. */
  firstOf(key: Buffer): Revision | undefined {
    const start = this.#of("log/");
    return key.subarray(0, start.length).equals(start)
      ? Number.parseInt(key.toString("latin1", start.length), 16)
      : undefined;
  }

  part(group: string, nth: number): Buffer {
    return this.#of(`part/${group}/${String(nth).padStart(4, "0")}`);
  }

  /** The group that a part is of. */
  groupOf(part: Buffer): string {
    return part.toString("utf8", this.allParts.key.length, part.lastIndexOf("/"));
  }

  parts(group: string): Range {
    return { key: this.#of(`part/${group}/`), end: this.#of(`part/${group}0`) };
  }

  row(name: Buffer): Buffer {
    return Buffer.concat([this.rows.key, name]);
  }

  node(name: string): Buffer {
    return this.#of(`node/${name}`);
  }

  /** The node that a key of `nodes` is of. */
  nodeOf(key: Buffer): string | undefined {
    const start = this.nodes.key;
    return key.subarray(0, start.length).equals(start) ? key.toString("utf8", start.length) : undefined;
  }
}

export interface Identity {
  readonly program: "rollcall";
  readonly line: string;
  readonly createdAtMs: number;
}

/** The end of the order, and the group that it ends with. */
export interface Top extends Position {
  readonly group: string;
}

function read(bytes: Buffer, what: string): Meta {
  const meta = decodeMeta(bytes, what);
  if (!meta.ok) throw new Damaged(meta.detail);
  return meta.value;
}

export function readIdentity(bytes: Buffer): Identity {
  const meta = read(bytes, "identity");
  const { program, line } = meta;
  if (program !== "rollcall" || typeof line !== "string") throw new Damaged("its identity is not of Rollcall");
  return { program, line, createdAtMs: wholeNumber(meta, "createdAtMs") };
}

export function readTop(bytes: Buffer): Top {
  const meta = read(bytes, "top");
  return { ...toPosition(meta), group: String(meta.group) };
}

export function encodePosition({ revision, orderMs, nth }: Position): Buffer {
  return encodeMeta({ revision, orderMs, nth });
}

function toPosition(meta: Meta): Position {
  const number = (name: keyof Position) => wholeNumber(meta, name);
  return { revision: number("revision"), orderMs: number("orderMs"), nth: number("nth") };
}

export function readPosition(bytes: Buffer): Position {
  return toPosition(read(bytes, "marker"));
}

export function encodeFloor(revision: Revision): Buffer {
  return encodeMeta({ revision });
}

export function readFloor(bytes: Buffer): Revision {
  return wholeNumber(read(bytes, "floor"), "revision");
}

export function readAges(bytes: Buffer | undefined): Ages {
  return toAges(bytes === undefined ? undefined : read(bytes, "ages"));
}

/** What a node says of itself. */
export interface NodeEntry {
  /** A word for this life of it, which is never used again. */
  readonly term: string;
  /** When it came, by its clock. */
  readonly sinceMs: number;
  /** Where it listens for the others. */
  readonly host?: string;
  readonly port?: number;
}

export function encodeNode(entry: NodeEntry): Buffer {
  return encodeMeta(entry);
}

export function readNode(bytes: Buffer): NodeEntry {
  const entry = read(bytes, "node");
  const { term, host, port } = entry;
  const isReached = typeof host === "string" && typeof port === "number";
  const sinceMs = Math.max(0, wholeNumber(entry, "sinceMs"));
  return { term: String(term), sinceMs, ...(isReached && { host, port }) };
}

/** The term of the node that has the duty. */
export function readTerm(bytes: Buffer): string {
  return String(read(bytes, "holder").term);
}
