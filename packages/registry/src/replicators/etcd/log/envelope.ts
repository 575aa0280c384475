/** A group as it lies in etcd: who wrote it, for whom, in how many parts, and the commits when they fit. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { type ByteReader, ByteWriter } from "../../../records/bytes.ts";
import { HEAD_BYTES, seal, unseal } from "../../../records/sealed.ts";

/** A commit that was decided for another node: so that this one learns of it whatever becomes of the answer. */
export interface Sent {
  /** Its place in the group. */
  readonly at: number;
  /** A word for the node's process, never used again, and the number that it gave to the command. */
  readonly session: string;
  readonly number: number;
  /** As in peers/messages.ts; undefined when it is too long. */
  readonly sketch: string | undefined;
}

export interface Envelope {
  /** Made by whoever wrote the group, and never twice. */
  readonly id: string;
  /** The group before it; empty for the first one. */
  readonly after: string;
  /** So many keys hold the commits; 0 when they are here. */
  readonly parts: number;
  readonly sent: readonly Sent[];
  readonly body: Buffer;
}

const LENGTH_BYTES = 2;
/** Of one, and of all in a group: the head has up to 64 KiB, of which 4096 commits take 40 without any. */
const SKETCH_BYTES_MAX = 2048;
const SKETCHES_BYTES_MAX = 16 * 1024;

/** Leaves out sketches that are too long for the head of a group. */
export function bounded(sent: readonly Sent[]): readonly Sent[] {
  let bytes = 0;
  return sent.map((one) => {
    // A character takes two bytes at most.
    const more = (one.sketch?.length ?? 0) * 2;
    if (more > SKETCH_BYTES_MAX || bytes + more > SKETCHES_BYTES_MAX) return { ...one, sketch: undefined };
    bytes += more;
    return one;
  });
}

export function encodeEnvelope({ id, after, parts, sent, body }: Envelope): Buffer {
  const out = new ByteWriter();
  out.clear(HEAD_BYTES);
  out.string(id);
  out.string(after);
  out.count(parts);
  // What an older version does not know it does not find in groups of its own alone.
  if (sent.length > 0) writeSent(out, sent);
  const head = seal(out.bytes());
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(head.length);
  return Buffer.concat([length, head, body]);
}

const WITH_SKETCH = 0;
const WITHOUT_SKETCH = 1;
/** The changes of the commit are the result. */
const PLAIN = 2;

function writeSent(out: ByteWriter, sent: readonly Sent[]): void {
  const sessions = [...new Set(sent.map(({ session }) => session))];
  out.count(sessions.length);
  for (const session of sessions) out.string(session);
  out.count(sent.length);
  let next = 0;
  for (const { at, session, number, sketch } of sent) {
    out.count(at - next);
    next = at + 1;
    out.count(sessions.indexOf(session));
    out.count(number);
    out.byte(sketch === undefined ? WITHOUT_SKETCH : sketch === "" ? PLAIN : WITH_SKETCH);
    if (sketch !== undefined && sketch !== "") out.string(sketch);
  }
}

function readSent(input: ByteReader): readonly Sent[] {
  const sessions = Array.from({ length: input.size() }, () => input.string());
  const sent: Sent[] = [];
  let next = 0;
  for (let left = input.size(); left > 0; left--) {
    const at = next + input.count();
    next = at + 1;
    const session = sessions[input.count()] ?? "";
    const number = input.count();
    const kind = input.byte();
    const sketch = kind === WITHOUT_SKETCH ? undefined : kind === PLAIN ? "" : input.ownString();
    sent.push({ at, session, number, sketch });
  }
  return sent;
}

export function decodeEnvelope(bytes: Buffer): Outcome<Envelope> {
  const start = LENGTH_BYTES;
  const end = start + (bytes.length < start ? 0 : bytes.readUInt16BE(0));
  if (end > bytes.length) return refuse("invalid", "a group ends too early");
  const head = unseal(bytes, start, end, "the head of a group", (input) => ({
    id: input.ownString(),
    after: input.ownString(),
    parts: input.count(),
    sent: input.atEnd ? [] : readSent(input),
  }));
  return head.ok ? ok({ ...head.value, body: bytes.subarray(end) }) : head;
}
