/** Applies the edits of an UPDATE to the instances that they are about. */
import { type Bytes, fromBytes, type Instance, LIMITS } from "../../../core/index.ts";
import { fromSrvWeight } from "../labels/weight.ts";
import { speaks } from "../names/native/discovery.ts";
import { portOf } from "../names/native/records.ts";
import { type Data, type Name, RCODE, type Resource, TYPE } from "../wire/message.ts";
import { isWithin, keyOf, lowerLabel } from "../wire/name.ts";
import { sameData } from "../wire/record.ts";
import type { AccountZone, World } from "../zone/model.ts";
import type { Draft } from "./draft.ts";
import type { Edit, NameEdit } from "./edits.ts";
import {
  hasNumbers,
  hasTexts,
  idsOf,
  isAddressOf,
  isAt,
  isNameable,
  isServedBy,
  type ServiceData,
  textsOf,
  toAddress,
  toFresh,
  toHostname,
  withoutTexts,
  withPriority,
  withTexts,
} from "./match.ts";
import { addressOf, type Meaning, meaningOf } from "./meaning.ts";
import { isInUse, recordsAt } from "./prerequisites.ts";

interface Types {
  readonly comes: readonly number[];
  readonly goes: readonly number[];
}

const ADDRESSES = [TYPE.A, TYPE.AAAA] as const;

/** The types that may be added at a name, and deleted. */
const TYPES: Readonly<Record<Meaning["kind"], Types>> = {
  service: { comes: [TYPE.SRV, TYPE.PTR], goes: [TYPE.SRV, TYPE.PTR] },
  named: { comes: [TYPE.SRV, TYPE.TXT], goes: [TYPE.SRV, TYPE.TXT] },
  own: { comes: [...ADDRESSES, TYPE.TXT], goes: [...ADDRESSES, TYPE.TXT, TYPE.SRV] },
  host: { comes: [...ADDRESSES, TYPE.TXT], goes: [...ADDRESSES, TYPE.TXT, TYPE.SRV] },
  browse: { comes: [TYPE.PTR], goes: [TYPE.PTR] },
  other: { comes: [], goes: [] },
};

interface Item {
  readonly at: NameEdit;
  readonly meaning: Meaning;
}

/** Applies one UPDATE. An edit that instances cannot show is refused, and then nothing is done. */
export class Application {
  readonly #draft: Draft;
  readonly #zone: AccountZone;
  readonly #world: World;
  readonly #items: readonly Item[];
  /** Addresses that the update gives to names, by the key of the name. */
  readonly #hosts = new Map<string, string[]>();
  /** Keys of the names that the update's SRV records point at. */
  readonly #targets = new Set<string>();

  constructor(draft: Draft, zone: AccountZone, world: World, edits: ReadonlyMap<string, NameEdit>) {
    this.#draft = draft;
    this.#zone = zone;
    this.#world = world;
    this.#items = [...edits.values()].map((at) => ({ at, meaning: meaningOf(at.name, zone.name) }));
    for (const { at, meaning } of this.#items) {
      for (const type of ADDRESSES)
        for (const { data } of at.types.get(type)?.added.values() ?? [])
          if (data.kind === "address") this.#hosts.set(keyOf(at.name), [...this.#addressesOf(at.name), data.address]);
      if (meaning.kind !== "service" && meaning.kind !== "named") continue;
      for (const { data } of at.types.get(TYPE.SRV)?.added.values() ?? [])
        if (data.kind === "service") this.#targets.add(keyOf(data.target));
    }
  }

