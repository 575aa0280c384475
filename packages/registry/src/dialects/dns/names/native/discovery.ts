/** Names below `_tcp` and `_udp`: services by RFC 2782, and browsing by RFC 6763 (DNS-SD). */
import { type Bytes, type InstanceRecord, perRevision, type ServiceView } from "../../../../core/index.ts";
import { isLabel } from "../../labels/text.ts";
import { MESSAGE_BYTES_MAX, type Name, type Resource, TYPE } from "../../wire/message.ts";
import { isName, keyOf } from "../../wire/name.ts";
import { longBytes, toResource } from "../../wire/record.ts";
import { ABSENT, ANSWERS_MAX, BARE, NO_RECORDS, type Presence, present, type Records } from "../reply.ts";
import { dependOnCatalog, type Group, groupWith, type Lookup, openGroup, openLookup } from "./group.ts";
import { narrow } from "./qualifiers.ts";
import { pickSome, portOf, renderServices, renderTexts, targetOf } from "./records.ts";

export type Protocol = "_tcp" | "_udp";

/** RFC 6763 §11: browse and registration domains. */
export const BROWSE_LABELS: readonly string[] = ["b", "lb", "db", "r", "dr"];

/** Types of services in a list at most: more fit into no message. */
const TYPES_MAX = 1000;

/** With more instances than this, the list alone fills a message: their records do not go along. */
const EXPLAINED_MAX = 1000;

export function isProtocol(label: Bytes | undefined): label is Protocol {
  return label === "_tcp" || label === "_udp";
}

/** `_udp` is for instances whose protocol is UDP, `_tcp` for all others (RFC 2782 knows these two). */
export function speaks(record: Pick<InstanceRecord, "protocol">, protocol: Protocol): boolean {
  return (record.protocol.toLowerCase() === "udp") === (protocol === "_udp");
}

/** A name that ends in `_tcp` or `_udp`; `labels` are those left of the zone. */
export function answerBelowProtocol(look: Lookup, labels: readonly Bytes[], owner: Name, type: number): Presence {
  const protocol = labels.at(-1) as Protocol;
  const service = labels.at(-2);
  if (service === undefined) {
    dependOnCatalog(look);
    return BARE;
  }
  const left = labels.slice(0, -2);
  if (protocol === "_udp" && service === "_dns-sd") return answerBrowsing(look, left, owner, type);
  if (service.length < 2 || !service.startsWith("_")) {
    dependOnCatalog(look);
    return ABSENT;
  }
  const group = openGroup(look, service.slice(1));
  if (group === undefined) return ABSENT;
  if (group.members.length === 0) return BARE;
  if (left.length > 0) return answerBelowService(look, group, protocol, left, owner, type);
  const members = group.members.filter((record) => speaks(record, protocol));
  return members.length === 0 ? ABSENT : present(answerService(look, group, members, protocol, owner, type));
}

function answerService(
  look: Lookup,
  group: Group,
  members: readonly InstanceRecord[],
  protocol: Protocol,
  owner: Name,
  type: number,
): Records {
  if (type === TYPE.SRV) return renderServices(look, group, group.shown(members), owner, undefined);
  if (type === TYPE.PTR) return renderPointers(look, group, group.shown(members), protocol, owner);
  return NO_RECORDS;
}

