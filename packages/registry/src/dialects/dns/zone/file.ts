/** Lookups in a zone as a zone file has it (RFC 1034 §4.3.2, RFC 4592), and what the registry remembers of the file. */
import { type Account, type Bytes, type Facts, fromBytes, type Revision } from "../../../core/index.ts";
import { type Name, type Resource, TYPE } from "../wire/message.ts";
import { isWithin, keyOf } from "../wire/name.ts";
import { isNewer, serialOf } from "../wire/serial.ts";
import type { FileZone } from "./model.ts";

const NONE: readonly Resource[] = [];

/** What a zone file has at a name. */
export type Match =
  /** The name is there; without records when it only has names below it. */
  | { readonly kind: "exact"; readonly records: readonly Resource[] }
  /** A wildcard covers the name. */
  | { readonly kind: "wildcard"; readonly records: readonly Resource[] }
  /** The name is at or below a delegation, which these NS records make. */
  | { readonly kind: "delegation"; readonly servers: readonly Resource[] }
  | { readonly kind: "none" };

/** The records of a type that stand at exactly this name. */
export function fileRecords(file: FileZone, name: Name, type: number): readonly Resource[] {
  return file.owners.get(keyOf(name))?.filter((record) => record.type === type) ?? NONE;
}

/** Whether the name exists by itself, not by a wildcard: it or a name below it has records. */
export function fileHas(file: FileZone, name: Name): boolean {
  const key = keyOf(name);
  return file.owners.has(key) || file.between.has(key);
}

/** Whether a CNAME stands at the name. */
export function isAlias(file: FileZone, name: Name): boolean {
  return fileRecords(file, name, TYPE.CNAME).length > 0;
}

/** What the file has at a name within its origin. */
export function findInFile(file: FileZone, name: Name): Match {
  const cut = findCut(file, name);
  if (cut !== undefined) return { kind: "delegation", servers: cut };
  const key = keyOf(name);
  const records = file.owners.get(key);
  if (records !== undefined) return { kind: "exact", records };
  if (file.between.has(key)) return { kind: "exact", records: NONE };
  // RFC 4592 §3.3.1: only the closest name that exists may have a wildcard for it.
  for (let from = 1; name.length - from >= file.origin.length; from++) {
    const encloser = name.slice(from);
    if (!fileHas(file, encloser) && name.length - from > file.origin.length) continue;
    const wildcard = keyOf(["*", ...encloser]);
    const covering = file.owners.get(wildcard) ?? (file.between.has(wildcard) ? NONE : undefined);
    return covering === undefined ? { kind: "none" } : { kind: "wildcard", records: covering };
  }
  return { kind: "none" };
}

/**
 * The NS records of the delegation that the name is at or below, of several the one nearest to the origin (RFC 1034
 * §4.2.1).
 */
function findCut(file: FileZone, name: Name): readonly Resource[] | undefined {
  for (let from = name.length - file.origin.length - 1; from >= 0; from--) {
    const servers = fileRecords(file, name.slice(from), TYPE.NS);
    if (servers.length > 0) return servers;
  }
  return undefined;
}

/** The address records of a name, glue included, under the name as asked. */
export function fileAddresses(file: FileZone, name: Name): readonly Resource[] {
  if (!isWithin(name, file.origin)) return NONE;
  const match = findInFile(file, name);
  const records = match.kind === "wildcard" ? match.records : file.owners.get(keyOf(name));
  return rename(records?.filter(({ type }) => type === TYPE.A || type === TYPE.AAAA) ?? NONE, name);
}

/** The records under the name that was asked for, in its case, also those of a wildcard. */
export function rename(records: readonly Resource[], name: Name): readonly Resource[] {
  return records.map((record) => (record.name === name ? record : { ...record, name }));
}

/** Types of which the catalog has records. */
const SHARED: ReadonlySet<number> = new Set([TYPE.A, TYPE.AAAA, TYPE.SRV, TYPE.TXT, TYPE.PTR]);

/**
 * The file as it lies over an account's zone. A set has one TTL (RFC 2181 §5.2), and at any time instances may join the
 * file's records: so those of types that the catalog has live no longer than the records of instances.
 */
export function shareFile(file: FileZone, ttlS: number): FileZone {
  const isLong = (record: Resource): boolean => record.ttlS > ttlS && SHARED.has(record.type);
  const owners = new Map(file.owners);
  for (const [key, records] of file.owners)
    if (records.some(isLong)) {
      owners.set(
        key,
        records.map((record) => (isLong(record) ? { ...record, ttlS } : record)),
      );
    }
  return { ...file, owners };
}

/** Reserved keys that remember what zone files have put into an account's catalog (static/catalog.ts). */
export const STATIC_KEYS: Bytes = "\0dns/static/";

export function staticKey(origin: Name): Bytes {
  return STATIC_KEYS + (keyOf(origin) || ".");
}

/**
 * The revision at which the file of this origin last changed; 0 when there never was one. It stays when the file is
 * gone, so that a serial made from it never goes back.
 */
export function staticRevision(facts: Facts, account: Account, origin: Name): Revision {
  return facts.entry(account, staticKey(origin))?.modRevision ?? 0;
}

/** What the reserved key of a file remembers of its text, and which node wrote it. */
export interface Remembered {
  /** "" once the file is gone. */
  readonly hash: string;
  /** Of the SOA; undefined where none was noted. */
  readonly serial: number | undefined;
  readonly node: string;
}

export function rememberedFile(facts: Facts, account: Account, origin: Name): Remembered | undefined {
  const entry = facts.entry(account, staticKey(origin));
  if (entry === undefined) return undefined;
  try {
    const { hash, serial } = JSON.parse(fromBytes(entry.value)) as Record<string, unknown>;
    return {
      hash: typeof hash === "string" ? hash : "",
      serial: typeof serial === "number" ? serial : undefined,
      node: entry.origin,
    };
  } catch {
    return { hash: "", serial: undefined, node: entry.origin };
  }
}

/**
 * The node that has read another text of this file, when the registry remembers that one: serials and instances are of it.
 * Undefined when all is as it should be.
 */
export function otherReader(facts: Facts, { origin, from }: FileZone, node: string): string | undefined {
  const remembered = from && rememberedFile(facts, from.account, origin);
  if (remembered === undefined || remembered.hash === "" || remembered.hash === from?.hash) return undefined;
  return remembered.node === node ? undefined : remembered.node;
}

/** Whether another node has read a text of this file with a later serial. */
export function isOutdated(facts: Facts, { origin, authority, from }: FileZone, node: string): boolean {
  const remembered = from && rememberedFile(facts, from.account, origin);
  if (remembered?.serial === undefined || remembered.node === node) return false;
  return isNewer(remembered.serial, serialOf(authority));
}

/** An origin as meta and reserved keys have it. */
export function showOrigin(origin: Name): string {
  return fromBytes(keyOf(origin)) || ".";
}
