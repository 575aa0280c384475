/** Takes what a client sends apart into frames: RFC 9113, sections 3.4 and 4. */
import { Broken, ERRORS, FRAME_BYTES_MAX, FRAME_HEAD_BYTES, PREFACE, TYPES } from "./wire.ts";

const ID_MAX = 2 ** 31 - 1;

/** Is handed one frame; the payload lies in what was pushed. False when no more are wanted. */
export type TakeFrame = (type: number, flags: number, id: number, payload: Buffer) => boolean;

export class Incoming {
  readonly #take: TakeFrame;
  #held: Buffer | undefined;
  #isGreeted = false;
  #isSettled = false;

  constructor(take: TakeFrame) {
    this.#take = take;
  }

  /** Throws a `Broken` for what is no frame, and what the taker throws. */
  push(chunk: Buffer): void {
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    const from = this.#isGreeted ? 0 : this.#greet(bytes);
    const at = this.#isGreeted ? this.#readFrames(bytes, from) : 0;
    if (at < bytes.length) this.#held = bytes.subarray(at);
  }

  /** The preface, once it is whole. */
  #greet(bytes: Buffer): number {
    const length = Math.min(bytes.length, PREFACE.length);
    if (!bytes.subarray(0, length).equals(PREFACE.subarray(0, length))) throw new Broken(ERRORS.protocol);
    this.#isGreeted = length === PREFACE.length;
    return length;
  }

  /** Returns where the rest begins. */
  #readFrames(bytes: Buffer, from: number): number {
    let at = from;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const length = bytes.readUIntBE(at, 3);
      if (length > FRAME_BYTES_MAX) throw new Broken(ERRORS.frameSize);
      const payload = at + FRAME_HEAD_BYTES;
      if (bytes.length < payload + length) break;
      const type = bytes[at + 3] as number;
      const flags = bytes[at + 4] as number;
      const id = bytes.readUInt32BE(at + 5) & ID_MAX;
      at = payload + length;
      // Settings come first.
      if (!this.#isSettled && type !== TYPES.settings) throw new Broken(ERRORS.protocol);
      this.#isSettled = true;
      if (!this.#take(type, flags, id, bytes.subarray(payload, at))) return bytes.length;
    }
    return at;
  }
}
