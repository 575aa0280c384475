/** Bodies of answers that go out part by part: the next one is made when the client has taken the one before. */

/** About the size of a part. */
export const PART_BYTES = 64 * 1024;
/** Bodies up to this size go out in one piece. */
const WHOLE_BYTES_MAX = 256 * 1024;

/** Text or bytes as a whole; or parts, which are asked for one by one. A part may be empty: others have their turn then. */
export type Body = Part | Iterable<Part>;

export type Part = Buffer | string;

/** So many items at most are looked at for one part. */
const LOOKS_MAX = 2000;

/**
 * A list in parts. Items are texts, made when their turn comes; those that are undefined are left out. A text for a part
 * may also come in pieces, with nothing between them.
 */
export function* listParts(
  start: string,
  items: Iterable<string | undefined>,
  end: string,
  between = ",",
): Iterable<string> {
  const list = { items: items[Symbol.iterator](), separator: "", between, end, isOver: false };
  let head = start;
  while (!list.isOver) {
    yield gather(list, head);
    head = "";
  }
}

interface List {
  readonly items: Iterator<string | undefined>;
  separator: string;
  readonly between: string;
  readonly end: string;
  isOver: boolean;
}

/** The next part. Not within the generator: nothing of a part is kept while the client takes it. */
function gather(list: List, head: string): string {
  let text = head;
  for (let looks = 0; looks < LOOKS_MAX && text.length < PART_BYTES; looks++) {
    const { done, value } = list.items.next();
    if (done === true) {
      list.isOver = true;
      return text + list.end;
    }
    if (value === undefined) continue;
    text += list.separator + value;
    list.separator = list.between;
  }
  return text;
}

export interface Whole {
  readonly kind: "whole";
  readonly body: Part | undefined;
}

export interface Parted {
  readonly kind: "parts";
  readonly parts: Iterator<Part>;
  /** Bytes of all parts; undefined when nobody knows before the last one. */
  readonly bytes: number | undefined;
  /** Of them, those that are there for this answer alone until the last one is taken. */
  readonly heldBytes: number;
}

/** Bytes that are kept for many answers anyway: for one of them only what is on its way counts. */
export class Shared implements Iterable<Buffer> {
  readonly whole: Buffer;

  constructor(whole: Buffer) {
    this.whole = whole;
  }

  [Symbol.iterator](): Iterator<Buffer> {
    return slices(this.whole);
  }
}

/** Parts that are made of something which this answer alone holds, until the last one is taken. */
export class Holding implements Iterable<Part> {
  readonly #parts: Iterable<Part>;
  readonly heldBytes: number;

  constructor(parts: Iterable<Part>, heldBytes: number) {
    this.#parts = parts;
    this.heldBytes = heldBytes;
  }

  [Symbol.iterator](): Iterator<Part> {
    return this.#parts[Symbol.iterator]();
  }
}

/** Parts that are made at once, to see whether there are no more of them. */
const FIRST_MAX = 3;

/** Whether it has still to be made: that takes a turn, also for the first parts. */
export function isToBeMade(body: Body | undefined): boolean {
  return typeof body === "object" && !Buffer.isBuffer(body) && !(body instanceof Shared);
}

/** A body that is short is sent whole, also when it comes in parts. */
export function openBody(body: Body | undefined): Whole | Parted {
  if (body === undefined) return { kind: "whole", body };
  if (typeof body === "string" || Buffer.isBuffer(body)) {
    if (body.length <= WHOLE_BYTES_MAX) return { kind: "whole", body };
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
    return { kind: "parts", parts: slices(bytes), bytes: bytes.length, heldBytes: bytes.length };
  }
  if (body instanceof Shared) {
    const { whole } = body;
    if (whole.length <= WHOLE_BYTES_MAX) return { kind: "whole", body: whole };
    return { kind: "parts", parts: slices(whole), bytes: whole.length, heldBytes: 0 };
  }
  const parts = body[Symbol.iterator]();
  const first: Part[] = [];
  for (let bytes = 0; bytes < PART_BYTES && first.length < FIRST_MAX; ) {
    const next = parts.next();
    if (next.done === true) return { kind: "whole", body: joinAll(first) };
    first.push(next.value);
    bytes += next.value.length;
  }
  const heldBytes = body instanceof Holding ? body.heldBytes : 0;
  return { kind: "parts", parts: chain(first.map(toBuffer), parts), bytes: undefined, heldBytes };
}

function joinAll(parts: readonly Part[]): Part | undefined {
  if (parts.length < 2) return parts[0];
  return Buffer.concat(parts.map(toBuffer));
}

export function toBuffer(part: Part): Buffer {
  return Buffer.isBuffer(part) ? part : Buffer.from(part);
}

function* slices(bytes: Buffer): Iterator<Buffer> {
  for (let at = 0; at < bytes.length; at += PART_BYTES) yield bytes.subarray(at, at + PART_BYTES);
}

function* chain(first: Part[], rest: Iterator<Part>): Iterator<Part> {
  // Given away one by one: none is kept until the last part.
  for (let part = first.shift(); part !== undefined; part = first.shift()) yield part;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}
