/** An event as clients get it. */
import type { NodeEvent } from "../nodes/tree.ts";
import { EVENT_XID } from "../wire/codes.ts";
import { Writer } from "../wire/jute.ts";

/** The client is connected, as it always is when it hears of something. */
const CONNECTED = 3;
/** All but the path. */
const HEAD_BYTES = 32;

export function encodeEvent({ type, path, revision }: Omit<NodeEvent, "acl">): Buffer {
  const writer = new Writer(HEAD_BYTES + path.length).begin();
  writer.int(EVENT_XID).long(revision).int(0);
  return writer.int(type).int(CONNECTED).bytes(path).end().all();
}
