/**
 * All records of an account's zone, for transfers (RFC 5936). Qualifiers can be combined without end, so a zone has each
 * tag, zone, version, id and port of a service alone, and no `<tag>.tag`. Names with other records have no CNAME (RFC
 * 1034 §3.6.2), so a host elsewhere is found by SRV only.
 */
import type { Bytes, InstanceRecord } from "../../../core/index.ts";
import { fromAddressLabel } from "../labels/address.ts";
import { toLabel } from "../labels/text.ts";
import { authorityOf, SERVER_LABEL, serverAddresses, serversOf } from "../names/authority.ts";
import { isServer, renderHost } from "../names/native/account-zone.ts";
import {
  BROWSE_LABELS,
  groupOf,
  groupsOf,
  instanceName,
  isProtocol,
  type Protocol,
  renderBrowsing,
  renderNamed,
  renderPointers,
  renderTypesOf,
  speaks,
} from "../names/native/discovery.ts";
import { compareTexts, type Group, isOwn, type Lookup, openLookup } from "../names/native/group.ts";
import { QUALIFIERS_MAX } from "../names/native/qualifiers.ts";
import { portOf, renderServices } from "../names/native/records.ts";
import { mergeRecords, type Records } from "../names/reply.ts";
import { type Name, type Resource, TYPE } from "../wire/message.ts";
import { isName, isWithin, keyOf, sameName } from "../wire/name.ts";
import { canonicalData } from "../wire/record.ts";
import { fileRecords, isAlias } from "../zone/file.ts";
import type { AccountZone, World, Zone } from "../zone/model.ts";

const ADDRESSES = [TYPE.A, TYPE.AAAA] as const;

/** Every record of the zone once, its SOA first, always in the same order; none of zones that are not transferred. */
export function* zoneRecords(world: World, zone: Zone): Iterable<Resource> {
  if (zone.kind === "source" || zone.kind === "reverse") return;
  yield authorityOf(zone, world);
  if (zone.file !== undefined) {
    for (const records of zone.file.owners.values())
      for (const record of records) if (record.type !== TYPE.SOA) yield record;
  }
  if (zone.kind === "file") return;
  const look = openLookup(withoutLapsed(world), zone);
  yield* mergedOf(zone, apexRecords(look));
  yield* mergedOf(zone, childRecords(look));
  const seen = new Set<string>();
  const isOurs = toOwnTest(look);
  for (const group of groupsOf(look)) {
    for (const record of mergedOf(zone, groupRecords(look, group, isOurs))) {
      // Names below `addr` may be targets of several services.
      if (isAddressName(record.name, zone.name)) {
        const key = `${record.type} ${keyOf(record.name)} ${canonicalData(record.type, record.data)}`;
        if (seen.has(key)) continue;
        seen.add(key);
      }
      yield record;
    }
  }
}

/**
 * The records of a service, without those that the zone's file has. Services that share a label are one group, whose
 * records are those of its first service. Names below `addr` may be those of another service, too.
 */
export function* serviceRecords(world: World, zone: Zone, service: string): Iterable<Resource> {
  if (zone.kind !== "account") return;
  const look = openLookup(withoutLapsed(world), zone);
  const group = groupOf(look, service);
  if (group !== undefined) yield* mergedOf(zone, groupRecords(look, group, toOwnTest(look)));
}

/**
 * Lapsed instances (`whenNoneHealthy: held`) run out without a change of the catalog, and so without another serial, and
 * a secondary would keep them. So they are in answers, but not in zones.
 */
function withoutLapsed(world: World): World {
  if (world.settings.whenNoneHealthy !== "held") return world;
  const { index } = world;
  return {
    ...world,
    index: {
      services: (account, label) => index.services(account, label),
      at: (address) => index.at(address),
      lapsed: () => [],
      lapsedServices: () => [],
    },
  };
}

type OwnTest = (name: Name) => boolean;

