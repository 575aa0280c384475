/**
 * Which keys changed when: what a read at an older revision needs to find the commit that has a key's former record. The
 * keys of some thousand changes lie in one sealed value, sorted by account and name, so that those of a range are found
 * by halving it.
 */
import {
  type Account,
  type Bytes,
  type Commit,
  type FirstChange,
  type FirstChanges,
  isInRange,
  type KeyRange,
  LIMITS,
  type Outcome,
  ok,
  type Revision,
  refuse,
  subjectOf,
} from "../core/index.ts";
import { ByteReader, type ByteWriter, Torn } from "./bytes.ts";
import { FORMAT, HEAD_BYTES, seal } from "./sealed.ts";

/** Told of keys and of their first change after a revision. */
export type Visit = (key: Bytes, first: FirstChange) => void;

/** Twice the revision, and one more when the key was there before. */
type Touch = number;

const OFFSET_BYTES = 4;

/** A row is made of so many changes, or of names that take so much. */
const ROW_CHANGES = 4096;
const ROW_NAME_BYTES = 512 * 1024;

/** The changes of keys after one revision up to another. */
export class Touches {
  readonly #accounts = new Map<Account, Map<Bytes, Touch | Touch[]>>();
  readonly after: Revision;
  /** Everything up to here is in it. */
  last: Revision;
  /** Of keys. */
  #changes = 0;
  #nameBytes = 0;

  constructor(after: Revision) {
    this.after = after;
    this.last = after;
  }

  add({ account, revision, changes }: Commit): void {
    for (const change of changes) {
      if (change.kind !== "key") continue;
      const touch = revision * 2 + (change.before === null ? 0 : 1);
      let keys = this.#accounts.get(account);
      if (keys === undefined) {
        keys = new Map();
        this.#accounts.set(account, keys);
      }
      const { key } = subjectOf(change);
      const known = keys.get(key);
      if (known === undefined) this.#nameBytes += key.length;
      // A later change of the same commit found what that commit itself had put there.
      else if (revisionOf(typeof known === "number" ? known : (known.at(-1) as Touch)) === revision) continue;
      if (known === undefined) keys.set(key, touch);
      else if (typeof known === "number") keys.set(key, [known, touch]);
      else known.push(touch);
      this.#changes++;
    }
    this.last = revision;
  }

  /** Whether a row is to be made of them. */
  get isFull(): boolean {
    return this.#changes >= ROW_CHANGES || this.#nameBytes >= ROW_NAME_BYTES;
  }

  first(account: Account, range: KeyRange, after: Revision, visit: Visit): void {
    const keys = this.#accounts.get(account);
    if (keys === undefined) return;
    const visitOne = (key: Bytes, touches: Touch | readonly Touch[]): void => {
      const list = typeof touches === "number" ? [touches] : touches;
      const touch = list.find((one) => revisionOf(one) > after);
      if (touch !== undefined) visit(key, toFirst(touch));
    };
    if (range.to === undefined) {
      const touches = keys.get(range.from);
      if (touches !== undefined) visitOne(range.from, touches);
    } else for (const [key, touches] of keys) if (isInRange(range, key)) visitOne(key, touches);
  }

  /** The bytes are the writer's own and good until its next use. */
  encode(out: ByteWriter): Buffer {
    out.clear(HEAD_BYTES);
    out.count(this.after);
    const offsets: number[] = [];
    for (const account of [...this.#accounts.keys()].sort()) {
      const keys = this.#accounts.get(account) as Map<Bytes, Touch | Touch[]>;
      for (const key of [...keys.keys()].sort()) {
        offsets.push(out.length);
        out.string(nameOf(account, key));
        this.#encodeTouches(out, keys.get(key) as Touch | Touch[]);
      }
    }
    for (const offset of offsets) writeOffset(out, offset);
    writeOffset(out, offsets.length);
    return seal(out.bytes());
  }

  #encodeTouches(out: ByteWriter, touches: Touch | readonly Touch[]): void {
    const list = typeof touches === "number" ? [touches] : touches;
    out.count(list.length);
    let before = this.after * 2;
    for (const touch of list) {
      out.count(touch - before);
      before = touch;
    }
  }
}

