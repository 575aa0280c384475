/** Messages of watches: what is asked, read; what is told, written. */
import type { Bytes, Change, KeyRecord, Revision } from "../../../core/index.ts";
import { HEAD_BYTES } from "../../../net/grpc/method.ts";
import { keyValueSize, writeKeyValue } from "./answers.ts";
import { headerSize, type Identity, writeHeader } from "./header.ts";
import type { Reader } from "./reader.ts";
import { bytesSize, flagSize, longSize, numberSize, spanSize, Writer } from "./writer.ts";

/** Clients may choose any 64 bits; those that a number cannot hold exactly are bigints. */
export type WatchId = number | bigint;

/** What a watch wants to hear nothing of, and what it wants to hear besides: bits of a variant. */
export const NO_PUT = 1;
export const NO_DELETE = 2;
export const PREVIOUS = 4;

export interface CreateAsked {
  readonly kind: "create";
  readonly key: Bytes;
  readonly rangeEnd: Bytes;
  /** 0: from now on. May be negative, or beyond what numbers hold exactly. */
  readonly startRevision: number;
  /** It wants to be told from time to time how far it has come. */
  readonly isNotified: boolean;
  readonly variant: number;
  /** 0: the server chooses. */
  readonly id: WatchId;
  readonly isFragmented: boolean;
}

export type WatchAsked =
  | CreateAsked
  | { readonly kind: "cancel"; readonly id: WatchId }
  | { readonly kind: "progress" }
  /** Nothing that is known here. */
  | { readonly kind: "nothing" };

/** Of several requests in one message the last counts. */
export function readWatchAsked(reader: Reader): WatchAsked {
  let asked: WatchAsked = { kind: "nothing" };
  while (reader.next())
    if (reader.field === 1) asked = readCreate(reader.message());
    else if (reader.field === 2) asked = readCancel(reader.message());
    else if (reader.field === 3) {
      reader.skip();
      asked = { kind: "progress" };
    } else reader.skip();
  return asked;
}

/** Of those that nobody knows nothing is kept. */
const FILTERS: readonly number[] = [NO_PUT, NO_DELETE];

function readCreate(reader: Reader): CreateAsked {
  let [key, rangeEnd, startRevision, variant, id] = ["", "", 0, 0, 0 as WatchId];
  let [isNotified, isFragmented] = [false, false];
  while (reader.next())
    if (reader.field === 1) key = reader.bytes();
    else if (reader.field === 2) rangeEnd = reader.bytes();
    else if (reader.field === 3) startRevision = reader.number();
    else if (reader.field === 4) isNotified = reader.flag();
    else if (reader.field === 5)
      reader.numbers((filter) => {
        variant |= FILTERS[filter] ?? 0;
      });
    else if (reader.field === 6) variant = reader.flag() ? variant | PREVIOUS : variant & ~PREVIOUS;
    else if (reader.field === 7) id = toId(reader.decimal());
    else if (reader.field === 8) isFragmented = reader.flag();
    else reader.skip();
  return { kind: "create", key, rangeEnd, startRevision, isNotified, variant, id, isFragmented };
}

function readCancel(reader: Reader): WatchAsked {
  let id: WatchId = 0;
  while (reader.next())
    if (reader.field === 1) id = toId(reader.decimal());
    else reader.skip();
  return { kind: "cancel", id };
}

function toId(decimal: string): WatchId {
  const number = Number(decimal);
  return Number.isSafeInteger(number) ? number : BigInt(decimal);
}

export type KeyChange = Change & { readonly kind: "key" };

/** A key that changed, and with which revision. */
export interface Happened {
  readonly change: KeyChange;
  readonly revision: Revision;
}

const DELETE = 1;
const EVENTS = 11;

/** The event, as a field of the response; undefined when the variant does not want it. */
export function encodeEvent({ change, revision }: Happened, variant: number): Buffer | undefined {
  const { before, after } = change;
  if ((variant & (after === null ? NO_DELETE : NO_PUT)) !== 0) return undefined;
  const previous = (variant & PREVIOUS) === 0 ? null : before;
  const own = after === null ? goneSize(before as KeyRecord, revision) : keyValueSize(after, false);
  const size =
    numberSize(after === null ? DELETE : 0) +
    spanSize(own) +
    (previous === null ? 0 : spanSize(keyValueSize(previous, false)));
  const writer = new Writer(spanSize(size)).span(EVENTS, size);
  if (after === null) {
    const { key } = before as KeyRecord;
    writer.number(1, DELETE).span(2, own).bytes(1, key).number(3, revision);
  } else writeKeyValue(writer, 2, after, false);
  if (previous !== null) writeKeyValue(writer, 3, previous, false);
  return writer.end().subarray(HEAD_BYTES);
}

/** Of a key that is gone, its name and the revision with which it went. */
function goneSize({ key }: KeyRecord, revision: Revision): number {
  return bytesSize(key) + numberSize(revision);
}

export interface EventsTold {
  readonly revision: Revision;
  readonly id: WatchId;
  /** As `encodeEvent` made them, and their bytes. */
  readonly events: readonly Buffer[];
  readonly bytes: number;
  /** More of the same follows. */
  readonly isFragment?: boolean;
}

/** A response with events. */
export function writeEvents(identity: Identity, told: EventsTold): Buffer {
  const { revision, id, events, bytes, isFragment = false } = told;
  const header = { identity, revision };
  const writer = new Writer(headerSize(header) + idSize(id) + flagSize(isFragment) + bytes);
  writeHeader(writer, header);
  writeId(writer, id).flag(7, isFragment);
  for (const event of events) writer.raw(event);
  return writer.end();
}

/** A response about the watch itself, or about how far it has come. */
export interface StateTold {
  /** Left out where nothing is said of it. */
  readonly revision?: Revision;
  readonly id: WatchId;
  readonly isCreated?: boolean;
  readonly isCanceled?: boolean;
  /** The revision up to which history is gone. */
  readonly compacted?: Revision;
  readonly reason?: string;
}

export function writeState(identity: Identity, told: StateTold): Buffer {
  const { revision = 0, id, isCreated = false, isCanceled = false, compacted = 0 } = told;
  const reason = Buffer.from(told.reason ?? "").toString("latin1");
  const header = { identity, revision };
  const writer = new Writer(
    headerSize(header) +
      idSize(id) +
      flagSize(isCreated) +
      flagSize(isCanceled) +
      numberSize(compacted) +
      bytesSize(reason),
  );
  writeHeader(writer, header);
  return writeId(writer, id).flag(3, isCreated).flag(4, isCanceled).number(5, compacted).bytes(6, reason).end();
}

function idSize(id: WatchId): number {
  return typeof id === "number" ? numberSize(id) : longSize(id);
}

function writeId(writer: Writer, id: WatchId): Writer {
  return typeof id === "number" ? writer.number(2, id) : writer.long(2, id);
}