  /** The rcode of the first edit that cannot be done; undefined when all edits are in the draft. */
  run(): number | undefined {
    // Removals make room for additions. SRV records come first: addresses and texts belong to what they register.
    const steps = [this.#judge, this.#dropServices, this.#dropHosts, this.#dropTexts] as const;
    const more = [this.#addServices, this.#addHosts, this.#addTexts, this.#checkPointers] as const;
    for (const step of [...steps, ...more])
      for (const item of this.#items) {
        const rcode = step.call(this, item);
        if (rcode !== undefined) return rcode;
        if (this.#draft.stuck) return RCODE.REFUSED;
      }
    return undefined;
  }

  #addressesOf(name: Name): readonly string[] {
    return this.#hosts.get(keyOf(name)) ?? [];
  }

  /** Refuses types and names that no instance can show, and changes of what a zone file has. */
  #judge({ at, meaning }: Item): number | undefined {
    if (this.#world.zoneOf(at.name) !== this.#zone) return RCODE.NOTZONE;
    const { comes, goes } = TYPES[meaning.kind];
    for (const [type, edit] of at.types) {
      if (edit.added.size > 0 && !comes.includes(type)) return RCODE.REFUSED;
      if ((!edit.cleared && edit.removed.size === 0) || goes.includes(type)) continue;
      // To delete a record that is not there is allowed (RFC 2136 §3.4.2.3).
      const gone = recordsAt(at.name, type, this.#world).filter(
        ({ data }) => edit.cleared || isAmong(edit, type, data),
      );
      if (gone.length > 0) return RCODE.REFUSED;
    }
    if (meaning.kind === "other" && at.cleared && isInUse(at.name, this.#zone, this.#world)) return RCODE.REFUSED;
    return this.#isDeletedInFile(at) ? RCODE.REFUSED : undefined;
  }

  #isDeletedInFile(at: NameEdit): boolean {
    const there = this.#zone.file?.owners.get(keyOf(at.name)) ?? [];
    return there.some(({ type, data }) => {
      const edit = at.types.get(type);
      if (edit === undefined) return at.cleared;
      return edit.cleared || isAmong(edit, type, data);
    });
  }

  #dropServices({ at, meaning }: Item): number | undefined {
    if (meaning.kind !== "service" && meaning.kind !== "named") return undefined;
    const gone = this.#goneServices(at);
    if (gone === undefined) return undefined;
    const comes = [...(at.types.get(TYPE.SRV)?.added.values() ?? [])];
    for (const instance of this.#instancesAt(meaning)) {
      const isShown = portOf(instance.ports, undefined) !== undefined;
      // An instance that is removed and added again stays, with all that DNS does not show of it.
      const stays = meaning.kind === "named" ? comes.length > 0 : comes.some((record) => this.#isOf(instance, record));
      if (isShown && !stays && gone(instance)) this.#draft.remove(instance);
    }
    return undefined;
  }

  /** Which instances lose their SRV record; undefined when none can. */
  #goneServices(at: NameEdit): ((instance: Instance) => boolean) | undefined {
    const edit = at.types.get(TYPE.SRV);
    if (edit?.cleared ?? at.cleared) return () => true;
    const removed = [...(edit?.removed.values() ?? [])];
    if (removed.length === 0) return undefined;
    const shown = recordsAt(at.name, TYPE.SRV, this.#world);
    return (instance) =>
      removed.some((record) => this.#isOf(instance, record) && hasNumbers(instance, record.data as ServiceData, shown));
  }

  #isOf(instance: Instance, { data }: Resource): boolean {
    return data.kind === "service" && isServedBy(instance, data, this.#zone);
  }

  /** The instances that a name is about. */
  #instancesAt(meaning: Meaning): Instance[] {
    switch (meaning.kind) {
      case "service":
        return this.#draft
          .services(meaning.service)
          .flatMap((service) => this.#draft.list(service))
          .filter((instance) => speaks(instance, meaning.protocol));
      case "named":
      case "own": {
        const found = this.#draft
          .services(meaning.service)
          .map((service) => this.#draft.find(service, lowerLabel(meaning.id)))
          .filter((instance) => instance !== undefined);
        return meaning.kind === "own" ? found : found.filter((instance) => speaks(instance, meaning.protocol));
      }
      case "host":
        return this.#draft.services(meaning.label).flatMap((service) => this.#draft.list(service));
      default:
        return [];
    }
  }

  /** An instance that is only an address goes with it; one behind an SRV record gets the name of the host instead. */
  #dropHosts({ at, meaning }: Item): number | undefined {
    if (meaning.kind !== "host" && meaning.kind !== "own") return undefined;
    const given = this.#addressesOf(at.name);
    const losesService = this.#goneServices(at);
    const losesAddress = (instance: Instance): boolean =>
      ADDRESSES.some((type) => {
        const edit = at.types.get(type);
        if (edit === undefined || edit.cleared) return (edit?.cleared ?? at.cleared) && isAddressOf(instance, type);
        return [...edit.removed.values()].some(({ data }) => isAt(instance, data));
      });
    for (const instance of this.#instancesAt(meaning)) {
      const stays = meaning.kind === "own" ? given.length > 0 : given.includes(toAddress(instance.address));
      const hasPort = portOf(instance.ports, undefined) !== undefined;
      const gone = at.cleared || losesAddress(instance) || (hasPort && losesService?.(instance) === true);
      if (!stays && gone) this.#draft.remove(instance);
    }
    const host = toHostname(at.name);
    if (meaning.kind === "own" || given.length > 0 || host === undefined) return undefined;
    for (const instance of this.#behind(meaning.label))
      if (losesAddress(instance)) this.#draft.set({ ...instance, address: host });
    return undefined;
  }

  /** Instances that an earlier UPDATE registered by an SRV record with this host as its target. */
  #behind(label: Bytes): Instance[] {
    return this.#draft.withId(fromBytes(label)).filter((instance) => instance.via === "dns");
  }

  /** The instances whose meta is the TXT record at a name. */
  #describedAt(meaning: Meaning): Instance[] {
    if (meaning.kind === "service") return [];
    const found = this.#instancesAt(meaning);
    return found.length === 0 && meaning.kind === "host" ? this.#behind(meaning.label) : found;
  }

  #dropTexts({ at, meaning }: Item): number | undefined {
    const { notes } = this.#world.settings;
    const edit = at.types.get(TYPE.TXT);
    const cleared = edit?.cleared ?? at.cleared;
    const removed = [...(edit?.removed.values() ?? [])];
    if (!cleared && removed.length === 0) return undefined;
    for (const instance of this.#describedAt(meaning)) {
      if (!cleared && !removed.some((record) => hasTexts(instance, record, notes))) continue;
      const meta = withoutTexts(instance.meta, notes);
      if (Object.keys(meta).length < Object.keys(instance.meta).length) this.#draft.set({ ...instance, meta });
    }
    return undefined;
  }

  #addServices({ at, meaning }: Item): number | undefined {
    if (meaning.kind !== "service" && meaning.kind !== "named") return undefined;
    const added = [...(at.types.get(TYPE.SRV)?.added.values() ?? [])];
    const weightless = added.every(({ data }) => data.kind === "service" && data.weight === 0);
    // RFC 6763 §4.1: the name of an instance leads to one target.
    if (meaning.kind === "named" && added.length > 1) return RCODE.REFUSED;
    for (const record of added) {
      const rcode = this.#addService(meaning, record, weightless);
      if (rcode !== undefined) return rcode;
    }
    return undefined;
  }

  #addService(
    meaning: Extract<Meaning, { kind: "service" | "named" }>,
    { data, ttlS }: Resource,
    weightless: boolean,
  ): number | undefined {
    // RFC 2782: the target "." means that there is no such service: then there must be no instance.
    if (data.kind !== "service" || data.target.length === 0 || data.port === 0) return RCODE.REFUSED;
    const service = this.#serviceNamed(meaning.service);
    const before =
      meaning.kind === "named" ? this.#draft.find(service, lowerLabel(meaning.id)) : this.#served(service, data);
    const id = before?.id ?? (meaning.kind === "named" ? fromBytes(meaning.id) : this.#freeId(service, data));
    const address = this.#addressFor(data.target, before);
    if (id === undefined || address === undefined) return RCODE.REFUSED;
    if (!isNameable(service) || !isNameable(id, LIMITS.idLengthMax)) return RCODE.REFUSED;
    const base = before ?? toFresh(service, id);
    const weight = weightless ? base.weight : fromSrvWeight(data.weight);
    const ports = portOf(base.ports, undefined) === data.port ? base.ports : { ...base.ports, default: data.port };
    const isTcp = before !== undefined && speaks(before, "_tcp");
    const protocol = meaning.protocol === "_udp" ? "udp" : isTcp ? before.protocol : "tcp";
    const meta = withPriority(base.meta, data.priority);
    this.#draft.set({ ...base, address, ports, protocol, weight, meta }, ttlS);
    return undefined;
  }

  #serviceNamed(label: Bytes): string {
    return this.#draft.services(label)[0] ?? fromBytes(label);
  }

