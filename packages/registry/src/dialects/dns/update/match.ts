/** Which instance a record of an UPDATE is about, and what it tells of the instance. */
import { fromBytes, type Instance, isLegalName, UNSAID } from "../../../core/index.ts";
import { toSpot } from "../labels/address.ts";
import { fromStrings, type Notes, PRIORITY_META, priorityOf, toStrings } from "../labels/meta.ts";
import { matchLabel } from "../labels/text.ts";
import { fromSrvWeight, WEIGHT_DEFAULT } from "../labels/weight.ts";
import { portOf } from "../names/native/records.ts";
import { type Data, type Name, type Resource, TYPE } from "../wire/message.ts";
import { isWithin, keyOf, lowerLabel, sameName } from "../wire/name.ts";
import type { Zone } from "../zone/model.ts";
import { addressOf, meaningOf } from "./meaning.ts";

export type ServiceData = Extract<Data, { kind: "service" }>;

/** The name as the address of an instance; undefined when it is not the name of a host. */
export function toHostname(name: Name): string | undefined {
  const text = fromBytes(keyOf(name));
  return toSpot(text)?.type === TYPE.CNAME ? text : undefined;
}

/** The ids that an instance with this SRV record may have, the shortest first. */
export function idsOf(data: ServiceData, zone: Zone): readonly string[] {
  const { target, port } = data;
  if (!isWithin(target, zone.name) || target.length === zone.name.length) {
    return [`${fromBytes(keyOf(target))}:${port}`];
  }
  const id = fromBytes(lowerLabel(target[0]!));
  return [id, `${id}:${port}`];
}

/** Whether target and port of the SRV record are those of the instance. */
export function isServedBy(instance: Instance, data: ServiceData, zone: Zone): boolean {
  if (portOf(instance.ports, undefined) !== data.port) return false;
  const { target } = data;
  if (isWithin(target, zone.name) && target.length > zone.name.length) {
    const meaning = meaningOf(target, zone.name);
    if (meaning.kind === "own") {
      return matchLabel(instance.service, meaning.service) > 0 && matchLabel(instance.id, lowerLabel(meaning.id)) > 0;
    }
    const address = addressOf(target, zone.name);
    if (address !== undefined) return toAddress(instance.address) === address;
  }
  if (idsOf(data, zone).some((id) => matchLabel(instance.id, id) === 2 || instance.id === id)) return true;
  const spot = toSpot(instance.address);
  return spot?.type === TYPE.CNAME && sameName(spot.host, target);
}

/** An address in the form in which addresses compare; another text as it is. */
export function toAddress(text: string): string {
  const spot = toSpot(text);
  return spot === undefined || spot.type === TYPE.CNAME ? text : spot.address;
}

/**
 * Whether priority and weight of the record are the instance's. The weight may be the one that was written or the scaled
 * one that we answer; 0 means "no choice" (RFC 2782) and is any weight.
 */
export function hasNumbers(instance: Instance, data: ServiceData, shown: readonly Resource[]): boolean {
  if (data.priority !== priorityOf(instance.meta)) return false;
  if (data.weight === 0 || fromSrvWeight(data.weight) === instance.weight) return true;
  return shown.some(
    ({ data: other }) =>
      other.kind === "service" &&
      other.port === data.port &&
      other.weight === data.weight &&
      sameName(other.target, data.target),
  );
}

export function withPriority(meta: Instance["meta"], priority: number): Instance["meta"] {
  const { [PRIORITY_META]: _, ...rest } = meta;
  return priority === 0 ? rest : { ...rest, [PRIORITY_META]: String(priority) };
}

/** The meta without what TXT records show. */
export function withoutTexts(meta: Instance["meta"], notes: Notes): Instance["meta"] {
  return Object.fromEntries(Object.entries(meta).filter(([key]) => notes.test(key)));
}

/** The meta that a TXT record gives. */
export function textsOf({ data }: Resource, notes: Notes): ReadonlyMap<string, string> {
  return fromStrings(data.kind === "text" ? data.strings : [], notes);
}

export function withTexts(meta: Instance["meta"], pairs: ReadonlyMap<string, string>): Instance["meta"] {
  return { ...meta, ...Object.fromEntries(pairs) };
}

/** Whether the record is the instance's TXT record. */
export function hasTexts(instance: Instance, record: Resource, notes: Notes): boolean {
  const pairs = textsOf(record, notes);
  const [one, other] = [toStrings(instance.meta, notes), toStrings(Object.fromEntries(pairs), notes)];
  return one.length === other.length && one.every((string, i) => string === other[i]);
}

/** Whether the catalog takes a service or an instance of this name. */
export function isNameable(text: string, lengthMax?: number): boolean {
  // A name with bytes that are not UTF-8 would not be found again.
  return isLegalName(text, lengthMax) && text !== "*" && !text.includes("\ufffd");
}

/** Whether records of this type show the address of the instance. */
export function isAddressOf(instance: Instance, type: number): boolean {
  const address = toAddress(instance.address);
  if (!/^[\d.]+$|:/.test(address)) return false;
  return address.includes(":") === (type === TYPE.AAAA);
}

export function isAt(instance: Instance, data: Resource["data"]): boolean {
  return data.kind === "address" && toAddress(instance.address) === data.address;
}

/** A new instance of which only the name is known. */
export function toFresh(service: string, id: string): Instance {
  return { ...UNSAID, service, id, address: "", weight: WEIGHT_DEFAULT, via: "dns" };
}
