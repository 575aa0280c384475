/** A group as it lies in etcd: who wrote it, in how many parts, and the commits when they fit. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { ByteWriter } from "../../../records/bytes.ts";
import { HEAD_BYTES, seal, unseal } from "../../../records/sealed.ts";

export interface Envelope {
  /** Made by whoever wrote the group, and never twice. */
  readonly id: string;
  /** The group before it; empty for the first one. */
  readonly after: string;
  /** So many keys hold the commits; 0 when they are here. */
  readonly parts: number;
  readonly body: Buffer;
}

const LENGTH_BYTES = 2;

export function encodeEnvelope({ id, after, parts, body }: Envelope): Buffer {
  const out = new ByteWriter();
  out.clear(HEAD_BYTES);
  out.string(id);
  out.string(after);
  out.count(parts);
  const head = seal(out.bytes());
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(head.length);
  return Buffer.concat([length, head, body]);
}

export function decodeEnvelope(bytes: Buffer): Outcome<Envelope> {
  const start = LENGTH_BYTES;
  const end = start + (bytes.length < start ? 0 : bytes.readUInt16BE(0));
  if (end > bytes.length) return refuse("invalid", "a group ends too early");
  const head = unseal(bytes, start, end, "the head of a group", (input) => ({
    id: input.ownString(),
    after: input.ownString(),
    parts: input.count(),
  }));
  return head.ok ? ok({ ...head.value, body: bytes.subarray(end) }) : head;
}
