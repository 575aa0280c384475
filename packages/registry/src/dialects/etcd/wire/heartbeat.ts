/** Messages of the stream that keeps leases alive. */
import type { LeaseId } from "../../../core/index.ts";
import { type Header, headerSize, writeHeader } from "./header.ts";
import { toLong } from "./lease-id.ts";
import type { Reader } from "./reader.ts";
import { longSize, numberSize, Writer } from "./writer.ts";

export function readKeepAlive(reader: Reader): LeaseId {
  let lease: LeaseId = "0";
  while (reader.next())
    if (reader.field === 1) lease = reader.decimal();
    else reader.skip();
  return lease;
}

/** `ttlS`: 0 where there is no such lease. */
export function writeKeptAlive(header: Header, lease: LeaseId, ttlS: number): Buffer {
  const id = toLong(lease);
  const writer = new Writer(headerSize(header) + longSize(id) + numberSize(ttlS));
  writeHeader(writer, header);
  return writer.long(2, id).number(3, ttlS).end();
}
