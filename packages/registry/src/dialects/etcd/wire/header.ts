/** The head of every answer: who gives it, and the revision that it rests on. */
import { longSize, numberSize, spanSize, type Writer } from "./writer.ts";

export interface Identity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

export interface Header extends Identity {
  readonly revision: number;
}

/** There are no elections that clients could see: the term of a cluster that was just founded. */
export const TERM = 2;

const HEADER = 1;

function innerSize({ clusterId, memberId, revision }: Header): number {
  return longSize(clusterId) + longSize(memberId) + numberSize(revision) + numberSize(TERM);
}

/** Of the field, which is the first of every answer. */
export function headerSize(header: Header): number {
  return spanSize(innerSize(header));
}

export function writeHeader(writer: Writer, header: Header): void {
  const { clusterId, memberId, revision } = header;
  writer.span(HEADER, innerSize(header));
  writer.long(1, clusterId).long(2, memberId).number(3, revision).number(4, TERM);
}

/** The head of an answer within another: the revision alone. */
export function innerHeaderSize(revision: number): number {
  return spanSize(numberSize(revision));
}

export function writeInnerHeader(writer: Writer, revision: number): void {
  writer.span(HEADER, numberSize(revision)).number(3, revision);
}
