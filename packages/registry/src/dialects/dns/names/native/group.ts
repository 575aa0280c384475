/** The services that a label stands for, and which of their instances are shown. */
import {
  type Account,
  type AccountFacts,
  type Bytes,
  fromBytes,
  type InstanceRecord,
  perRevision,
  type ServiceView,
  type Status,
  statusOf,
  toBytes,
} from "../../../../core/index.ts";
import { fileOf } from "../../labels/meta.ts";
import { isHostLabel, isShortened, matchLabel, toExactLabel, toLabel } from "../../labels/text.ts";
import type { Name } from "../../wire/message.ts";
import { isName, LABEL_BYTES_MAX, sameName } from "../../wire/name.ts";
import { showOrigin } from "../../zone/file.ts";
import type { AccountZone, World } from "../../zone/model.ts";
import type { Dependency } from "../reply.ts";
import { Roster } from "./qualifiers.ts";

/** One question about an account's zone. `dependencies` gets what it looked at. */
export interface Lookup {
  readonly world: World;
  readonly zone: AccountZone;
  readonly account: AccountFacts | undefined;
  readonly dependencies: Dependency[];
}

/** The zone in which an account's services are found: the one of our domain before those of `Settings.zones`. */
export function zoneOfAccount(account: Account, world: World): AccountZone | undefined {
  const { domain, zones } = world.settings;
  const more = zones.filter((zone) => zone.account === account).map((zone) => zone.name);
  for (const name of [domain, [toLabel(account), ...domain], ...more]) {
    const zone = isName(name) ? world.zoneOf(name) : undefined;
    if (zone?.kind === "account" && zone.account === account && sameName(zone.name, name)) return zone;
  }
  return undefined;
}

export function openLookup(world: World, zone: AccountZone): Lookup {
  return { world, zone, account: world.view.account(zone.account), dependencies: [] };
}

/** Makes the reply depend on the whole catalog of the account. */
export function dependOnCatalog({ zone, account, dependencies }: Lookup): void {
  dependencies.push({ on: "catalog", account: zone.account, revision: account?.catalogRevision ?? 0 });
}

const HEALTHY: Readonly<Record<Status, boolean>> = {
  passing: true,
  warning: true,
  unknown: false,
  starting: false,
  draining: false,
  critical: false,
};

export function isHealthy(record: InstanceRecord): boolean {
  return HEALTHY[statusOf(record)];
}

/** The healthy instances; if there are none, what `whenNoneHealthy` says. Draining instances never. */
export function pickShown<T>(
  all: readonly T[],
  recordOf: (item: T) => InstanceRecord,
  whenNoneHealthy: World["settings"]["whenNoneHealthy"],
  isLapsed: (record: InstanceRecord) => boolean = () => false,
): readonly T[] {
  const healthy = all.filter((item) => isHealthy(recordOf(item)) && !isLapsed(recordOf(item)));
  if (healthy.length > 0 || whenNoneHealthy === "nothing") return healthy;
  return all.filter((item) => statusOf(recordOf(item)) !== "draining");
}

/**
 * The services that a label stands for in the account. Services that are written like the label (whatever the case)
 * hide those that only look like it. Several services are answered for as if they were one.
 */
function chooseServices(look: Lookup, label: Bytes): readonly string[] {
  const { world, zone, account, dependencies } = look;
  const text = fromBytes(label);
  const names = world.index.services(zone.account, label);
  const known: string[] = [];
  // The reply depends also on a service that is not there: it is another reply as soon as the service comes.
  for (const name of names.includes(text) ? names : [text, ...names]) {
    const service = account?.service(name);
    if (service !== undefined && matchLabel(name, label) > 0) known.push(name);
    dependencies.push({ on: "service", account: zone.account, service: name, revision: service?.revision ?? 0 });
  }
  const exact = known.filter((name) => toExactLabel(name) === label);
  return (exact.length > 0 ? exact : known).sort();
}

/** The group that a label stands for; undefined when the label stands for no service. */
export function openGroup(look: Lookup, label: Bytes): Group | undefined {
  const services = chooseServices(look, label);
  return services.length === 0 ? undefined : new Group(look, label, services);
}

/** The group that a service is in, under the first label that leads to it; undefined when no label does. */
export function groupWith(look: Lookup, service: string): Group | undefined {
  for (const label of new Set([toLabel(service), toExactLabel(service)])) {
    if (label === "" || label.length > LABEL_BYTES_MAX) continue;
    const services = chooseServices(look, label);
    if (services.includes(service)) return new Group(look, label, services);
  }
  return undefined;
}

/** The roster of a service with fewer instances is made for each question. */
const KEPT_FROM = 64;

const keptRoster = perRevision((service: ServiceView) => toRoster(service.instances.values()));

/** The instances of a service. */
export function rosterOf(service: ServiceView): Roster {
  return service.instances.size < KEPT_FROM ? toRoster(service.instances.values()) : keptRoster(service);
}

