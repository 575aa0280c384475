/** What v2 finds among the keys: files, and directories, which are made or are there for what lies in them. */
import type { Bytes, KeyRecord, Outcome } from "../../../../core/index.ts";
import { fromBytes, ok } from "../../../../core/index.ts";
import { type Failed, failed } from "./errors.ts";
import { below, directoryKey, isHidden, isPath, stepsTo } from "./path.ts";

/** The keys of one account. */
export interface Keys {
  entry(key: Bytes): KeyRecord | undefined;
  /** In [from, to), sorted bytewise. */
  entries(from: Bytes, to: Bytes): Iterable<KeyRecord>;
}

export interface File {
  readonly kind: "file";
  readonly record: KeyRecord;
}

/** A directory; `made` is undefined where it is there only for what lies in it. What a key of its name holds is not shown. */
export interface Directory {
  readonly kind: "directory";
  readonly made: KeyRecord | undefined;
}

export type Node = File | Directory;

/** So many keys are looked at to find one that v2 can name. */
const LOOKS_MAX = 10_000;

export function hasChildren(keys: Keys, path: Bytes): boolean {
  const made = below(directoryKey(path));
  for (const _ of keys.entries(made.from, made.to)) return true;
  const { from, to } = below(path);
  let looks = 0;
  for (const { key } of keys.entries(from, to)) if (looks++ > LOOKS_MAX || isPath(key)) return true;
  return false;
}

export function findNode(keys: Keys, path: Bytes): Node | undefined {
  if (path === "") return { kind: "directory", made: undefined };
  const made = keys.entry(directoryKey(path));
  if (made !== undefined || hasChildren(keys, path)) return { kind: "directory", made };
  const record = keys.entry(path);
  return record && { kind: "file", record };
}

/** Why there is nothing at a path: the first of its names that is not there, or is a file. */
export function whyMissing(keys: Keys, path: Bytes): Failed {
  for (const step of stepsTo(path)) {
    const node = findNode(keys, step);
    if (node === undefined) return { code: 100, cause: fromBytes(step) };
    if (node.kind === "file" && step !== path) return { code: 104, cause: fromBytes(step) };
  }
  return { code: 100, cause: fromBytes(path) };
}

/** What a directory shows. */
export interface Branch {
  readonly made: KeyRecord | undefined;
  /** By name; undefined where nobody asked what lies in it. */
  readonly children: Map<Bytes, Branch | KeyRecord> | undefined;
}

export interface Listed {
  readonly tree: Branch | KeyRecord;
  /** The leases of what is listed. */
  readonly leases: ReadonlySet<string>;
}

/** More are not listed in one answer. */
const NODES_MAX = 200_000;

export function isBranch(tree: Branch | KeyRecord): tree is Branch {
  return !("key" in tree);
}

/** A node with what lies in it, at any depth or right there. */
export function list(keys: Keys, path: Bytes, isRecursive: boolean): Outcome<Listed, Failed> {
  const node = findNode(keys, path);
  if (node === undefined) return { ok: false, ...whyMissing(keys, path) };
  if (node.kind === "file") return ok({ tree: node.record, leases: leasesOf([node.record]) });
  const listing = new Listing(path, node.made, isRecursive);
  const made = below(directoryKey(path));
  const files = below(path);
  if (!listing.takeAll(keys, made, directoryKey("").length) || !listing.takeAll(keys, files, 0))
    return failed(300, `more than ${NODES_MAX} keys in ${fromBytes(path)}/: ask for a part of them`);
  return ok({ tree: listing.root, leases: listing.leases });
}

function leasesOf(records: Iterable<KeyRecord>): Set<string> {
  const leases = new Set<string>();
  for (const { lease } of records) if (lease !== null) leases.add(lease);
  return leases;
}

class Listing {
  readonly root: Branch;
  readonly leases: Set<string>;
  readonly #path: Bytes;
  readonly #isRecursive: boolean;
  #count = 0;

  constructor(path: Bytes, made: KeyRecord | undefined, isRecursive: boolean) {
    this.#path = path;
    this.#isRecursive = isRecursive;
    this.root = { made, children: new Map() };
    this.leases = leasesOf(made === undefined ? [] : [made]);
  }

  /** Keys whose paths begin behind so many bytes; false when there are too many. */
  takeAll(keys: Keys, { from, to }: { readonly from: Bytes; readonly to: Bytes }, skipped: number): boolean {
    const isMade = skipped > 0;
    for (let next: Bytes | undefined = from; next !== undefined; ) {
      const start: Bytes = next;
      next = undefined;
      for (const record of keys.entries(start, to)) {
        const path = record.key.slice(skipped);
        const rest = path.slice(this.#path.length);
        if (!isPath(path) || isHidden(rest)) continue;
        const slash = rest.indexOf("/", 1);
        if (this.#count++ === NODES_MAX) return false;
        if (this.#isRecursive || slash < 0) this.#take(rest, record, isMade);
        else {
          const name = rest.slice(0, slash);
          this.#enter(this.root, name.slice(1), undefined);
          // All that lies deeper has the same name here.
          next = below(record.key.slice(0, skipped + this.#path.length) + name).to;
          break;
        }
      }
    }
    return true;
  }

  #take(rest: Bytes, record: KeyRecord, isMade: boolean): void {
    const names = rest.slice(1).split("/");
    const last = names.pop() as Bytes;
    let at = this.root;
    for (const name of names) at = this.#enter(at, name, undefined);
    const known = at.children?.get(last);
    if (record.lease !== null) this.leases.add(record.lease);
    if (isMade) this.#enter(at, last, record);
    // A key with something in it is a directory.
    else if (known === undefined) at.children?.set(last, record);
  }

  /** The directory of this name, whatever was known by it. */
  #enter(at: Branch, name: Bytes, made: KeyRecord | undefined): Branch {
    const known = at.children?.get(name);
    if (known !== undefined && isBranch(known)) return known;
    const branch: Branch = { made, children: this.#isRecursive ? new Map() : undefined };
    at.children?.set(name, branch);
    return branch;
  }
}
