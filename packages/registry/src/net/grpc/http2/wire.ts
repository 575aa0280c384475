/** Frames of HTTP/2: RFC 9113, sections 4 to 7. What of ours never changes is written once. */
import { OK, type Status, trailersOf } from "../status.ts";
import { HEAD } from "./duct.ts";
import { writeFields } from "./hpack.ts";

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
export const FRAME_HEAD_BYTES = 9;
/** Of what stands behind the head: as much as everybody may send. */
export const FRAME_BYTES_MAX = 16_384;

export const TYPES = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  promise: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  more: 9,
} as const;

export const FLAGS = { end: 1, ack: 1, whole: 4, padded: 8, priority: 32 } as const;

export const ERRORS = {
  none: 0,
  protocol: 1,
  flow: 3,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  compression: 9,
  calm: 11,
} as const;

export type ErrorCode = (typeof ERRORS)[keyof typeof ERRORS];

export const SETTINGS = {
  tableBytes: 1,
  pushes: 2,
  streamsMax: 3,
  windowBytes: 4,
  frameBytesMax: 5,
  listBytesMax: 6,
} as const;

/** The client broke the rules, and its connection ends. */
export class Broken extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode) {
    super(`against the rules of HTTP/2: ${code}`);
    this.code = code;
  }
}

/** Throws a `Broken`. */
export function expect(isRight: boolean, code: ErrorCode = ERRORS.protocol): void {
  if (!isRight) throw new Broken(code);
}

/** What is left of a frame's payload without its padding. */
export function unpad(flags: number, payload: Buffer): Buffer {
  if ((flags & FLAGS.padded) === 0) return payload;
  const padding = payload[0] ?? FRAME_BYTES_MAX;
  expect(padding < payload.length);
  return payload.subarray(1, payload.length - padding);
}

/** Writes a frame's head; returns where what belongs to it begins. */
export function writeHead(to: Buffer, at: number, length: number, type: number, flags: number, stream: number): number {
  to[at] = length >> 16;
  to[at + 1] = length >> 8;
  to[at + 2] = length;
  to[at + 3] = type;
  to[at + 4] = flags;
  to[at + 5] = stream >>> 24;
  to[at + 6] = stream >> 16;
  to[at + 7] = stream >> 8;
  to[at + 8] = stream;
  return at + FRAME_HEAD_BYTES;
}

export function frameOf(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length);
  payload.copy(frame, writeHead(frame, 0, payload.length, type, flags, stream));
  return frame;
}

/** The head of a frame of data; its bytes follow. */
export function dataHead(length: number, stream: number): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  writeHead(head, 0, length, TYPES.data, 0, stream);
  return head;
}

/** A frame that holds one number of four bytes. */
export function numberFrame(type: number, stream: number, number: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(number);
  return frameOf(type, 0, stream, payload);
}

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(6 * settings.length);
  for (const [nth, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, 6 * nth);
    payload.writeUInt32BE(value, 6 * nth + 2);
  }
  return frameOf(TYPES.settings, 0, 0, payload);
}

export function goawayFrame(last: number, code: ErrorCode, said = ""): Buffer {
  const payload = Buffer.alloc(8 + said.length);
  payload.writeUInt32BE(last, 0);
  payload.writeUInt32BE(code, 4);
  payload.write(said, 8, "latin1");
  return frameOf(TYPES.goaway, 0, 0, payload);
}

const HEAD_BLOCK = writeFields(HEAD);
const OK_BLOCK = writeFields(trailersOf(OK));

export function headBlock(encoding: string | undefined): Buffer {
  return encoding === undefined ? HEAD_BLOCK : writeFields({ ...HEAD, "grpc-encoding": encoding });
}

export function endBlock(status: Status): Buffer {
  return status === OK ? OK_BLOCK : writeFields(trailersOf(status));
}

/** A whole answer in one piece: head, one frame of data, end. */
export function wholeAnswer(stream: number, head: Buffer, piece: Buffer, end: Buffer): Buffer {
  const all = Buffer.allocUnsafe(3 * FRAME_HEAD_BYTES + head.length + piece.length + end.length);
  let at = writeHead(all, 0, head.length, TYPES.headers, FLAGS.whole, stream);
  at += head.copy(all, at);
  at = writeHead(all, at, piece.length, TYPES.data, 0, stream);
  at += piece.copy(all, at);
  at = writeHead(all, at, end.length, TYPES.headers, FLAGS.whole | FLAGS.end, stream);
  end.copy(all, at);
  return all;
}
