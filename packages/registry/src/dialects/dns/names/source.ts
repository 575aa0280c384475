/** Names of other protocols: what a `NameSource` finds, as records. */
import type { AccountFacts, InstanceRecord } from "../../../core/index.ts";
import type { Found, Place } from "../../contract.ts";
import { toSpot } from "../labels/address.ts";
import { toFactor, toSrvWeight } from "../labels/weight.ts";
import { type Name, type Question, TYPE } from "../wire/message.ts";
import { isName, lowerLabel } from "../wire/name.ts";
import type { World, Zone } from "../zone/model.ts";
import { addressRecords, authorityOf, hasServerLabel, SERVER_LABEL, serverAddresses, serversOf } from "./authority.ts";
import { compareRecords, pickShown } from "./native/group.ts";
import { portOf, renderAddresses, renderTexts } from "./native/records.ts";
import {
  ABSENT,
  ANSWERS_MAX,
  BARE,
  type Dependency,
  Gathering,
  NO_RECORDS,
  type Presence,
  present,
  type Records,
  type Reply,
  replyTo,
} from "./reply.ts";

type SourceZone = Extract<Zone, { kind: "source" }>;
type Instances = Extract<Found, { kind: "instances" }>;

/** Answers a question about a name in another protocol's domain. */
export function resolveSource(question: Question, zone: SourceZone, world: World): Reply {
  const { name } = question;
  const labels = name.slice(0, name.length - zone.name.length).map(lowerLabel);
  const account = world.view.account(zone.account);
  const found = findInSource(zone, labels, account, world);
  const { revision } = world.view;
  const dependencies = [
    found.onKeys === true ? ({ on: "all", revision } as const) : dependencyOf(found, zone, account),
  ];
  const source = { authority: () => authorityOf(zone, world), ttlS: world.settings.ttlS };
  return replyTo(question, presenceOf(found, zone, world, question), source, dependencies);
}

/** For ANY only whether the name exists. */
function presenceOf(found: Found, zone: SourceZone, world: World, { name, type }: Question): Presence {
  if (found.kind === "none") return ABSENT;
  if (type === TYPE.ANY) return BARE;
  const isApex = name.length === zone.name.length;
  return present(
    (isApex ? renderApex(zone, world, type, name) : undefined) ?? renderFound(found, zone, world, name, type),
  );
}

function findInSource(
  zone: SourceZone,
  labels: readonly string[],
  account: AccountFacts | undefined,
  world: World,
): Found {
  const view = account === undefined ? EMPTY : byLabels(account, world);
  const found = zone.source.find(labels, view, zone.options, {
    entry: (key) => world.view.entry(zone.account, key),
    entries: (from, to) => world.view.entries(zone.account, from, to),
  });
  if (found.kind !== "none") return found;
  // The domain itself exists, and so does the `ns` name that its NS and SOA records speak of.
  if (labels.length === 0) return { kind: "bare" };
  return labels.length === 1 && labels[0] === SERVER_LABEL && hasServerLabel(world) ? { kind: "server" } : found;
}

function dependencyOf(found: Found, zone: SourceZone, account: AccountFacts | undefined): Dependency {
  if (found.kind === "instances" && found.service !== undefined) {
    const revision = account?.service(found.service)?.revision ?? 0;
    return { on: "service", account: zone.account, service: found.service, revision };
  }
  return { on: "catalog", account: zone.account, revision: account?.catalogRevision ?? 0 };
}

/** The domain itself has SOA and NS records, and the addresses of the server, whatever the source finds there. */
function renderApex(zone: SourceZone, world: World, type: number, owner: Name): Records | undefined {
  if (type === TYPE.SOA) return { answers: [authorityOf(zone, world, owner)], additional: [] };
  if (type === TYPE.NS) return serversOf(zone, world, owner);
  if (type !== TYPE.A && type !== TYPE.AAAA) return undefined;
  return { answers: serverAddresses(owner, type, world), additional: [] };
}

