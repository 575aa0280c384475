/** The TSIG record off the wire: RFC 8945 §4.2. */
import type { Name, Tsig } from "./message.ts";
import { type Cursor, readName } from "./name.ts";

/** Reads the data of a TSIG record, `length` bytes at the cursor. `offset`: of the record in the packet. */
export function readTsig(cursor: Cursor, length: number, key: Name, offset: number): Tsig | undefined {
  const { packet } = cursor;
  const end = cursor.at + length;
  const algorithm = readName(cursor);
  let at = cursor.at;
  if (algorithm === undefined || at + 10 > end) return undefined;
  const timeS = packet.readUIntBE(at, 6);
  const fudgeS = packet.readUInt16BE(at + 6);
  const macStart = at + 10;
  at = macStart + packet.readUInt16BE(at + 8);
  if (at + 6 > end) return undefined;
  const mac = packet.toString("latin1", macStart, at);
  const otherStart = at + 6;
  if (otherStart + packet.readUInt16BE(at + 4) !== end) return undefined;
  cursor.at = end;
  return {
    key,
    algorithm,
    timeS,
    fudgeS,
    mac,
    originalId: packet.readUInt16BE(at),
    error: packet.readUInt16BE(at + 2),
    other: packet.toString("latin1", otherStart, end),
    offset,
  };
}