/** The same of an encoded one. Its checksum is not looked at: a read takes a few of its bytes. */
export function firstIn(
  bytes: Buffer,
  account: Account,
  range: KeyRange,
  after: Revision,
  visit: Visit,
): Outcome<void> {
  if ((bytes[0] ?? 0) > FORMAT) return refuse("unsupported", `an index of keys has format ${bytes[0]}`);
  try {
    new Encoded(bytes).first(account, range, after, visit);
    return ok(undefined);
  } catch (error) {
    if (error instanceof Torn || error instanceof RangeError)
      return refuse("invalid", `an index of keys is damaged: ${error.message}`);
    throw error;
  }
}

/** With which commit each key of a range first changed after a revision: what comes first is to be looked at first. */
export class FirstSeeker {
  readonly #keys = new Map<Bytes, FirstChange>();
  readonly #account: Account;
  readonly #range: KeyRange;
  readonly #after: Revision;

  constructor(account: Account, range: KeyRange, after: Revision) {
    this.#account = account;
    this.#range = range;
    this.#after = after;
  }

  /** False when there is nothing more to be found, or too much has been. */
  get goesOn(): boolean {
    return this.#range.to === undefined ? this.#keys.size === 0 : this.#keys.size <= LIMITS.rangeKeysMax;
  }

  /** Looks at an encoded row. */
  row(bytes: Buffer): Outcome<void> {
    return firstIn(bytes, this.#account, this.#range, this.#after, this.#visit);
  }

  touches(touches: Touches): void {
    touches.first(this.#account, this.#range, this.#after, this.#visit);
  }

  readonly #visit: Visit = (key, first) => {
    if (!this.#keys.has(key)) this.#keys.set(key, first);
  };

  /** What was found; `too-large` when it is more than a read may look at. */
  end(): Outcome<FirstChanges> {
    return this.#keys.size > LIMITS.rangeKeysMax
      ? refuse("too-large", `more than ${LIMITS.rangeKeysMax} keys have changed since`)
      : ok(this.#keys);
  }
}

class Encoded {
  readonly #bytes: Buffer;
  readonly #start: Revision;
  readonly #count: number;
  /** Where the offsets begin. */
  readonly #table: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#count = bytes.readUInt32LE(bytes.length - OFFSET_BYTES);
    this.#table = bytes.length - (this.#count + 1) * OFFSET_BYTES;
    if (this.#table < HEAD_BYTES) throw new Torn("its table is too long");
    this.#start = new ByteReader(bytes, HEAD_BYTES).count();
  }

  first(account: Account, { from, to }: KeyRange, after: Revision, visit: Visit): void {
    const start = nameOf(account, from);
    const end = to === "" || to === undefined ? undefined : nameOf(account, to);
    const prefix = nameOf(account, "");
    for (let i = this.#find(start); i < this.#count; i++) {
      const input = this.#at(i);
      const name = input.ownString();
      if (to === undefined ? name !== start : !name.startsWith(prefix) || (end !== undefined && name >= end)) return;
      const touch = this.#firstTouch(input, after);
      if (touch !== undefined) visit(name.slice(prefix.length), toFirst(touch));
    }
  }

  #firstTouch(input: ByteReader, after: Revision): Touch | undefined {
    let touch = this.#start * 2;
    for (let left = input.size(); left > 0; left--) {
      touch += input.count();
      if (revisionOf(touch) > after) return touch;
    }
    return undefined;
  }

  /** The first one with this name or a later one. */
  #find(name: string): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(middle).ownString() < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #at(index: number): ByteReader {
    return new ByteReader(this.#bytes, this.#bytes.readUInt32LE(this.#table + index * OFFSET_BYTES), this.#table);
  }
}

/** No account has a NUL in its name. */
function nameOf(account: Account, key: Bytes): string {
  return `${account}\0${key}`;
}

function revisionOf(touch: Touch): Revision {
  return Math.floor(touch / 2);
}

function toFirst(touch: Touch): FirstChange {
  return { revision: revisionOf(touch), existed: touch % 2 === 1 };
}

function writeOffset(out: ByteWriter, offset: number): void {
  for (let shift = 0; shift < 32; shift += 8) out.byte((offset >>> shift) & 255);
}