function renderFound(found: Found, zone: SourceZone, world: World, owner: Name, type: number): Records {
  switch (found.kind) {
    case "none":
    case "bare":
      return NO_RECORDS;
    case "server":
      return { answers: serverAddresses(owner, type, world), additional: [] };
    case "addresses":
      return { answers: addressRecords(owner, type, found.addresses, world.settings.ttlS), additional: [] };
    case "instances":
      return renderInstances(found, zone, world, owner, type);
  }
}

function renderInstances(found: Instances, zone: SourceZone, world: World, owner: Name, type: number): Records {
  const { whenNoneHealthy } = world.settings;
  const ttlS = found.ttlS ?? world.settings.ttlS;
  const shown = [...pickShown(found.places, recordOf, whenNoneHealthy)].sort(comparePlaces);
  switch (type) {
    case TYPE.A:
    case TYPE.AAAA:
    case TYPE.CNAME:
      // Addresses have no priorities, so only those of the best priority are shown.
      return renderAddresses(shown.filter(isBest).map(recordOf), owner, type, ttlS);
    case TYPE.SRV:
      return renderPlaces(shown, zone, owner, ttlS);
    case TYPE.TXT:
      return renderTexts(shown.map(recordOf), owner, world.settings);
    default:
      return NO_RECORDS;
  }
}

function recordOf({ record }: Place): InstanceRecord {
  return record;
}

function isBest({ priority }: Place, _index: number, sorted: readonly Place[]): boolean {
  return priority === sorted[0]?.priority;
}

function comparePlaces(one: Place, other: Place): number {
  return one.priority - other.priority || compareRecords(one.record, other.record);
}

function renderPlaces(shown: readonly Place[], zone: SourceZone, owner: Name, ttlS: number): Records {
  const answers = new Gathering(ttlS);
  const additional = new Gathering(ttlS);
  const open = shown.filter(({ record }) => portOf(record.ports, undefined) !== undefined);
  const counts = new Map<number, number>();
  for (const { priority } of open) counts.set(priority, (counts.get(priority) ?? 0) + 1);
  const factor = toFactor(shown.map(recordOf));
  const weightOf = ({ weight, priority, record }: Place): number => {
    if (weight === "own") return toSrvWeight(record.weight, factor);
    return weight === "even" ? Math.floor(100 / (counts.get(priority) as number)) : weight;
  };
  for (const place of open) {
    const { record, priority, target } = place;
    const spot = toSpot(record.address);
    if (spot === undefined) continue;
    const name = spot.type === TYPE.CNAME ? spot.host : [...target, ...zone.name];
    if (!isName(name)) continue;
    answers.add(owner, TYPE.SRV, {
      kind: "service",
      priority,
      weight: weightOf(place),
      port: portOf(record.ports, undefined) as number,
      target: name,
    });
    if (spot.type !== TYPE.CNAME) additional.add(name, spot.type, { kind: "address", address: spot.address });
    if (answers.records.length === ANSWERS_MAX) break;
  }
  return { answers: answers.records, additional: additional.records };
}

/** An account that nobody has used yet. */
const EMPTY: AccountFacts = {
  name: "",
  catalogRevision: 0,
  services: () => [],
  service: () => undefined,
  instances: () => [],
  grouped: () => [],
  changedServices: () => [],
};

/** The account as sources see it: services are found by their labels, too. */
function byLabels(account: AccountFacts, { index }: World): AccountFacts {
  return {
    name: account.name,
    catalogRevision: account.catalogRevision,
    services: (from) => account.services(from),
    service: (name) => {
      const found = account.service(name);
      if (found !== undefined) return found;
      const [other] = index.services(account.name, name);
      return other === undefined ? undefined : account.service(other);
    },
    instances: (fromId) => account.instances(fromId),
    grouped: (by, key) => account.grouped(by, key),
    changedServices: (after) => account.changedServices(after),
  };
}