/** Sorts the instances in the order in which they are shown. */
function toRoster(records: Iterable<InstanceRecord>): Roster {
  return new Roster([...records].sort(compareRecords));
}

const NOBODY: readonly InstanceRecord[] = [];

/** The services under one label of a zone, with their instances in any status. */
export class Group {
  readonly label: Bytes;
  readonly services: readonly string[];
  readonly #look: Lookup;
  readonly #lapsed = new Set<InstanceRecord>();
  #roster: Roster | undefined;
  /** Undefined until it was looked for; null when there is no such label. */
  #hostLabel: Bytes | null | undefined;

  constructor(look: Lookup, label: Bytes, services: readonly string[]) {
    this.label = label;
    this.services = services;
    this.#look = look;
  }

  get roster(): Roster {
    this.#roster ??= this.#collect();
    return this.#roster;
  }

  get members(): readonly InstanceRecord[] {
    return this.roster.records;
  }

  /** The only service of the group; undefined also with lapsed instances or a zone file beside it. */
  get only(): ServiceView | undefined {
    const [name = ""] = this.services;
    const isAlone = this.services.length === 1 && this.#look.zone.file === undefined;
    return isAlone && this.#lapsedOf(name).length === 0 ? this.#look.account?.service(name) : undefined;
  }

  #collect(): Roster {
    const { only } = this;
    if (only !== undefined) return rosterOf(only);
    const { zone, account } = this.#look;
    const origin = zone.file && showOrigin(zone.file.origin);
    const members: InstanceRecord[] = [];
    for (const name of this.services) {
      // Records of the zone file itself tell of the instances that it registered.
      for (const record of account?.service(name)?.instances.values() ?? [])
        if (origin === undefined || fileOf(record) !== origin) members.push(record);
      for (const record of this.#lapsedOf(name)) {
        this.#lapsed.add(record);
        members.push(record);
      }
    }
    return toRoster(members);
  }

  #lapsedOf(name: string): readonly InstanceRecord[] {
    const { world, zone, account } = this.#look;
    if (world.settings.whenNoneHealthy !== "held") return NOBODY;
    const lapsed = world.index.lapsed(zone.account, name);
    return lapsed.filter((record) => account?.service(name)?.instances.has(record.id) !== true);
  }

  /** The members among these that are shown, in the order of the roster. */
  shown(records: readonly InstanceRecord[]): readonly InstanceRecord[] {
    const { whenNoneHealthy } = this.#look.world.settings;
    return pickShown(
      records,
      (record) => record,
      whenNoneHealthy,
      (record) => this.#lapsed.has(record),
    );
  }

  /** The own name of a member, `<id>.id.<service>.<zone>`; undefined when it would lead to other members, too. */
  ownName(record: InstanceRecord): Name | undefined {
    const service = this.#findHostLabel();
    if (service === undefined || !this.#hasOwnLabel(record)) return undefined;
    const label = toLabel(record.id);
    const name = [label, "id", service, ...this.#look.zone.name];
    return isHostLabel(label) && isName(name) ? name : undefined;
  }

  /** A member's label in DNS-SD (RFC 6763 §4.1.1): its id, else the id's `toLabel`; undefined when others have both. */
  instanceLabel(record: InstanceRecord): Bytes | undefined {
    const bytes = toBytes(record.id);
    if (bytes.length <= LABEL_BYTES_MAX && this.roster.claims("id", toExactLabel(record.id)).exact === 1) return bytes;
    return this.#hasOwnLabel(record) ? toLabel(record.id) : undefined;
  }

  #hasOwnLabel(record: InstanceRecord): boolean {
    const label = toLabel(record.id);
    const { exact, loose } = this.roster.claims("id", label);
    if (toExactLabel(record.id) === label) return exact === 1;
    return exact === 0 && loose === 1 && !isShortened(record.id);
  }

  /** The label of this group in names of hosts, which allow fewer characters than other names. */
  #findHostLabel(): Bytes | undefined {
    if (this.#hostLabel === undefined) this.#hostLabel = this.#searchHostLabel() ?? null;
    return this.#hostLabel ?? undefined;
  }

  #searchHostLabel(): Bytes | undefined {
    const look = this.#look;
    for (const label of new Set([this.label, ...this.services.filter((name) => !isShortened(name)).map(toLabel)])) {
      if (!isHostLabel(label) || label === "_tcp" || label === "_udp") continue;
      // The zone of another account may lie over it.
      if (!isOwn(look, [label, ...look.zone.name])) continue;
      if (label === this.label || isSameList(chooseServices(look, label), this.services)) return label;
    }
    return undefined;
  }
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, i) => text === other[i]);
}

export function compareRecords(one: InstanceRecord, other: InstanceRecord): number {
  return compareTexts(one.id, other.id) || compareTexts(one.service, other.service);
}

export function compareTexts(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Whether a name within the zone is this zone's: another zone may lie over it. */
export function isOwn({ world, zone }: Lookup, name: Name): boolean {
  const found = world.zoneOf(name);
  return found === zone || (found !== undefined && sameName(found.name, zone.name));
}
