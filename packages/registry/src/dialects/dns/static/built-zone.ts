/** From the records of a zone file to its zone, if it can be served. */

import { type Outcome, ok } from "../../../core/index.ts";
import { type Name, type Resource, TYPE } from "../wire/message.ts";
import { isWithin, keyOf, showName } from "../wire/name.ts";
import { canonicalData, showType } from "../wire/record.ts";
import { findInFile } from "../zone/file.ts";
import type { FileZone } from "../zone/model.ts";
import type { Line, Parsed } from "./zonefile/parser.ts";
import { Fault } from "./zonefile/scanner.ts";

/** A zone with the lines of its records. */
export interface BuiltZone {
  readonly zone: FileZone;
  readonly records: number;
  /** The line of an SRV record of the zone; undefined for other records. */
  lineOf(record: Resource): Line | undefined;
  readonly warnings: readonly string[];
}

const PAUSE_OWNERS = 1000;
const WARNINGS_MAX = 20;

class Building {
  readonly origin: Name;
  readonly file: string;
  readonly parsed: Parsed;
  readonly warnings: string[];
  readonly owners = new Map<string, readonly Resource[]>();
  readonly between = new Set<string>();
  readonly lines = new Map<Resource, number>();
  authority: Resource | undefined;

  constructor(parsed: Parsed, origin: Name, file: string) {
    this.parsed = parsed;
    this.origin = origin;
    this.file = file;
    this.warnings = [...parsed.warnings];
  }

  fault(index: number, what: string): Fault {
    const { file, number } = this.parsed.lineOf(index);
    return new Fault(file, number, what);
  }

  warn(index: number, what: string): void {
    if (this.warnings.length < WARNINGS_MAX) this.warnings.push(this.fault(index, what).toString());
  }
}

/** Builds the zone of this origin; others may have a turn at each yield. */
export function* buildZone(
  parsed: Parsed,
  origin: Name,
  file: string,
): Generator<undefined, Outcome<BuiltZone, Fault>> {
  const building = new Building(parsed, origin, file);
  const indexes = yield* groupByOwner(building);
  let count = 0;
  for (const [key, group] of indexes) {
    noteAncestors(building, indexes, building.parsed.records[group[0]!]!.name);
    const fault = addOwner(building, key, group);
    if (fault !== undefined) return fault;
    if (++count % PAUSE_OWNERS === 0) yield;
  }
  const { authority, owners, between, warnings, lines } = building;
  if (authority === undefined) return new Fault(file, 0, `there is no SOA record of ${showName(origin)}`);
  const zone: FileZone = { origin, authority, owners, between };
  const fault = checkOrigin(building, zone, indexes.get(keyOf(origin)) ?? []) ?? (yield* checkTargets(building, zone));
  if (fault !== undefined) return fault;
  const lineOf = (record: Resource): Line | undefined => {
    const index = lines.get(record);
    return index === undefined ? undefined : parsed.lineOf(index);
  };
  return ok({ zone, records: parsed.records.length, lineOf, warnings });
}

/** The indexes of records by the key of their owner. Records outside the zone are left out, as BIND and Knot do. */
function* groupByOwner(building: Building): Generator<undefined, Map<string, number[]>> {
  const { parsed, origin } = building;
  const groups = new Map<string, number[]>();
  let last: Name | undefined;
  let group: number[] = [];
  for (const [index, { name }] of parsed.records.entries()) {
    if (index % PAUSE_OWNERS === 0) yield;
    if (name !== last) {
      if (!isWithin(name, origin)) {
        building.warn(index, `${showName(name)} is outside ${showName(origin)} and left out`);
        continue;
      }
      const key = keyOf(name);
      group = groups.get(key) ?? [];
      if (group.length === 0) groups.set(key, group);
      last = name;
    }
    group.push(index);
  }
  return groups;
}

function addOwner(building: Building, key: string, group: readonly number[]): Fault | undefined {
  const { parsed, origin } = building;
  const records = group.length === 1 ? [parsed.records[group[0]!]!] : mergeSets(building, group);
  const name = records[0]!.name;
  building.owners.set(key, records);
  for (const index of group) {
    const { type } = parsed.records[index]!;
    const fault = type === TYPE.SOA ? addAuthority(building, index, records) : undefined;
    if (fault !== undefined) return fault;
    if (type === TYPE.NS && name[0] === "*")
      return building.fault(index, `${showName(name)}: a wildcard cannot be delegated (RFC 4592 §4.2)`);
  }
  const fault = checkAlias(building, group, records);
  if (fault !== undefined) return fault;
  if (name.length === origin.length && !records.some(({ type }) => type === TYPE.NS))
    return new Fault(building.file, 0, `there is no NS record of ${showName(origin)}`);
  if (group.length === 1 && records[0]!.type === TYPE.SRV) building.lines.set(records[0]!, group[0]!);
  return undefined;
}