/** A test whether a name below the label of a service is this zone's. Mostly no other zone is that deep. */
function toOwnTest(look: Lookup): OwnTest {
  const { world, zone } = look;
  const depth = zone.name.length + 1;
  const isFlat = world.zones().every(({ name }) => name.length <= depth || !isWithin(name, zone.name));
  return isFlat ? () => true : (name) => isOwn(look, name);
}

function isAddressName(name: Name, zone: Name): boolean {
  return name.length === zone.length + 2 && name[1] === "addr";
}

/** The catalog's records that the file does not replace, with the file's TTL in sets that both have records of. */
function* mergedOf({ name, file }: AccountZone, records: Iterable<Resource>): Iterable<Resource> {
  for (const record of records) {
    if (file === undefined) {
      yield record;
      continue;
    }
    const added = fileRecords(file, record.name, record.type);
    const isServers = record.type === TYPE.NS && sameName(record.name, name);
    if (isAlias(file, record.name) || (isServers && added.length > 0)) continue;
    const [mine] = mergeRecords([record], added, record.name).slice(added.length);
    if (mine !== undefined) yield mine;
  }
}

function* apexRecords(look: Lookup): Iterable<Resource> {
  const { world, zone } = look;
  yield* serversOf(zone, world).answers;
  const server = [SERVER_LABEL, ...zone.name];
  if (isName(server) && isServer(look, server))
    for (const type of ADDRESSES) yield* serverAddresses(server, type, world);
  for (const label of BROWSE_LABELS) {
    const owner = [label, "_dns-sd", "_udp", ...zone.name];
    if (isName(owner)) yield* renderBrowsing(look, owner).answers;
  }
}

/** Delegations of our zones below this one: a secondary has to ask us for them (RFC 1034 §4.2.1). */
function* childRecords({ world, zone }: Lookup): Iterable<Resource> {
  const all = [...world.zones()].sort((one, other) => compareTexts(keyOf(one.name), keyOf(other.name)));
  for (const child of all) {
    if (child.kind === "reverse" || child.name.length <= zone.name.length || !isWithin(child.name, zone.name)) continue;
    // A zone below a child is the child's to delegate.
    const above = world.zoneOf(child.name.slice(1));
    if (above === undefined || !sameName(above.name, zone.name)) continue;
    const own = "file" in child ? fileRecords(child.file as NonNullable<typeof child.file>, child.name, TYPE.NS) : [];
    const { answers, additional } = serversOf(child, world);
    yield* own.length > 0 ? own : [...answers, ...additional];
  }
}

/** All records under one label. */
function* groupRecords(look: Lookup, group: Group, isOurs: OwnTest): Iterable<Resource> {
  const addresses = new Map<string, Resource>();
  for (const record of ownersOf(look, group, isOurs)) yield* keepAddresses(record, addresses, look.zone.name);
  for (const key of [...addresses.keys()].sort()) yield addresses.get(key) as Resource;
  const types = ["_services", "_dns-sd", "_udp", ...look.zone.name];
  if (isName(types)) yield* renderTypesOf(look, group, types);
}

/** Passes the answers on, and notes the addresses below `addr` that they lead to: those come last. */
function* keepAddresses(rendered: Records, addresses: Map<string, Resource>, zone: Name): Iterable<Resource> {
  yield* rendered.answers;
  for (const record of rendered.additional)
    if (isAddressName(record.name, zone)) addresses.set(`${record.name[0]} ${record.type}`, record);
}

function* ownersOf(look: Lookup, group: Group, isOurs: OwnTest): Iterable<Records> {
  const zone = look.zone.name;
  const name = [group.label, ...zone];
  if (!isProtocol(group.label) && isName(name) && isOwn(look, name)) {
    const isServers = group.label === SERVER_LABEL && isServer(look, name);
    if (!isServers) yield* hostRecords(look, group, group.members, name);
    yield* qualifiedRecords(look, group, name, isOurs);
    yield* portRecords(look, group, name, isOurs);
  }
  for (const protocol of ["_tcp", "_udp"] as const) {
    const members = group.members.filter((record) => speaks(record, protocol));
    const owner = [`_${group.label}`, protocol, ...zone];
    // `_dns-sd._udp` has the lists.
    if (members.length === 0 || !isName(owner) || group.label === "dns-sd" || !isOurs(owner)) continue;
    yield* browsingRecords(look, group, members, protocol, owner);
  }
}

