/** @live A stream of a connection of ours: what the client sends until it is heard, and what waits for its windows. */
import type { Status } from "../status.ts";
import type { Duct, Receiver } from "./duct.ts";
import { writeFields } from "./hpack.ts";
import { WINDOW_BYTES } from "./line.ts";
import { dataHead, ERRORS, type ErrorCode, endBlock, FLAGS, frameOf, headBlock, TYPES, wholeAnswer } from "./wire.ts";

/** What a stream needs of its connection. */
export interface Carrier {
  /** What the client takes on all streams before it says more; less by what is sent. */
  window: number;
  readonly frameBytesMax: number;
  /** A block of fields as it is sent. */
  pack(block: Buffer): Buffer;
  /** Sends with the next piece that goes out. */
  send(bytes: Buffer): void;
  /** Calls when all that was sent before is out. */
  afterwards(call: () => void): void;
  /** So many bytes were heard, of all streams. */
  heard(bytes: number): void;
  /** It waits until the client takes more on all streams. */
  block(stream: Stream): void;
  reset(id: number, code: ErrorCode): void;
  forget(stream: Stream): void;
}

interface Waiting {
  readonly piece: Buffer;
  at: number;
  readonly taken: (() => void) | undefined;
}

/** Up to this length an answer is copied into one piece with its head and its end. */
const COPIED_BYTES_MAX = 16_000;

export class Stream implements Duct {
  readonly id: number;
  readonly #carrier: Carrier;
  #receiver: Receiver | undefined;
  /** What the client takes on this stream before it says more. */
  window: number;
  /** What it may still send, and what of it was heard since that was told. */
  #room = WINDOW_BYTES;
  #heard = 0;
  #isPaused = false;
  #unheard: Buffer[] = [];
  /** The client said its last word; that was heard. */
  hasEnded = false;
  #isHalf = false;
  #head: Buffer | undefined;
  readonly #waiting: Waiting[] = [];
  /** Told, or to be told once nothing waits. */
  #end: Buffer | undefined;
  /** What is left of the data that the client has announced: RFC 9113 §8.1.1. */
  #announced: number | undefined;
  #isOver = false;
  #isGone = false;

  /** `length`: bytes of data that the client has announced. */
  constructor(id: number, carrier: Carrier, window: number, length?: number) {
    this.id = id;
    this.#carrier = carrier;
    this.window = window;
    this.#announced = length;
  }

  get isOpen(): boolean {
    return !this.#isGone && !this.#isOver;
  }

