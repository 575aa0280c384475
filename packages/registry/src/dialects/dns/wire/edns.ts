/** The OPT record of EDNS(0). RFC 6891 §6.1; EXPIRE: RFC 7314; UPDATE-LEASE: RFC 9664. */
import { type Edns, TYPE } from "./message.ts";
import type { Cursor } from "./name.ts";
import type { Writer } from "./writer.ts";

const OPTION = { UPDATE_LEASE: 2, EXPIRE: 9 } as const;
const DNSSEC_OK = 0x8000;

/** Reads the record's data, `length` bytes at the cursor. Undefined when the options are malformed. */
export function readEdns(
  cursor: Cursor,
  length: number,
  udpSize: number,
  ttl: number,
): { readonly edns: Edns; readonly rcodeHigh: number } | undefined {
  const version = (ttl >>> 16) & 0xff;
  const end = cursor.at + length;
  // Another version may have options of another form; its answer is BADVERS anyway.
  const options = version === 0 ? readOptions(cursor, end) : {};
  cursor.at = end;
  if (options === undefined) return undefined;
  return { edns: { version, udpSize, dnssecOk: (ttl & DNSSEC_OK) !== 0, ...options }, rcodeHigh: ttl >>> 24 };
}

type Options = Pick<Edns, "expire" | "expireS" | "leaseS" | "keyLeaseS">;

function readOptions({ packet, at }: Cursor, end: number): Options | undefined {
  const options: { -readonly [K in keyof Options]: Options[K] } = {};
  while (at < end) {
    if (at + 4 > end) return undefined;
    const code = packet.readUInt16BE(at);
    const length = packet.readUInt16BE(at + 2);
    at += 4;
    if (at + length > end) return undefined;
    if (code === OPTION.EXPIRE) {
      if (length !== 0 && length !== 4) return undefined;
      options.expire = true;
      if (length === 4) options.expireS = packet.readUInt32BE(at);
    } else if (code === OPTION.UPDATE_LEASE) {
      if (length !== 4 && length !== 8) return undefined;
      options.leaseS = packet.readUInt32BE(at);
      if (length === 8) options.keyLeaseS = packet.readUInt32BE(at + 4);
    }
    at += length;
  }
  return options;
}

/** How many bytes `writeEdns` writes. */
export function ednsBytes(edns: Edns): number {
  const expire = edns.expireS !== undefined ? 8 : edns.expire ? 4 : 0;
  const lease = edns.leaseS === undefined ? 0 : edns.keyLeaseS === undefined ? 8 : 12;
  return 11 + expire + lease;
}

/** Writes the record; the upper bits of the rcode stand in it. */
export function writeEdns(writer: Writer, edns: Edns, rcode: number): void {
  writer.u8(0);
  writer.u16(TYPE.OPT);
  writer.u16(edns.udpSize);
  writer.u8(rcode >>> 4);
  writer.u8(edns.version);
  writer.u16(edns.dnssecOk ? DNSSEC_OK : 0);
  const start = writer.open();
  if (edns.expire || edns.expireS !== undefined) {
    writer.u16(OPTION.EXPIRE);
    writer.u16(edns.expireS === undefined ? 0 : 4);
    if (edns.expireS !== undefined) writer.u32(edns.expireS);
  }
  if (edns.leaseS !== undefined) {
    writer.u16(OPTION.UPDATE_LEASE);
    writer.u16(edns.keyLeaseS === undefined ? 4 : 8);
    writer.u32(edns.leaseS);
    if (edns.keyLeaseS !== undefined) writer.u32(edns.keyLeaseS);
  }
  writer.close(start);
}
