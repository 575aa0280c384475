/** What the changes look like, and how the streams that tell of them are read: quickly, as there are millions. */
import { readFields } from "../clients/protobuf.ts";

export const PREFIX = "busy/";

/** One clock for all processes. */
export function nowMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

const STAMP = "sent ";
const STAMP_DIGITS = 16;

/** A value that says when it was sent, if that counts. */
export function toValue(bytes: number, isMeasured: boolean): string {
  return `${isMeasured ? STAMP : "warm "}${nowMs().toFixed(3).padStart(STAMP_DIGITS, "0")} `.padEnd(bytes, "v");
}

/** What one watcher has got. Each change moves the revision by one, so a gap or a repetition shows. */
export class Track {
  count = 0;
  last = 0;
  faults = 0;
  /** The longest time from the sending of a change to its arrival here. */
  lagMsMax = 0;

  take(revision: number): void {
    if (this.last !== 0 && revision !== this.last + 1) this.faults++;
    this.last = revision;
    this.count++;
  }

  /** Of the first change that came at once with others, which waited the longest. */
  note(change: string): void {
    const stamp = change.lastIndexOf(STAMP);
    if (stamp < 0) return;
    const sentMs = Number(change.slice(stamp + STAMP.length, stamp + STAMP.length + STAMP_DIGITS));
    this.lagMsMax = Math.max(this.lagMsMax, nowMs() - sentMs);
  }
}

const LINE_FEED = 10;
const ID = Buffer.from("id: ");
const EVENT_END = Buffer.from("\n\n");

/** Reads server-sent events, most of which are as long as the one before. */
export class EventScanner {
  readonly #track: Track;
  readonly #onReady: () => void;
  #rest: Buffer = Buffer.alloc(0);
  #length = 0;

  constructor(track: Track, onReady: () => void) {
    this.#track = track;
    this.#onReady = onReady;
  }

  take(piece: Buffer): void {
    let at = 0;
    if (this.#rest.length > 0) {
      // The end of an event may lie between the pieces.
      const from = Buffer.concat([this.#rest.subarray(-1), piece.subarray(0, 1)]).equals(EVENT_END) ? 1 : -1;
      const end = from === 1 ? 1 : piece.indexOf(EVENT_END) + 2;
      if (end === 1 && from !== 1) {
        this.#rest = Buffer.concat([this.#rest, piece]);
        return;
      }
      const event = Buffer.concat([this.#rest, piece.subarray(0, end)]);
      this.#takeEvent(event, 0, event.length, true);
      at = end;
    }
    let isFirst = at === 0;
    for (;;) {
      const end = this.#endOf(piece, at);
      if (end === 0) break;
      this.#takeEvent(piece, at, end, isFirst);
      isFirst = false;
      at = end;
    }
    this.#rest = at < piece.length ? Buffer.from(piece.subarray(at)) : Buffer.alloc(0);
  }

  #endOf(piece: Buffer, at: number): number {
    const guess = at + this.#length;
    if (this.#length > 0 && piece[guess - 1] === LINE_FEED && piece[guess - 2] === LINE_FEED) return guess;
    const end = piece.indexOf(EVENT_END, at) + 2;
    if (end === 1) return 0;
    this.#length = end - at;
    return end;
  }

  #takeEvent(bytes: Buffer, at: number, end: number, isFirst: boolean): void {
    if (bytes[at] !== ID[0]) return;
    let revision = 0;
    let digit = at + ID.length;
    for (; isDigit(bytes[digit]); digit++) revision = revision * 10 + (bytes[digit] as number) - 48;
    // The mark of a position.
    while (bytes[digit] !== LINE_FEED) digit++;
    // "event: change" or "event: ready".
    if (bytes[digit + 8] !== 0x63) {
      if (bytes[digit + 8] === 0x72) this.#onReady();
      return;
    }
    this.#track.take(revision);
    if (isFirst) this.#track.note(bytes.toString("latin1", at, end));
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57;
}

/** Takes in a WatchResponse; true when it says that the watch is there. */
export function takeWatch(message: Buffer, track: Track): boolean {
  let created = false;
  let isFirst = true;
  readFields(message, (field, event) => {
    if (field === 3) created = event === 1;
    if (field !== 11 || typeof event === "number") return;
    readFields(event, (part, pair) => {
      if (part !== 2 || typeof pair === "number") return;
      readFields(pair, (number, revision) => {
        if (number === 3) track.take(revision as number);
      });
      if (isFirst) track.note(pair.toString("latin1"));
      isFirst = false;
    });
  });
  return created;
}