/** `<instance>._svc._tcp`, `_<subtype>._sub._svc._tcp` (RFC 6763 §7.1), or qualifiers. */
function answerBelowService(
  look: Lookup,
  group: Group,
  protocol: Protocol,
  left: readonly Bytes[],
  owner: Name,
  type: number,
): Presence {
  const [first = ""] = left;
  const speaking = (records: readonly InstanceRecord[]) => records.filter((record) => speaks(record, protocol));
  if (left.at(-1) === "_sub") {
    if (left.length === 1) return speaking(group.members).some(({ tags }) => tags.length > 0) ? BARE : ABSENT;
    const tagged = left.length === 2 ? speaking(group.roster.matching("tag", first.replace(/^_/, ""))) : [];
    if (tagged.length === 0) return ABSENT;
    if (type !== TYPE.PTR) return BARE;
    return present(renderPointers(look, group, group.shown(tagged), protocol, owner));
  }
  const named = left.length === 1 ? speaking(group.roster.matching("id", first)) : [];
  if (named.length > 0) return present(renderNamed(look, group, group.shown(named), owner, type));
  const narrowed = narrow(group.roster, left);
  if (narrowed === "bare") return BARE;
  const found = narrowed === "none" ? [] : speaking(narrowed);
  if (found.length === 0) return ABSENT;
  return type === TYPE.SRV ? present(renderServices(look, group, group.shown(found), owner, undefined)) : BARE;
}

/** The records of one instance: SRV and TXT (RFC 6763 §5, §6). */
export function renderNamed(
  look: Lookup,
  group: Group,
  shown: readonly InstanceRecord[],
  owner: Name,
  type: number,
): Records {
  if (type === TYPE.SRV) return renderServices(look, group, shown, owner, undefined);
  if (type === TYPE.TXT) return renderTexts(shown, owner, look.world.settings);
  return NO_RECORDS;
}

/** `<instance>._svc._tcp.<zone>`; undefined for an instance without a port, an address or a label of its own. */
export function instanceName(look: Lookup, group: Group, record: InstanceRecord, protocol: Protocol): Name | undefined {
  if (portOf(record.ports, undefined) === undefined || targetOf(look, group, record) === undefined) return undefined;
  const label = group.instanceLabel(record);
  if (label === undefined || label === "_sub") return undefined;
  const name = [label, `_${group.label}`, protocol, ...look.zone.name];
  return isName(name) ? name : undefined;
}

/** PTR to each instance, with the records that a browser asks for next (RFC 6763 §12.1) while they may fit. */
export function renderPointers(
  look: Lookup,
  group: Group,
  shown: readonly InstanceRecord[],
  protocol: Protocol,
  owner: Name,
): Records {
  const open = shown.filter((record) => portOf(record.ports, undefined) !== undefined);
  const picked = pickSome(open, look.world.recordsMax);
  const rendered = renderPicked(look, group, picked, protocol, owner);
  const isEnough = picked.length === open.length || rendered.answers.length === picked.length;
  return isEnough ? rendered : renderPicked(look, group, open, protocol, owner);
}

function renderPicked(
  look: Lookup,
  group: Group,
  shown: readonly InstanceRecord[],
  protocol: Protocol,
  owner: Name,
): Records {
  const { ttlS } = look.world.settings;
  const answers: Resource[] = [];
  const additional: Resource[] = [];
  let explainedBytes = 0;
  for (const record of shown) {
    const target = instanceName(look, group, record, protocol);
    if (target === undefined) continue;
    answers.push(toResource(owner, TYPE.PTR, ttlS, { kind: "name", target }));
    if (answers.length === ANSWERS_MAX) break;
    if (shown.length > EXPLAINED_MAX || explainedBytes > MESSAGE_BYTES_MAX) continue;
    const service = renderServices(look, group, [record], target, undefined);
    const texts = renderTexts([record], target, look.world.settings).answers;
    for (const { data } of texts) explainedBytes += longBytes(data);
    additional.push(...service.answers, ...texts, ...service.additional);
  }
  return { answers, additional };
}

function answerBrowsing(look: Lookup, left: readonly Bytes[], owner: Name, type: number): Presence {
  dependOnCatalog(look);
  const [label, ...more] = left;
  if (label === undefined) return BARE;
  if (more.length > 0) return ABSENT;
  if (BROWSE_LABELS.includes(label)) return type === TYPE.PTR ? present(renderBrowsing(look, owner)) : BARE;
  if (label !== "_services") return ABSENT;
  return type === TYPE.PTR ? present(renderTypes(look, owner)) : BARE;
}