/** Each set gets one TTL, that of its first record (RFC 2181 §5.2, as BIND does), and has each record once (§5). */
function mergeSets(building: Building, group: readonly number[]): Resource[] {
  const sets = new Map<number, { readonly ttlS: number; readonly seen: Set<string> }>();
  const records: Resource[] = [];
  for (const index of group) {
    const record = building.parsed.records[index]!;
    const { type, ttlS, data } = record;
    let set = sets.get(type);
    if (set === undefined) {
      set = { ttlS, seen: new Set() };
      sets.set(type, set);
    }
    const canonical = canonicalData(type, data);
    if (set.seen.has(canonical)) continue;
    set.seen.add(canonical);
    if (ttlS !== set.ttlS)
      building.warn(index, `TTL ${ttlS} becomes ${set.ttlS}, that of the first ${showType(type)} record of the name`);
    const kept = ttlS === set.ttlS ? record : { ...record, ttlS: set.ttlS };
    if (type === TYPE.SRV) building.lines.set(kept, index);
    records.push(kept);
  }
  return records;
}

/** Notes the names between an owner and the origin. Above a name that was noted, all names were. */
function noteAncestors({ origin, between }: Building, owners: ReadonlyMap<string, unknown>, name: Name): void {
  for (let from = 1; name.length - from > origin.length; from++) {
    const key = keyOf(name.slice(from));
    if (between.has(key) || owners.has(key)) return;
    between.add(key);
  }
}

function addAuthority(building: Building, index: number, records: readonly Resource[]): Fault | undefined {
  const { origin } = building;
  const record = building.parsed.records[index]!;
  if (record.name.length !== origin.length)
    return building.fault(index, `a SOA record of ${showName(record.name)}; the zone is ${showName(origin)}`);
  const kept = records.filter(({ type }) => type === TYPE.SOA);
  if (kept.length > 1 && kept[0] !== record) return building.fault(index, "a second SOA record");
  building.authority = kept[0];
  return undefined;
}

/** RFC 1034 §3.6.2, RFC 2181 §10.1: a CNAME is alone. */
function checkAlias(building: Building, group: readonly number[], records: readonly Resource[]): Fault | undefined {
  if (records.length < 2 || !records.some(({ type }) => type === TYPE.CNAME)) return undefined;
  const only = records.every(({ type }) => type === TYPE.CNAME);
  const owner = showName(records[0]!.name);
  return building.fault(
    group.at(-1)!,
    only ? `${owner} has two CNAME records` : `${owner} has a CNAME and other records`,
  );
}

/** Checks the targets of the zone's own NS records: without them other servers do not load the zone either. */
function checkOrigin(building: Building, zone: FileZone, group: readonly number[]): Fault | undefined {
  for (const index of group) {
    const record = building.parsed.records[index]!;
    const wrong = record.type === TYPE.NS ? wrongTarget(zone, record) : undefined;
    if (wrong !== undefined) return building.fault(index, wrong);
  }
  return undefined;
}

/** RFC 2181 §10.3, RFC 2782: targets of SRV, MX and NS records have addresses and no CNAME. */
function* checkTargets(building: Building, zone: FileZone): Generator<undefined, undefined> {
  for (const [index, record] of building.parsed.records.entries()) {
    if (index % PAUSE_OWNERS === 0) yield;
    if (building.warnings.length >= WARNINGS_MAX) return undefined;
    const wrong = isWithin(record.name, zone.origin) ? wrongTarget(zone, record) : undefined;
    if (wrong !== undefined) building.warn(index, wrong);
  }
  return undefined;
}

function wrongTarget(zone: FileZone, { name, type, data }: Resource): string | undefined {
  if (type !== TYPE.SRV && type !== TYPE.MX && type !== TYPE.NS) return undefined;
  if (!("target" in data) || data.target.length === 0 || !isWithin(data.target, zone.origin)) return undefined;
  const { target } = data;
  const shown = `${showName(name)} ${showType(type)} ${showName(target)}`;
  const match = findInFile(zone, target);
  // Below a delegation there is glue at most; the records may be in the other zone.
  if (match.kind === "delegation" && type !== TYPE.NS) return undefined;
  const records = match.kind === "wildcard" ? match.records : (zone.owners.get(keyOf(target)) ?? []);
  if (records.some((record) => record.type === TYPE.CNAME)) return `${shown}: the target is a CNAME`;
  const found = records.some((record) => record.type === TYPE.A || record.type === TYPE.AAAA);
  return found ? undefined : `${shown}: the target has no address`;
}
