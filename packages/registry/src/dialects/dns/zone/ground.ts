/**
 * The world that a command is decided in: the catalog as the facts have it, laid on what lookups need besides, which is
 * plain data.
 */
import {
  type Account,
  type AccountFacts,
  type Facts,
  fromBytes,
  type InstanceRecord,
  type Revision,
} from "../../../core/index.ts";
import type { NameSource } from "../../contract.ts";
import { isLabel, matchLabel, toExactLabel } from "../labels/text.ts";
import type { Networks } from "../settings/model.ts";
import type { Name } from "../wire/message.ts";
import { keyOf } from "../wire/name.ts";
import { serialOf } from "../wire/serial.ts";
import { cutsRevision } from "./cuts.ts";
import { staticRevision } from "./file.ts";
import type { AccountZone, Index, PlainZone, Shown, World, Zone } from "./model.ts";
import { shapeRevision } from "./shape.ts";

/** What lookups need besides the catalog, as it was when the catalog was at `revision`. */
export interface Ground {
  readonly settings: Omit<Shown, "reverse">;
  readonly addresses: readonly string[];
  readonly zones: { readonly byKey: ReadonlyMap<string, PlainZone>; readonly cuts: ReadonlyMap<string, Revision> };
  /** By account and label, the services whose names are not labels as they stand; all of that revision, and perhaps more. */
  readonly odd: ReadonlyMap<Account, ReadonlyMap<string, readonly string[]>>;
  /** By account, then by service, the instances that lapsed a moment ago. */
  readonly lapsed: ReadonlyMap<Account, ReadonlyMap<string, readonly InstanceRecord[]>>;
  readonly revision: Revision;
}

/** Addresses have no names in it: reverse zones hold nothing that an account's zone rests on. */
const NOWHERE: Networks = { isEmpty: true, has: () => false, bitsOf: () => undefined };

export function groundWorld(facts: Facts, ground: Ground, names: readonly NameSource[]): World {
  const { settings, addresses, zones } = ground;
  const toZone = (zone: PlainZone): Zone | undefined => {
    if (zone.kind !== "source") return zone;
    const source = names.find(({ dialect }) => dialect === zone.dialect);
    return source && { ...zone, source };
  };
  const shown = { ...settings, reverse: NOWHERE };
  return {
    view: facts,
    index: groundIndex(facts, ground),
    settings: shown,
    addresses,
    zoneOf: (name) => {
      const zone = findLongest(zones.byKey, name);
      return zone && toZone(zone);
    },
    zones: () => [...zones.byKey.values()].flatMap((zone) => (zone.kind === "reverse" ? [] : (toZone(zone) ?? []))),
    serialOf: (zone) => serialIn(zone, facts, shown, (name) => zones.cuts.get(keyOf(name)) ?? 0),
  };
}

function groundIndex(facts: Facts, { odd, lapsed, revision }: Ground): Index {
  const fresh = new Map<Account, readonly string[]>();
  return {
    services: (account, label) => {
      const found = facts.account(account);
      const names = new Set(odd.get(account)?.get(label));
      let changed = fresh.get(account);
      if (changed === undefined) {
        changed = [...oddAfter(found, revision)];
        fresh.set(account, changed);
      }
      for (const name of changed) if (matchLabel(name, label) > 0) names.add(name);
      const text = fromBytes(label);
      const known = found?.service(text) !== undefined && toExactLabel(text) === label;
      names.delete(text);
      return known ? [text, ...[...names].sort()] : [...names].sort();
    },
    at: () => [],
    lapsed: (account, service) => lapsed.get(account)?.get(service) ?? [],
    lapsedServices: (account) => [...(lapsed.get(account)?.keys() ?? [])].sort(),
  };
}

function* oddAfter(account: AccountFacts | undefined, revision: Revision): Iterable<string> {
  for (const name of account?.changedServices(revision) ?? []) if (!isLabel(name)) yield name;
}

/** The zone with the longest name that the name is in. */
export function findLongest<Z>(zones: ReadonlyMap<string, Z>, name: Name): Z | undefined {
  for (let from = 0; from <= name.length; from++) {
    const zone = zones.get(keyOf(from === 0 ? name : name.slice(from)));
    if (zone !== undefined) return zone;
  }
  return undefined;
}

/**
 * The serial of an account's zone is the latest revision of its catalog, of the zone file of its name, of the zones
 * below it (`cutAt`: found but not remembered yet), and of the shape of all zones: it only grows. A zone file alone has the serial that its author
 * wrote.
 */
export function serialIn(
  zone: Zone,
  facts: Facts,
  settings: Pick<Shown, "files">,
  cutAt: (zone: Name) => Revision,
): number {
  switch (zone.kind) {
    case "file":
      return serialOf(zone.file.authority);
    case "reverse":
      return toSerial(facts.revision);
    case "source":
      return toSerial(facts.account(zone.account)?.catalogRevision ?? 0);
    case "account": {
      const catalog = facts.account(zone.account)?.catalogRevision ?? 0;
      const file = fileRevision(facts, settings, zone);
      const cuts = Math.max(cutAt(zone.name), cutsRevision(facts, zone.name));
      return toSerial(Math.max(catalog, file, cuts, shapeRevision(facts)));
    }
  }
}

/** The revision at which a zone file of this name last changed, in whichever account its instances are. */
function fileRevision(facts: Facts, { files }: Pick<Shown, "files">, { account, name }: AccountZone): Revision {
  let revision = staticRevision(facts, account, name);
  for (const file of files)
    if (file.account !== account) revision = Math.max(revision, staticRevision(facts, file.account, name));
  return revision;
}

const SERIALS = 2 ** 32 - 1;

/** A serial has 32 bits (RFC 1982). Some secondaries take serial 0 for "unknown", so revision 0 has serial 1. */
function toSerial(revision: number): number {
  return (revision % SERIALS) + 1;
}
