/** The head of every answer: who gives it, and the revision that it rests on. */
import { HEAD_BYTES } from "../../../net/grpc/method.ts";
import { longSize, numberSize, spanSize, Writer } from "./writer.ts";

export interface Identity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

export interface Header {
  readonly identity: Identity;
  readonly revision: number;
}

/** There are no elections that clients could see: the term of a cluster that was just founded. */
export const TERM = 2;

const HEADER = 1;

/** Written once: numbers of 64 bits take their time. */
const encoded = new WeakMap<Identity, Buffer>();

function encode(identity: Identity): Buffer {
  const { clusterId, memberId } = identity;
  const writer = new Writer(longSize(clusterId) + longSize(memberId));
  const bytes = writer.long(1, clusterId).long(2, memberId).end().subarray(HEAD_BYTES);
  encoded.set(identity, bytes);
  return bytes;
}

function innerSize({ identity, revision }: Header): number {
  return (encoded.get(identity) ?? encode(identity)).length + numberSize(revision) + numberSize(TERM);
}

/** Of the field, which is the first of every answer. */
export function headerSize(header: Header): number {
  return spanSize(innerSize(header));
}

export function writeHeader(writer: Writer, header: Header): void {
  const { identity, revision } = header;
  writer.span(HEADER, innerSize(header));
  writer
    .raw(encoded.get(identity) ?? encode(identity))
    .number(3, revision)
    .number(4, TERM);
}

/** The head of an answer within another: the revision alone. */
export function innerHeaderSize(revision: number): number {
  return spanSize(numberSize(revision));
}

export function writeInnerHeader(writer: Writer, revision: number): void {
  writer.span(HEADER, numberSize(revision)).number(3, revision);
}
