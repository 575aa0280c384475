/**
 * Names in an account's zone, read from the zone leftwards:
 *
 *     <qualifiers>.<service>                    A, AAAA, SRV, TXT
 *     _<port>._tcp.<qualifiers>.<service>       SRV of a named port
 *     _<service>._tcp, and names below it       discovery.ts
 *     <address>.addr, ns                        addresses by themselves
 */
import type { Bytes, InstanceRecord } from "../../../../core/index.ts";
import { fromAddressLabel } from "../../labels/address.ts";
import { type Name, TYPE } from "../../wire/message.ts";
import { lowerLabel } from "../../wire/name.ts";
import { fileHas } from "../../zone/file.ts";
import { addressRecords, authorityOf, hasServerLabel, SERVER_LABEL, serverAddresses, serversOf } from "../authority.ts";
import { ABSENT, BARE, NO_RECORDS, type Presence, present, type Records } from "../reply.ts";
import { answerBelowProtocol, isProtocol, speaks } from "./discovery.ts";
import { dependOnCatalog, type Group, type Lookup, openGroup } from "./group.ts";
import { narrow } from "./qualifiers.ts";
import { portOf, renderAddresses, renderServices, renderTexts } from "./records.ts";

/** What the catalog has at a name within the zone; for ANY only whether the name exists. */
export function answerNative(look: Lookup, owner: Name, type: number): Presence {
  const { world, zone } = look;
  const labels = owner.slice(0, owner.length - zone.name.length).map(lowerLabel);
  const last = labels.at(-1);
  if (last === undefined) return answerApex(look, owner, type);
  if (labels.length === 1 && last === SERVER_LABEL && isServer(look, owner))
    return present({ answers: serverAddresses(owner, type, world), additional: [] });
  if (isProtocol(last)) return answerBelowProtocol(look, labels, owner, type);
  if (last === "addr") {
    const address = labels.length === 2 ? fromAddressLabel(labels[0] as Bytes) : undefined;
    if (address !== undefined)
      return present({ answers: addressRecords(owner, type, [address], world.settings.ttlS), additional: [] });
    const answer = answerService(look, labels, owner, type);
    return answer.exists || labels.length > 1 ? answer : BARE;
  }
  return answerService(look, labels, owner, type);
}

/** Whether this `ns` name is the server's: not when the server has other names, or a zone file has this one. */
export function isServer({ world, zone }: Lookup, name: Name): boolean {
  return hasServerLabel(world) && (zone.file === undefined || !fileHas(zone.file, name));
}

function answerApex(look: Lookup, owner: Name, type: number): Presence {
  const { world, zone } = look;
  // Only `World` knows what the serial depends on.
  if (type === TYPE.SOA) look.dependencies.push({ on: "all", revision: world.view.revision });
  else if (type !== TYPE.NS) dependOnCatalog(look);
  if (type === TYPE.SOA) return present({ answers: [authorityOf(zone, world, owner)], additional: [] });
  if (type !== TYPE.NS) return BARE;
  return present(serversOf(zone, world, owner));
}

function answerService(look: Lookup, labels: readonly Bytes[], owner: Name, type: number): Presence {
  const [first = "", second] = labels;
  if (labels.length > 2 && first.startsWith("_") && isProtocol(second)) {
    return answerPort(look, labels, owner, type);
  }
  if (labels.length > 1 && isProtocol(first)) return answerAbovePorts(look, labels);
  const found = find(look, labels);
  if (found === undefined) return ABSENT;
  const { group, records } = found;
  return records === "bare" ? BARE : present(renderHost(look, group, group.shown(records), owner, type));
}

/** The service that stands last in the labels, and the instances that the qualifiers left of it leave. */
function find(
  look: Lookup,
  labels: readonly Bytes[],
): { readonly group: Group; readonly records: readonly InstanceRecord[] | "bare" } | undefined {
  const group = openGroup(look, labels.at(-1) as Bytes);
  if (group === undefined) return undefined;
  // The service is empty for the moment: with NXDOMAIN for names below it clients would forget them.
  if (group.members.length === 0) return { group, records: "bare" };
  const records = narrow(group.roster, labels.slice(0, -1));
  return records === "none" ? undefined : { group, records };
}

/** The records of a name that stands for instances. */
export function renderHost(
  look: Lookup,
  group: Group,
  shown: readonly InstanceRecord[],
  owner: Name,
  type: number,
): Records {
  const { ttlS } = look.world.settings;
  switch (type) {
    case TYPE.A:
    case TYPE.AAAA:
    case TYPE.CNAME:
      return renderAddresses(shown, owner, type, ttlS);
    case TYPE.SRV:
      return renderServices(look, group, shown, owner, undefined);
    case TYPE.TXT:
      return renderTexts(shown, owner, look.world.settings);
    default:
      return NO_RECORDS;
  }
}

/** `_<port>._tcp.<service>`. */
function answerPort(look: Lookup, labels: readonly Bytes[], owner: Name, type: number): Presence {
  const port = (labels[0] as Bytes).slice(1);
  const protocol = labels[1];
  const found = find(look, labels.slice(2));
  if (found === undefined || !isProtocol(protocol)) return ABSENT;
  const { group, records } = found;
  if (records === "bare") return group.members.length === 0 ? BARE : ABSENT;
  const open = records.filter((record) => speaks(record, protocol) && portOf(record.ports, port) !== undefined);
  if (open.length === 0) return ABSENT;
  return type === TYPE.SRV ? present(renderServices(look, group, group.shown(open), owner, port)) : BARE;
}

/** `_tcp.<service>`: named ports are below it. */
function answerAbovePorts(look: Lookup, labels: readonly Bytes[]): Presence {
  const protocol = labels[0];
  const found = find(look, labels.slice(1));
  if (found === undefined || !isProtocol(protocol)) return ABSENT;
  const { group, records } = found;
  if (records === "bare") return group.members.length === 0 ? BARE : ABSENT;
  return records.some((record) => speaks(record, protocol) && Object.keys(record.ports).length > 0) ? BARE : ABSENT;
}
