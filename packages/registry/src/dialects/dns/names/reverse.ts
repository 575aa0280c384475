/** Addresses as names: `in-addr.arpa.` (RFC 1035 §3.5) and `ip6.arpa.` (RFC 3596 §2.5). */
import { readAddress } from "../wire/address.ts";
import { type Name, type Question, RCODE, type Resource, TYPE } from "../wire/message.ts";
import { lowerLabel } from "../wire/name.ts";
import { toResource } from "../wire/record.ts";
import type { AccountZone, World, Zone } from "../zone/model.ts";
import { authorityOf } from "./authority.ts";
import { compareTexts, type Group, groupWith, isHealthy, openLookup, zoneOfAccount } from "./native/group.ts";
import { addressName } from "./native/records.ts";
import { ABSENT, type Dependency, NO_RECORDS, negative, positive, present, type Reply, replyTo } from "./reply.ts";

type ReverseZone = Extract<Zone, { kind: "reverse" }>;

/** Nobody reads on: an address with more instances is a host's, and any of its names will do. */
const POINTERS_MAX = 16;
/** How many instances are looked at for them. */
const LOOKED_AT_MAX = 1000;

/** Undefined when the address is in none of the networks that we answer for. */
export function resolveReverse(question: Question, zone: ReverseZone, world: World): Reply | undefined {
  const { name, type } = question;
  const isSix = lowerLabel(zone.name[0] ?? "") === "ip6";
  const digits = name.slice(0, name.length - zone.name.length).map(lowerLabel);
  const bytes = isSix ? toSixBytes(digits) : toFourBytes(digits);
  if (bytes === undefined || digits.length === 0) return undefined;
  // Of a part of an address its lowest one tells whose it is.
  const address = readAddress(bytes, 0, isSix ? 16 : 4);
  const bits = world.settings.reverse.bitsOf(address);
  if (bits === undefined) return undefined;
  const depth = depthOf(bits, isSix);
  // Above the network: what else is there is none of ours.
  if (digits.length < depth) return undefined;
  const dependencies: Dependency[] = [{ on: "all", revision: world.view.revision }];
  const authority = authorityOf(zone, world, name.slice(digits.length - depth));
  if (digits.length === depth && type === TYPE.SOA) return positive([authority], [], dependencies);
  // Names below a part of an address may exist: it is there (RFC 8020).
  if (digits.length < (isSix ? 32 : 4)) return negative(RCODE.NOERROR, authority, dependencies);
  const pointers = pointersOf(address, name, world);
  const records = type === TYPE.PTR ? { answers: pointers ?? [], additional: [] } : NO_RECORDS;
  const presence = pointers === undefined ? ABSENT : present(records);
  return replyTo(question, presence, { authority: () => authority, ttlS: world.settings.ttlS }, dependencies);
}

/**
 * How many labels the zone of a network has, whose SOA negative answers carry: as many as the network fills, or as it
 * begins in; no more than an IPv4 /24 or an IPv6 /64 has, and one at least.
 */
function depthOf(bits: number, isSix: boolean): number {
  const depth = isSix ? Math.min(16, Math.ceil(bits / 4)) : Math.min(3, Math.ceil(bits / 8));
  return Math.max(1, depth);
}

/** Names of the instances at the address; healthy ones, unless there is none. Undefined without any instance. */
function pointersOf(address: string, owner: Name, world: World): readonly Resource[] | undefined {
  const found = world.index.at(address).slice(0, LOOKED_AT_MAX);
  if (found.length === 0) return undefined;
  const healthy = found.filter(({ record }) => isHealthy(record));
  const targets = new Map<string, Name>();
  const places = new Map<string, { readonly zone: AccountZone | undefined; readonly group: Group | undefined }>();
  for (const { account, record } of healthy.length > 0 ? healthy : found) {
    const key = `${account}/${record.service}`;
    let place = places.get(key);
    if (place === undefined) {
      if (places.size >= POINTERS_MAX) break;
      const zone = zoneOfAccount(account, world);
      place = { zone, group: zone && groupWith(openLookup(world, zone), record.service) };
      places.set(key, place);
    }
    // The same that SRV points at.
    const target = place.group?.ownName(record) ?? (place.zone && addressName(address, place.zone.name));
    if (target !== undefined) targets.set(target.join("."), target);
    if (targets.size >= POINTERS_MAX) break;
  }
  return [...targets]
    .sort(([one], [other]) => compareTexts(one, other))
    .map(([, target]) => toResource(owner, TYPE.PTR, world.settings.ttlS, { kind: "name", target }));
}

function toFourBytes(digits: readonly string[]): Buffer | undefined {
  if (digits.length > 4) return undefined;
  const bytes = Buffer.alloc(4);
  for (const [i, digit] of [...digits].reverse().entries()) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(digit) || Number(digit) > 255) return undefined;
    bytes[i] = Number(digit);
  }
  return bytes;
}

function toSixBytes(digits: readonly string[]): Buffer | undefined {
  if (digits.length > 32 || !digits.every((digit) => /^[0-9a-f]$/.test(digit))) return undefined;
  return Buffer.from([...digits].reverse().join("").padEnd(32, "0"), "hex");
}
