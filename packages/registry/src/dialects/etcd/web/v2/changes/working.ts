/** The keys as they are when a request of v2 is decided, and the steps that it takes. */
import {
  type Account,
  type Bytes,
  type Command,
  type Facts,
  fromBytes,
  type KeyRecord,
  type LeaseId,
  type LeaseRecord,
  type Revision,
  type Stamp,
} from "../../../../../core/index.ts";
import type { Directory, File, Keys, Node } from "../nodes.ts";
import { findNode, hasChildren } from "../nodes.ts";
import { below, directoryKey, MARK, parentOf, stepsTo } from "../path.ts";

const VIA = "etcd";
/** In a lease's meta: the node whose time it keeps. */
const KEEPS = "v2";
/** More are not in one transaction of the registry; one may be in another. */
const STEPS_MAX = 1000;

/** Whether the lease is there for the time of this node alone; else for others, such as the directory that it lies in. */
export function keeps(lease: Pick<LeaseRecord, "meta">, path: Bytes): boolean {
  return lease.meta[KEEPS] === fromBytes(path);
}

/** Whose time a lease of v2 keeps, whatever node that is. */
export function isOfV2({ meta }: Pick<LeaseRecord, "meta">): boolean {
  return meta[KEEPS] !== undefined;
}

export class Working {
  readonly keys: Keys;
  readonly revision: Revision;
  readonly #facts: Facts;
  readonly #account: Account;
  readonly #newLease: LeaseId;
  readonly #steps: Command[] = [];
  /** Once their nodes are gone. */
  readonly #ended = new Set<LeaseId>();

  constructor(facts: Facts, account: Account, stamp: Stamp, newLease: LeaseId) {
    this.#facts = facts;
    this.#account = account;
    this.#newLease = newLease;
    this.revision = stamp.revision;
    this.keys = {
      entry: (key) => facts.entry(account, key),
      entries: (from, to) => facts.entries(account, from, to),
    };
  }

  node(path: Bytes): Node | undefined {
    return findNode(this.keys, path);
  }

  hasChildren(path: Bytes): boolean {
    return hasChildren(this.keys, path);
  }

  write(path: Bytes, node: File | undefined, value: Bytes, ttlMs: number | null): void {
    this.#put(path, node?.record, { value }, ttlMs);
  }

  /** Its time begins anew, and nothing else changes: where it has one already, not even its index. */
  refresh(path: Bytes, { record }: File, ttlMs: number | null): void {
    const own = this.#ownLease(path, record);
    if (own !== undefined && ttlMs !== null) return this.#grant(own, path, ttlMs);
    this.#put(path, record, { value: "", keepValue: true }, ttlMs);
    this.mark("refresh", path, false);
  }

  /** Makes one, or gives it another time. */
  makeDirectory(path: Bytes, ttlMs: number | null): void {
    const key = directoryKey(path);
    const before = this.keys.entry(key);
    const was = before?.lease ?? null;
    const lease = this.#put(path, before, { value: "" }, ttlMs, key);
    if (lease === was) return;
    // What lies in it goes when it goes.
    for (const { from, to } of [below(path), below(key)])
      for (const { key: one, lease: own } of this.keys.entries(from, to))
        if (own === was) this.#steps.push({ kind: "put", key: one, value: "", keepValue: true, lease });
  }

  /** Those that a path lies in: they stay when it goes. */
  makeAbove(path: Bytes): void {
    for (const step of stepsTo(parentOf(path) ?? "")) {
      const key = directoryKey(step);
      if (this.keys.entry(key) === undefined) this.#put(step, undefined, { value: "" }, null, key);
    }
  }

  removeFile(path: Bytes, { record }: File): void {
    this.#steps.push({ kind: "delete", from: path });
    this.#endOwn(path, record);
  }

  removeDirectory(path: Bytes, { made }: Directory): void {
    const key = directoryKey(path);
    for (const [one, isMade] of [
      [path, false],
      [key, true],
    ] as const) {
      const { from, to } = below(one);
      for (const record of this.keys.entries(from, to))
        this.#endOwn(isMade ? record.key.slice(directoryKey("").length) : record.key, record);
      this.#steps.push({ kind: "delete", from, to }, { kind: "delete", from: one });
    }
    if (made !== undefined) this.#endOwn(path, made);
  }

  /** Tells watchers what the keys alone do not. */
  mark(action: string, path: Bytes, isDirectory: boolean): void {
    this.#steps.push({ kind: "put", key: MARK, value: `${action} ${path}${isDirectory ? "/" : ""}` });
  }

  /** Null when there is nothing to do. */
  command(): Command | null {
    const ends: Command[] = Array.from(this.#ended, (lease) => ({ kind: "end", lease, cause: "closed" }));
    const steps = [...this.#steps, ...ends];
    if (steps.length <= 1) return steps[0] ?? null;
    const parts: Command[] = [];
    for (let at = 0; at < steps.length; at += STEPS_MAX)
      parts.push({ kind: "when", guards: [], then: steps.slice(at, at + STEPS_MAX), otherwise: [] });
    return parts.length === 1 ? (parts[0] as Command) : { kind: "when", guards: [], then: parts, otherwise: [] };
  }

  /** The lease that it has then. */
  #put(
    path: Bytes,
    before: KeyRecord | undefined,
    what: { readonly value: Bytes; readonly keepValue?: true },
    ttlMs: number | null,
    key = path,
  ): LeaseId | null {
    const own = before && this.#ownLease(path, before);
    let lease: LeaseId | null;
    if (ttlMs === null) {
      lease = this.#leaseAbove(path);
      if (own !== undefined) this.#ended.add(own.id);
    } else {
      lease = own?.id ?? this.#newLease;
      this.#grant(own, path, ttlMs);
    }
    this.#steps.push({ kind: "put", key, ...what, lease });
    return lease;
  }

  #grant(own: LeaseRecord | undefined, path: Bytes, ttlMs: number): void {
    const meta = { [KEEPS]: fromBytes(path) };
    if (own !== undefined) this.#steps.push({ kind: "grant", lease: own.id, ttlMs, via: VIA, meta });
    else this.#steps.push({ kind: "grant", lease: this.#newLease, ttlMs, via: VIA, meta, ifAbsent: true });
  }

  #ownLease(path: Bytes, { lease }: KeyRecord): LeaseRecord | undefined {
    const record = lease === null ? undefined : this.#facts.lease(this.#account, lease);
    return record !== undefined && keeps(record, path) ? record : undefined;
  }

  #endOwn(path: Bytes, record: KeyRecord): void {
    const own = this.#ownLease(path, record);
    if (own !== undefined) this.#ended.add(own.id);
  }

  /** Of the directory with a time that it lies in. */
  #leaseAbove(path: Bytes): LeaseId | null {
    for (let at = parentOf(path); at !== undefined && at !== ""; at = parentOf(at)) {
      const lease = this.keys.entry(directoryKey(at))?.lease ?? null;
      if (lease !== null) return lease;
    }
    return null;
  }
}