  listen(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  /** False when these bytes are more than were announced, or are the last ones and fewer. */
  announced(bytes: number, isLast: boolean): boolean {
    if (this.#announced === undefined) return true;
    this.#announced -= bytes;
    return isLast ? this.#announced === 0 : this.#announced >= 0;
  }

  /** Data of the client; `bytes` with its padding. False when they are more than it may send. */
  take(piece: Buffer, bytes: number): boolean {
    this.#room -= bytes;
    if (this.#room < 0) return false;
    const waits = this.#isPaused;
    if (waits) this.#unheard.push(piece);
    else this.#receiver?.take(piece);
    // The padding is heard at once.
    this.#note(waits ? bytes - piece.length : bytes);
    return true;
  }

  #note(bytes: number): void {
    if (bytes === 0) return;
    this.#carrier.heard(bytes);
    this.#heard += bytes;
    if (this.#heard < WINDOW_BYTES / 2 || this.hasEnded || this.#isOver || this.#isGone) return;
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(this.#heard);
    this.#carrier.send(frameOf(TYPES.window, 0, this.id, payload));
    this.#room += this.#heard;
    this.#heard = 0;
  }

  /** The client says no more. */
  half(): void {
    this.hasEnded = true;
    if (this.#isPaused && !this.#isOver) return;
    this.#tellHalf();
    if (this.#isOver) this.#forget();
  }

  #tellHalf(): void {
    if (this.#isHalf) return;
    this.#isHalf = true;
    this.#receiver?.half();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    while (this.#unheard.length > 0 && !this.#isPaused) {
      const piece = this.#unheard.shift() as Buffer;
      this.#receiver?.take(piece);
      this.#note(piece.length);
    }
    if (this.hasEnded && !this.#isPaused) this.#tellHalf();
  }

  begin(encoding: string | undefined): void {
    this.#head = headBlock(encoding);
  }

  write(piece: Buffer, taken: () => void): void {
    if (!this.isOpen || this.#end !== undefined) return;
    this.#waiting.push({ piece, at: 0, taken });
    this.#pump();
  }

  end(status: Status, piece?: Buffer): void {
    if (!this.isOpen || this.#end !== undefined) return;
    const end = endBlock(status);
    if (this.#head !== undefined && piece !== undefined && this.#fits(piece)) {
      this.window -= piece.length;
      this.#carrier.window -= piece.length;
      this.#carrier.send(wholeAnswer(this.id, this.#carrier.pack(this.#head), piece, end));
      this.#finish();
      return;
    }
    if (piece !== undefined) this.#waiting.push({ piece, at: 0, taken: undefined });
    this.#end = end;
    this.#pump();
  }

  #fits({ length }: Buffer): boolean {
    const most = Math.min(COPIED_BYTES_MAX, this.window, this.#carrier.window, this.#carrier.frameBytesMax);
    return this.#waiting.length === 0 && length <= most;
  }

  only(fields: Readonly<Record<string, string>>): void {
    if (!this.isOpen || this.#end !== undefined) return;
    const block = this.#carrier.pack(writeFields(fields));
    this.#carrier.send(frameOf(TYPES.headers, FLAGS.whole | FLAGS.end, this.id, block));
    this.#finish();
  }

  /** Sends what the windows let through; one frame only where others wait for them as well. */
  #pump(isShared = false): void {
    if (this.#head !== undefined) {
      this.#carrier.send(frameOf(TYPES.headers, FLAGS.whole, this.id, this.#carrier.pack(this.#head)));
      this.#head = undefined;
    }
    for (let one = this.#waiting[0]; one !== undefined; one = this.#waiting[0]) {
      const rest = one.piece.length - one.at;
      const length = Math.min(rest, this.window, this.#carrier.window, this.#carrier.frameBytesMax);
      if (length <= 0 && rest > 0) {
        if (this.window > 0) this.#carrier.block(this);
        return;
      }
      this.#carrier.send(dataHead(length, this.id));
      this.#carrier.send(length === one.piece.length ? one.piece : one.piece.subarray(one.at, one.at + length));
      one.at += length;
      this.window -= length;
      this.#carrier.window -= length;
      if (length === rest) {
        this.#waiting.shift();
        if (one.taken !== undefined) this.#carrier.afterwards(one.taken);
      }
      if (!isShared || this.#waiting.length === 0) continue;
      this.#carrier.block(this);
      return;
    }
    if (this.#end === undefined || this.#isOver) return;
    this.#carrier.send(frameOf(TYPES.headers, FLAGS.whole | FLAGS.end, this.id, this.#end));
    this.#finish();
  }

  /** The client takes more, on this stream or on all. */
  goOn(isShared: boolean): void {
    if (this.isOpen && (this.#waiting.length > 0 || this.#end !== undefined)) this.#pump(isShared);
  }

  /** All is said: a client that would go on is stopped. */
  #finish(): void {
    this.#isOver = true;
    if (this.hasEnded) return this.#forget();
    setImmediate(() => {
      if (this.#isGone) return;
      if (!this.hasEnded) this.#carrier.reset(this.id, ERRORS.none);
      this.#forget();
    });
  }

  #forget(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#drop();
    this.#carrier.forget(this);
    this.#carrier.afterwards(() => this.#receiver?.closed());
  }

  /** It is over, in the middle. */
  abort(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#drop();
    this.#carrier.forget(this);
    this.#receiver?.closed();
  }

  /** What waits on either side is nobody's any more. */
  #drop(): void {
    for (const { length } of this.#unheard) this.#carrier.heard(length);
    this.#unheard = [];
    this.#waiting.length = 0;
  }
}
