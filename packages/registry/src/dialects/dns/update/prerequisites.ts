/** The conditions of an UPDATE on the present zone: RFC 2136 §2.4 and §3.2. */
import { resolve } from "../names/resolve.ts";
import { CLASS, type Name, RCODE, type Resource, TYPE } from "../wire/message.ts";
import { isWithin, keyOf, sameName } from "../wire/name.ts";
import { canonicalData } from "../wire/record.ts";
import type { World, Zone } from "../zone/model.ts";

/** The types that a name of ours may have. */
const TYPES = [TYPE.A, TYPE.AAAA, TYPE.SRV, TYPE.TXT, TYPE.PTR, TYPE.NS, TYPE.SOA, TYPE.CNAME, TYPE.MX] as const;

/** The RRset as an answer shows it, without records at the end of a CNAME. */
export function recordsAt(name: Name, type: number, world: World): readonly Resource[] {
  const reply = resolve({ name, type, class: CLASS.IN }, world);
  return (reply?.answers ?? []).filter((record) => record.type === type && sameName(record.name, name));
}

/** Whether the name has any record. A name that has only names below it is not in use (RFC 2136 §2.4.4). */
export function isInUse(name: Name, zone: Zone, world: World): boolean {
  const file = zone.kind === "account" || zone.kind === "file" ? zone.file : undefined;
  if ((file?.owners.get(keyOf(name))?.length ?? 0) > 0) return true;
  return TYPES.some((type) => recordsAt(name, type, world).length > 0);
}

/** The rcode of the first condition that does not hold; undefined when all do. */
export function checkPrerequisites(records: readonly Resource[], zone: Zone, world: World): number | undefined {
  const sets = new Map<string, Resource[]>();
  for (const record of records) {
    const { name, type } = record;
    if (record.ttlS !== 0) return RCODE.FORMERR;
    if (!isWithin(name, zone.name)) return RCODE.NOTZONE;
    const empty = record.data.kind === "raw" && record.data.bytes === "";
    if (record.class === CLASS.IN) {
      if (type === TYPE.ANY) return RCODE.FORMERR;
      const key = `${type} ${keyOf(name)}`;
      sets.set(key, [...(sets.get(key) ?? []), record]);
      continue;
    }
    if (!empty || (record.class !== CLASS.ANY && record.class !== CLASS.NONE)) return RCODE.FORMERR;
    const rcode = checkExistence(record, zone, world);
    if (rcode !== undefined) return rcode;
  }
  for (const wanted of sets.values()) if (!hasExactly(wanted, world)) return RCODE.NXRRSET;
  return undefined;
}

function checkExistence({ name, type, class: klass }: Resource, zone: Zone, world: World): number | undefined {
  const wanted = klass === CLASS.ANY;
  if (type === TYPE.ANY) {
    if (isInUse(name, zone, world) === wanted) return undefined;
    return wanted ? RCODE.NXDOMAIN : RCODE.YXDOMAIN;
  }
  if (recordsAt(name, type, world).length > 0 === wanted) return undefined;
  return wanted ? RCODE.NXRRSET : RCODE.YXRRSET;
}

/** RFC 2136 §2.4.2: the sets are the same, whatever their order and TTL. */
function hasExactly(wanted: readonly Resource[], world: World): boolean {
  const first = wanted[0];
  if (first === undefined) return true;
  const toKeys = (records: readonly Resource[]): Set<string> =>
    new Set(records.map(({ type, data }) => canonicalData(type, data)));
  const [want, have] = [toKeys(wanted), toKeys(recordsAt(first.name, first.type, world))];
  return want.size === have.size && [...want].every((key) => have.has(key));
}
