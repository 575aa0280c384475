/** Lookups in a zone as a zone file has it (RFC 1034 §4.3.2, RFC 4592), and what the registry remembers of the file. */
import { type Account, type Bytes, fromBytes, type Revision, type View } from "../../../core/index.ts";
import { type Name, type Resource, TYPE } from "../wire/message.ts";
import { isWithin, keyOf } from "../wire/name.ts";
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

/** Whether the name exists in the file by itself: it has records, or names below it have. */
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

/** The NS records that give this name away: the ones nearest to the origin (RFC 1034 §4.2.1). */
function findCut(file: FileZone, name: Name): readonly Resource[] | undefined {
  for (let from = name.length - file.origin.length - 1; from >= 0; from--) {
    const servers = fileRecords(file, name.slice(from), TYPE.NS);
    if (servers.length > 0) return servers;
  }
  return undefined;
}

/** Addresses that the file knows of a name, glue included, in the name as asked. */
export function fileAddresses(file: FileZone, name: Name): readonly Resource[] {
  if (!isWithin(name, file.origin)) return NONE;
  const match = findInFile(file, name);
  const records = match.kind === "wildcard" ? match.records : file.owners.get(keyOf(name));
  return rename(records?.filter(({ type }) => type === TYPE.A || type === TYPE.AAAA) ?? NONE, name);
}

/** Owner names are given as they were asked for: wildcards become the name, and its case stays. */
export function rename(records: readonly Resource[], name: Name): readonly Resource[] {
  return records.map((record) => (record.name === name ? record : { ...record, name }));
}

/** Types of which the catalog has records. */
const SHARED: ReadonlySet<number> = new Set([TYPE.A, TYPE.AAAA, TYPE.SRV, TYPE.TXT, TYPE.PTR]);

/**
 * The file as it lies over an account's zone: where instances may come to stand beside its records, those live no
 * longer than instances do, now and always. A set has but one TTL (RFC 2181 §5.2), and who keeps the file's records
 * for an hour would hear of an instance an hour late.
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

/** Reserved keys of what zone files have put into an account's catalog (static/catalog.ts). */
export const STATIC_KEYS: Bytes = "\0dns/static/";

export function staticKey(origin: Name): Bytes {
  return STATIC_KEYS + (keyOf(origin) || ".");
}

/**
 * The revision at which what a zone file says of this origin last became different; 0 when none ever did. It goes on
 * after the file is gone, so that a serial made from it never goes back.
 */
export function staticRevision(view: View, account: Account, origin: Name): Revision {
  return view.entry(account, staticKey(origin))?.modRevision ?? 0;
}

/** An origin as meta and reserved keys have it. */
export function showOrigin(origin: Name): string {
  return fromBytes(keyOf(origin)) || ".";
}