function* hostRecords(look: Lookup, group: Group, records: readonly InstanceRecord[], owner: Name): Iterable<Records> {
  if (!isName(owner)) return;
  const shown = group.shown(records);
  for (const type of [TYPE.A, TYPE.AAAA, TYPE.SRV, TYPE.TXT]) {
    const { answers, additional } = renderHost(look, group, shown, owner, type);
    if (answers[0]?.type === type) yield { answers, additional };
  }
}

/** `<tag>.<service>`, `<zone>.zone.…`, `<version>.version.…`, `<id>.id.…`. */
function* qualifiedRecords(look: Lookup, group: Group, name: Name, isOurs: OwnTest): Iterable<Records> {
  for (const [label, records] of group.roster.byLabel("tag")) {
    const isAddress = group.label === "addr" && fromAddressLabel(label) !== undefined;
    const owner = [label, ...name];
    if (!isProtocol(label) && !isAddress && isOurs(owner)) yield* hostRecords(look, group, records, owner);
  }
  for (const field of ["zone", "version", "id"] as const) {
    for (const [label, records] of group.roster.byLabel(field)) {
      const owner = [label, field, ...name];
      if (isOurs(owner)) yield* hostRecords(look, group, records, owner);
    }
    if (field === "id") continue;
    for (const [value, records] of group.roster.byDotted(field)) {
      const parts = value.split(".");
      const owner = [...parts, field, ...name];
      const isPort = isProtocol(parts[0]) || isProtocol(parts[1]);
      if (parts.length < QUALIFIERS_MAX && !isPort && isName(owner) && isOurs(owner))
        yield* hostRecords(look, group, records, owner);
    }
  }
}

function add<K>(table: Map<K, Set<InstanceRecord>>, key: K, record: InstanceRecord): void {
  const there = table.get(key);
  if (there === undefined) table.set(key, new Set([record]));
  else there.add(record);
}

function sorted(table: Map<Bytes, Set<InstanceRecord>>): readonly (readonly [Bytes, readonly InstanceRecord[]])[] {
  return [...table].sort(([one], [other]) => compareTexts(one, other)).map(([key, records]) => [key, [...records]]);
}

/** `_<port>._tcp.<service>`. */
function* portRecords(look: Lookup, group: Group, name: Name, isOurs: OwnTest): Iterable<Records> {
  for (const protocol of ["_tcp", "_udp"] as const) {
    const ports = new Map<Bytes, Set<InstanceRecord>>();
    for (const record of group.members) {
      if (!speaks(record, protocol)) continue;
      for (const label of new Set(["default", ...Object.keys(record.ports).map(toLabel)]))
        if (label !== "" && portOf(record.ports, label) !== undefined) add(ports, label, record);
    }
    for (const [label, records] of sorted(ports)) {
      const owner = [`_${label}`, protocol, ...name];
      if (isName(owner) && isOurs(owner)) yield renderServices(look, group, group.shown(records), owner, label);
    }
  }
}

/** `_svc._tcp`, its subtypes and its instances. */
function* browsingRecords(
  look: Lookup,
  group: Group,
  members: readonly InstanceRecord[],
  protocol: Protocol,
  owner: Name,
): Iterable<Records> {
  const shown = group.shown(members);
  yield renderServices(look, group, shown, owner, undefined);
  yield renderPointers(look, group, shown, protocol, owner);
  for (const [label, tagged] of group.roster.byLabel("tag")) {
    const records = tagged.filter((record) => speaks(record, protocol));
    const subtype = [`_${label}`, "_sub", ...owner];
    if (isName(subtype)) yield renderPointers(look, group, group.shown(records), protocol, subtype);
  }
  for (const record of shown) {
    const name = instanceName(look, group, record, protocol);
    if (name === undefined) continue;
    for (const type of [TYPE.SRV, TYPE.TXT]) yield renderNamed(look, group, [record], name, type);
  }
}