/** PTR to the zone itself: it is the only domain to browse. */
export function renderBrowsing({ world, zone }: Lookup, owner: Name): Records {
  const pointer = toResource(owner, TYPE.PTR, world.settings.ttlS, { kind: "name", target: zone.name });
  return { answers: [pointer], additional: [] };
}

/** PTR to all types of services (RFC 6763 §9). */
function renderTypes(look: Lookup, owner: Name): Records {
  const answers: Resource[] = [];
  const quiet = openLookup(look.world, look.zone);
  for (const name of serviceNames(look)) {
    const before = recall(look, name);
    if (before !== undefined) answers.push(...toTypes(look, name, before, owner));
    else {
      const group = groupOf(quiet, name);
      quiet.dependencies.length = 0;
      if (group !== undefined) answers.push(...renderTypesOf(look, group, owner));
    }
    if (answers.length >= TYPES_MAX) break;
  }
  return { answers, additional: [] };
}

/** PTR to the types of a group: those by which a browser finds an instance. */
export function renderTypesOf(look: Lookup, group: Group, owner: Name): readonly Resource[] {
  return toTypes(look, group.label, protocolsOf(look, group), owner);
}

function toTypes(look: Lookup, label: Bytes, protocols: readonly Protocol[], owner: Name): readonly Resource[] {
  const answers: Resource[] = [];
  for (const protocol of protocols) {
    const target = [`_${label}`, protocol, ...look.zone.name];
    if (isName(target)) answers.push(toResource(owner, TYPE.PTR, look.world.settings.ttlS, { kind: "name", target }));
  }
  return answers;
}

/** The protocols of a service, by the key of the zone that they were found in. */
const spoken = perRevision((_: ServiceView) => new Map<string, readonly Protocol[]>());

/** The protocols by which a browser finds an instance of the group. */
function protocolsOf(look: Lookup, group: Group): readonly Protocol[] {
  const protocols = (["_tcp", "_udp"] as const).filter((protocol) =>
    group
      .shown(group.members.filter((record) => speaks(record, protocol)))
      .some((record) => instanceName(look, group, record, protocol) !== undefined),
  );
  const { only } = group;
  if (only !== undefined) spoken(only).set(keyOf(look.zone.name), protocols);
  return protocols;
}

/** The protocols as they were found before, of a service that has its label to itself. */
function recall({ world, zone, account }: Lookup, name: string): readonly Protocol[] | undefined {
  const service = account?.service(name);
  const before = service && spoken(service).get(keyOf(zone.name));
  if (before === undefined) return undefined;
  const isAlone = isLabel(name) && zone.file === undefined && world.index.services(zone.account, name).length === 1;
  return isAlone && world.index.lapsed(zone.account, name).length === 0 ? before : undefined;
}

/** The groups of all services of the zone that have instances, each once, under the label of its first service. */
export function* groupsOf(look: Lookup): Iterable<Group> {
  const { world, zone } = look;
  // What is looked at here is no dependency: the caller depends on the whole catalog.
  const quiet = openLookup(world, zone);
  for (const name of serviceNames(look)) {
    const group = groupOf(quiet, name);
    quiet.dependencies.length = 0;
    if (group !== undefined) yield group;
  }
}

function* serviceNames({ world, zone, account }: Lookup): Iterable<string> {
  for (const { name } of account?.services() ?? []) yield name;
  // A service whose instances all lapsed is not among the services of the account.
  for (const name of world.index.lapsedServices(zone.account))
    if ((account?.service(name)?.instances.size ?? 0) === 0) yield name;
}

/** The group of the service, if it is the first of the group that has an instance: so each group is met once. */
export function groupOf(look: Lookup, service: string): Group | undefined {
  const group = groupWith(look, service);
  return group?.services.find((name) => hasMembers(look, name)) === service ? group : undefined;
}

function hasMembers({ world, zone, account }: Lookup, service: string): boolean {
  return (account?.service(service)?.instances.size ?? 0) > 0 || world.index.lapsed(zone.account, service).length > 0;
}
