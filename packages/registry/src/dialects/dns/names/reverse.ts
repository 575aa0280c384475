/** Addresses as names: `in-addr.arpa.` (RFC 1035 §3.5) and `ip6.arpa.` (RFC 3596 §2.5). */
import { readAddress } from "../wire/address.ts";
import { type Name, type Question, RCODE, type Resource, TYPE } from "../wire/message.ts";
import { lowerLabel } from "../wire/name.ts";
import { toResource } from "../wire/record.ts";
import type { AccountZone, World, Zone } from "../zone/model.ts";
import { authorityOf, serversOf } from "./authority.ts";
import { compareTexts, type Group, groupWith, isHealthy, openLookup, zoneOfAccount } from "./native/group.ts";
import { addressName } from "./native/records.ts";
import { ABSENT, type Dependency, NO_RECORDS, negative, positive, present, type Reply, replyTo } from "./reply.ts";

type ReverseZone = Extract<Zone, { kind: "reverse" }>;

/** An address with more instances is a host's, and any of its names will do. */
const POINTERS_MAX = 16;
/** Instances that are looked at, at most. */
const LOOKED_AT_MAX = 1000;

/** A name in a reverse zone. */
interface Place {
  /** In lower case, from the left; of a part of an address fewer than of a whole one. */
  readonly digits: readonly string[];
  readonly isWhole: boolean;
  readonly address: string;
  /** Digits of the network that it belongs to. */
  readonly depth: number;
}

/** Undefined when the address is in none of the networks that we answer for. */
function placeOf(name: Name, zone: ReverseZone, { settings }: Pick<World, "settings">): Place | undefined {
  const isSix = lowerLabel(zone.name[0] ?? "") === "ip6";
  const digits = name.slice(0, name.length - zone.name.length).map(lowerLabel);
  const bytes = isSix ? toSixBytes(digits) : toFourBytes(digits);
  if (bytes === undefined || digits.length === 0) return undefined;
  // A part of an address belongs to the network of the lowest address with that part.
  const address = readAddress(bytes, 0, isSix ? 16 : 4);
  const bits = settings.reverse.bitsOf(address);
  if (bits === undefined) return undefined;
  const depth = depthOf(bits, isSix);
  // Names above the network are not ours.
  return digits.length < depth ? undefined : { digits, isWhole: digits.length === (isSix ? 32 : 4), address, depth };
}

/** Whether the answer rests on who is at an address. */
export function asksForAddress(name: Name, zone: Zone | undefined, world: World): boolean {
  return zone?.kind === "reverse" && placeOf(name, zone, world)?.isWhole === true;
}

/** Undefined when the address is in none of the networks that we answer for. */
export function resolveReverse(question: Question, zone: ReverseZone, world: World): Reply | undefined {
  const { name, type } = question;
  const place = placeOf(name, zone, world);
  if (place === undefined) return undefined;
  const { digits, isWhole, address, depth } = place;
  const dependencies: Dependency[] = [{ on: "all", revision: world.view.revision }];
  const authority = authorityOf(zone, world, name.slice(digits.length - depth));
  if (digits.length === depth && type === TYPE.SOA) return positive([authority], [], dependencies);
  if (digits.length === depth && type === TYPE.NS) {
    const { answers, additional } = serversOf(zone, world, authority.name);
    return positive(answers, additional, dependencies);
  }
  // A part of an address exists, as names below it may exist (RFC 8020).
  if (!isWhole) return negative(RCODE.NOERROR, authority, dependencies);
  const pointers = pointersOf(address, name, world);
  const records = type === TYPE.PTR ? { answers: pointers ?? [], additional: [] } : NO_RECORDS;
  const presence = pointers === undefined ? ABSENT : present(records);
  const reply = replyTo(question, presence, { authority: () => authority, ttlS: world.settings.ttlS }, dependencies);
  return pointers === undefined ? { ...reply, isOthers: true } : reply;
}

/**
 * The number of labels of a network's zone, whose SOA negative answers carry: the labels that the network fills or begins
 * in, at least one, at most those of an IPv4 /24 or an IPv6 /64.
 */
function depthOf(bits: number, isSix: boolean): number {
  const depth = isSix ? Math.min(16, Math.ceil(bits / 4)) : Math.min(3, Math.ceil(bits / 8));
  return Math.max(1, depth);
}

/** PTR to the healthy instances at the address, or to all if none is healthy; undefined when there is no instance. */
function pointersOf(address: string, owner: Name, world: World): readonly Resource[] | undefined {
  const found = world.index.at(address).slice(0, LOOKED_AT_MAX);
  if (found.length === 0) return undefined;
  const healthy = found.filter(({ record }) => isHealthy(record));
  const targets = new Map<string, Name>();
  const services = new Map<string, { readonly zone: AccountZone | undefined; readonly group: Group | undefined }>();
  for (const { account, record } of healthy.length > 0 ? healthy : found) {
    const key = `${account}/${record.service}`;
    let service = services.get(key);
    if (service === undefined) {
      if (services.size >= POINTERS_MAX) break;
      const zone = zoneOfAccount(account, world);
      service = { zone, group: zone && groupWith(openLookup(world, zone), record.service) };
      services.set(key, service);
    }
    // The name that SRV records point at.
    const target = service.group?.ownName(record) ?? (service.zone && addressName(address, service.zone.name));
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
