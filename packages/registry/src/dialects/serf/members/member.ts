/** Instances as members of a cluster. */
import { isIP } from "node:net";
import { type InstanceRecord, mainPort, statusOf } from "../../../core/index.ts";
import type { Write } from "../wire/msgpack.ts";

export type MemberStatus = "alive" | "leaving" | "failed" | "left";

export interface Member {
  readonly name: string;
  readonly address: Buffer;
  readonly port: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly status: MemberStatus;
}

/** The dialect, in `via` of what it mirrors, and before the names of its notes in the meta of instances. */
export const VIA = "serf";
export const NOTE = `${VIA}.`;

/** What a node of Serf says that speaks the protocols of 0.9: least, most and current of each. */
const PROTOCOLS = { ProtocolMin: 1, ProtocolMax: 5, ProtocolCur: 2, DelegateMin: 2, DelegateMax: 5, DelegateCur: 5 };

/** An instance that was mirrored has its own name; others are named by their id and service. */
export function nameOf({ via, id, service }: Pick<InstanceRecord, "via" | "id" | "service">): string {
  return via === VIA ? id : `${id}.${service}`;
}

export function toMember(record: InstanceRecord): Member {
  return {
    name: nameOf(record),
    address: toAddress(record.address),
    port: mainPort(record.ports) ?? 0,
    tags: tagsOf(record),
    status: memberStatusOf(record),
  };
}

export function memberStatusOf(record: InstanceRecord): MemberStatus {
  if (record.held !== null) return "failed";
  const status = statusOf(record);
  return status === "critical" ? "failed" : status === "draining" ? "leaving" : "alive";
}

/** Meta and tags, and what Serf has no field for. A tag without a value says "true". */
function tagsOf(record: InstanceRecord): Readonly<Record<string, string>> {
  const meta = Object.entries(record.meta).filter(([name]) => !name.startsWith(NOTE));
  if (record.via === VIA) return Object.fromEntries(meta);
  const tags: Record<string, string> = { role: record.service };
  for (const tag of record.tags) {
    const [name = "", value = "true"] = tag.split(/=(.*)/s);
    tags[name] = value;
  }
  Object.assign(tags, Object.fromEntries(meta), { id: record.id, service: record.service });
  if (record.version !== "") tags.version = record.version;
  if (record.zone !== "") tags.zone = record.zone;
  if (record.address !== "" && isIP(record.address) === 0) tags.address = record.address;
  return tags;
}

/** 4 or 16 bytes; four zeros for a host's name, which stands in the tags. */
export function toAddress(address: string): Buffer {
  const kind = isIP(address);
  if (kind === 4) return Buffer.from(address.split(".").map(Number));
  if (kind !== 6) return Buffer.alloc(4);
  const [head = "", tail] = mapped(address).replace(/%.*/, "").split("::");
  const groups = (text: string | undefined): number[] =>
    text === undefined || text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail)];
  const bytes = Buffer.alloc(16);
  for (const [at, group] of before.entries()) bytes.writeUInt16BE(group, 2 * at);
  for (const [at, group] of after.entries()) bytes.writeUInt16BE(group, 16 - 2 * (after.length - at));
  return bytes;
}

/** An IPv4 address at the end of one of IPv6, in groups. */
function mapped(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a, b, c, d] = parts.slice(0, 4).map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
}

export function fromAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return "";
  // As Go keeps addresses of four bytes.
  if (bytes.subarray(0, 12).equals(V4_IN_V6)) return bytes.subarray(12).join(".");
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

const V4_IN_V6 = Buffer.from("00000000000000000000ffff", "hex");

export function toWire({ name, address, port, tags, status }: Member): Write {
  return { Addr: address, Name: name, Port: port, ...PROTOCOLS, Status: status, Tags: tags };
}
