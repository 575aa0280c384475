/** Requests and responses, whose fields are numbered as in Doozer's msg.proto. Texts are bytes: nobody looks into them. */
import { type Bytes, fromBuffer, toBuffer } from "../../../core/index.ts";
import { Message, readFields, toLong } from "../../../net/grpc/protobuf.ts";

/** A field that is not there is undefined: the protocol tells that from 0 and from nothing. */
export interface Request {
  readonly tag: number | undefined;
  readonly verb: number;
  readonly path: Bytes | undefined;
  readonly value: Bytes;
  readonly offset: number | undefined;
  readonly rev: bigint | undefined;
}

/** Of a file that is set, or deleted. */
export const FLAGS = { none: 0, set: 4, del: 8 } as const;

export const ERRORS = {
  TAG_IN_USE: 1,
  UNKNOWN_VERB: 2,
  READONLY: 3,
  TOO_LATE: 4,
  REV_MISMATCH: 5,
  BAD_PATH: 6,
  MISSING_ARG: 7,
  RANGE: 8,
  NOTDIR: 20,
  ISDIR: 21,
  NOENT: 22,
  OTHER: 127,
} as const;

export type ErrorName = keyof typeof ERRORS;

/** What is said to a request; its tag is not part of it. */
export interface Response {
  readonly flags?: number;
  readonly rev?: bigint;
  readonly path?: Bytes;
  readonly value?: Bytes;
  readonly len?: number;
  readonly error?: ErrorName;
  /** A sentence; only with OTHER. */
  readonly detail?: string;
}

/** Undefined when it is no message. The last one of a field that is said twice counts. */
export function readRequest(frame: Buffer): Request | undefined {
  const said: { -readonly [K in keyof Request]: Request[K] } = {
    tag: undefined,
    verb: 0,
    path: undefined,
    value: "",
    offset: undefined,
    rev: undefined,
  };
  try {
    readFields(frame, (field, number, bytes) => {
      if (field === 1) said.tag = number | 0;
      else if (field === 2) said.verb = number;
      else if (field === 4) said.path = fromBuffer(bytes);
      else if (field === 5) said.value = fromBuffer(bytes);
      else if (field === 7) said.offset = number | 0;
      else if (field === 9) said.rev = toLong(number, bytes);
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return said;
}

/** The tag that a message begins with, as all clients write it. */
export function readTag(head: Buffer): number | undefined {
  let tag: number | undefined;
  try {
    readFields(head, (field, number) => {
      if (field === 1) tag = number | 0;
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return tag;
}

/** With its length before it. */
export function writeResponse(tag: number | undefined, response: Response): Buffer {
  const { flags, rev, path, value, len, error, detail } = response;
  const message = new Message()
    .present(1, tag)
    .present(2, flags)
    .present(3, rev)
    .present(5, path === undefined ? undefined : toBuffer(path))
    .present(6, value === undefined ? undefined : toBuffer(value))
    .present(8, len)
    .present(100, error === undefined ? undefined : ERRORS[error])
    .bytes(101, detail)
    .end();
  const frame = Buffer.allocUnsafe(4 + message.length);
  frame.writeInt32BE(message.length, 0);
  message.copy(frame, 4);
  return frame;
}
