/** Answers about keys, written straight from the records of the registry. */
import type { KeyRecord } from "../../../core/index.ts";
import { type Header, headerSize, innerHeaderSize, writeHeader, writeInnerHeader } from "./header.ts";
import { toLong } from "./lease-id.ts";
import { bytesSize, flagSize, longSize, numberSize, spanSize, Writer } from "./writer.ts";

export interface RangeAnswer {
  readonly kind: "range";
  readonly entries: readonly KeyRecord[];
  readonly more: boolean;
  readonly count: number;
  readonly keysOnly: boolean;
}

export interface PutAnswer {
  readonly kind: "put";
  readonly before: KeyRecord | null;
}

export interface DeleteAnswer {
  readonly kind: "delete";
  readonly deleted: number;
  readonly before: readonly KeyRecord[];
}

export interface TxnAnswer {
  readonly kind: "txn";
  readonly succeeded: boolean;
  readonly answers: readonly Step[];
}

/** An answer within a transaction's, with the revision in its head. */
export interface Step {
  readonly revision: number;
  readonly answer: RangeAnswer | PutAnswer | DeleteAnswer | TxnAnswer;
}

export type Answer = Step["answer"];

/** Of a `KeyValue`, without its field. */
export function keyValueSize(record: KeyRecord, keysOnly: boolean): number {
  const { key, value, createRevision, modRevision, version, lease } = record;
  return (
    bytesSize(key) +
    numberSize(createRevision) +
    numberSize(modRevision) +
    numberSize(version) +
    (keysOnly ? 0 : bytesSize(value)) +
    (lease === null ? 0 : longSize(toLong(lease)))
  );
}

/** With its field, whose number stands before it. */
export function writeKeyValue(writer: Writer, field: number, record: KeyRecord, keysOnly: boolean): void {
  const { key, value, createRevision, modRevision, version, lease } = record;
  writer
    .span(field, keyValueSize(record, keysOnly))
    .bytes(1, key)
    .number(2, createRevision)
    .number(3, modRevision)
    .number(4, version);
  if (!keysOnly) writer.bytes(5, value);
  if (lease !== null) writer.long(6, toLong(lease));
}

function entriesSize(entries: readonly KeyRecord[], keysOnly: boolean): number {
  let size = 0;
  for (const entry of entries) size += spanSize(keyValueSize(entry, keysOnly));
  return size;
}

/** Without its head. */
export function bodySize(answer: Answer): number {
  switch (answer.kind) {
    case "range":
      return entriesSize(answer.entries, answer.keysOnly) + flagSize(answer.more) + numberSize(answer.count);
    case "put":
      return answer.before === null ? 0 : spanSize(keyValueSize(answer.before, false));
    case "delete":
      return numberSize(answer.deleted) + entriesSize(answer.before, false);
    case "txn": {
      let size = flagSize(answer.succeeded);
      for (const step of answer.answers) size += spanSize(spanSize(stepSize(step)));
      return size;
    }
  }
}

function stepSize({ revision, answer }: Step): number {
  return innerHeaderSize(revision) + bodySize(answer);
}

/** The field that an answer has in the one of its transaction. */
const FIELDS: Readonly<Record<Answer["kind"], number>> = { range: 1, put: 2, delete: 3, txn: 4 };

function writeBody(writer: Writer, answer: Answer): void {
  switch (answer.kind) {
    case "range":
      for (const entry of answer.entries) writeKeyValue(writer, 2, entry, answer.keysOnly);
      writer.flag(3, answer.more).number(4, answer.count);
      return;
    case "put":
      if (answer.before !== null) writeKeyValue(writer, 2, answer.before, false);
      return;
    case "delete":
      writer.number(2, answer.deleted);
      for (const entry of answer.before) writeKeyValue(writer, 3, entry, false);
      return;
    case "txn":
      writer.flag(2, answer.succeeded);
      for (const step of answer.answers) writeStep(writer, step);
  }
}

function writeStep(writer: Writer, step: Step): void {
  const size = stepSize(step);
  writer.span(3, spanSize(size)).span(FIELDS[step.answer.kind], size);
  writeInnerHeader(writer, step.revision);
  writeBody(writer, step.answer);
}

/** An answer with its head. */
export interface Headed {
  readonly header: Header;
  /** Of a compaction there is nothing but the head. */
  readonly answer?: Answer;
}

export function encodeAnswer({ header, answer }: Headed): Buffer {
  const writer = new Writer(headerSize(header) + (answer === undefined ? 0 : bodySize(answer)));
  writeHeader(writer, header);
  if (answer !== undefined) writeBody(writer, answer);
  return writer.end();
}