  /** The instance that this record is about already. */
  #served(service: string, data: ServiceData): Instance | undefined {
    for (const id of idsOf(data, this.#zone)) {
      const same = this.#draft.get(service, id);
      if (same !== undefined && isServedBy(same, data, this.#zone)) return same;
    }
    return this.#draft.list(service).find((instance) => isServedBy(instance, data, this.#zone));
  }

  /** The id of a new instance. Two records with one target and different ports are two instances. */
  #freeId(service: string, data: ServiceData): string | undefined {
    return idsOf(data, this.#zone).find((id) => this.#draft.get(service, id) === undefined);
  }

  /** The address of a target: the one that the update gives, else the zone's, else its name. Two addresses are refused. */
  #addressFor(target: Name, before: Instance | undefined): string | undefined {
    const given = this.#addressesOf(target);
    if (given.length > 0) return given.length === 1 ? given[0] : undefined;
    if (!isWithin(target, this.#zone.name)) return toHostname(target);
    const meaning = meaningOf(target, this.#zone.name);
    if (before !== undefined && meaning.kind === "own") return before.address;
    const named = addressOf(target, this.#zone.name);
    if (named !== undefined) return named;
    for (const type of ADDRESSES)
      for (const { data } of recordsAt(target, type, this.#world)) if (data.kind === "address") return data.address;
    return before?.address ?? toHostname(target);
  }

  #addHosts({ at, meaning }: Item): number | undefined {
    if (meaning.kind !== "host" && meaning.kind !== "own") return undefined;
    const added = ADDRESSES.flatMap((type) => [...(at.types.get(type)?.added.values() ?? [])]);
    if (added.length === 0) return undefined;
    if (meaning.kind === "own") {
      const [instance] = this.#instancesAt(meaning);
      const [record] = added;
      if (added.length > 1 || instance === undefined || record?.data.kind !== "address") return RCODE.REFUSED;
      this.#draft.set({ ...instance, address: record.data.address }, record.ttlS);
      return undefined;
    }
    const behind = this.#behind(meaning.label);
    const isTarget = this.#targets.has(keyOf(at.name));
    const isService = this.#draft.services(meaning.label).some((service) => this.#draft.list(service).length > 0);
    if (behind.length > 0) {
      const [record] = added;
      if (added.length > 1 || record?.data.kind !== "address") return RCODE.REFUSED;
      for (const instance of behind) this.#draft.set({ ...instance, address: record.data.address });
    }
    if (isTarget || (behind.length > 0 && !isService)) return undefined;
    return this.#addAddresses(this.#serviceNamed(meaning.label), added);
  }

  #addAddresses(service: string, added: readonly Resource[]): number | undefined {
    if (!isNameable(service)) return RCODE.REFUSED;
    for (const { data, ttlS } of added) {
      if (data.kind !== "address") return RCODE.REFUSED;
      const before = this.#draft.list(service).find((instance) => toAddress(instance.address) === data.address);
      const fresh = toFresh(service, data.address);
      this.#draft.set(before ?? { ...fresh, address: data.address }, ttlS);
    }
    return undefined;
  }

  #addTexts({ at, meaning }: Item): number | undefined {
    const added = [...(at.types.get(TYPE.TXT)?.added.values() ?? [])];
    if (added.length === 0) return undefined;
    const instances = this.#describedAt(meaning);
    // A text is kept in the meta of an instance, so there must be one.
    if (instances.length === 0) return RCODE.REFUSED;
    for (const record of added) {
      const pairs = textsOf(record, this.#world.settings.notes);
      for (const { service, id } of instances) {
        const instance = this.#draft.get(service, id);
        if (instance !== undefined) this.#draft.set({ ...instance, meta: withTexts(instance.meta, pairs) });
      }
    }
    return undefined;
  }

  /** PTR records of DNS-SD come and go with instances (RFC 6763 §4): edits that agree are taken, others refused. */
  #checkPointers({ at, meaning }: Item): number | undefined {
    const edit = at.types.get(TYPE.PTR);
    if (edit === undefined || (meaning.kind !== "service" && meaning.kind !== "browse")) return undefined;
    for (const { data } of edit.added.values())
      if (data.kind !== "name" || !this.#isThere(data.target, meaning)) return RCODE.REFUSED;
    for (const { data } of edit.removed.values())
      if (data.kind === "name" && this.#isThere(data.target, meaning)) return RCODE.REFUSED;
    if (edit.cleared && edit.added.size === 0 && this.#isListed(at.name, meaning)) return RCODE.REFUSED;
    return undefined;
  }

  #isThere(target: Name, from: Meaning): boolean {
    if (!isWithin(target, this.#zone.name)) return false;
    const meaning = meaningOf(target, this.#zone.name);
    if (meaning.kind !== (from.kind === "browse" ? "service" : "named")) return false;
    if (
      meaning.kind === "named" &&
      from.kind === "service" &&
      (meaning.service !== from.service || meaning.protocol !== from.protocol)
    )
      return false;
    return this.#instancesAt(meaning).length > 0;
  }

  /** Whether a list that the update empties still has instances. */
  #isListed(name: Name, meaning: Meaning): boolean {
    if (meaning.kind === "service") return this.#instancesAt(meaning).length > 0;
    return recordsAt(name, TYPE.PTR, this.#world).some(
      ({ data }) => data.kind === "name" && this.#isThere(data.target, meaning),
    );
  }
}

function isAmong({ removed }: Edit, type: number, data: Data): boolean {
  return [...removed.values()].some((record) => sameData(type, record.data, data));
}
