/**
 * Frames of the link: ten bytes of head, then the payload. Numbers are unsigned, the greater byte first.
 *
 *     length of the payload u32 │ kind u8 │ channel u8 │ number u32 │ payload
 *
 * A channel's number is given by who asks, by a frame `channel` before its first use on this connection. A kind that
 * the receiver does not know is passed over, so that a later version may add some.
 */

export const KIND = {
  /** The first frame of both sides: see hello.ts. */
  hello: 1,
  /** Instead of a hello: why there will be none, in UTF-8. The connection ends. */
  no: 2,
  /** Its number from now on stands for the name in the payload. */
  channel: 3,
  ask: 4,
  /** To the ask of the same number. */
  answer: 5,
  /** Instead of an answer: why not, in UTF-8. Nothing was done. */
  refusal: 6,
  /** The same, when something may have been done. */
  failure: 7,
  /** A message without an answer. */
  tell: 8,
  /** Says that its sender is alive. */
  beat: 9,
} as const;

export const HEAD_BYTES = 10;

/** A frame as it came. The payload is a view of what was read: what is kept for longer should be copied. */
export type FrameTaker = (kind: number, channel: number, number: number, payload: Buffer) => void;

/** Writes a head at a place in a buffer that has room for it. */
export function writeHead(
  to: Uint8Array,
  at: number,
  length: number,
  kind: number,
  channel: number,
  number: number,
): void {
  to[at] = length >>> 24;
  to[at + 1] = length >>> 16;
  to[at + 2] = length >>> 8;
  to[at + 3] = length;
  to[at + 4] = kind;
  to[at + 5] = channel;
  to[at + 6] = number >>> 24;
  to[at + 7] = number >>> 16;
  to[at + 8] = number >>> 8;
  to[at + 9] = number;
}

/** Cuts what was read into frames, however it is parted. */
export class FrameReader {
  /** Payloads may have so many bytes. */
  bytesMax: number;
  /** The beginning of a frame that is not whole yet: its pieces, and their bytes. */
  #pieces: Buffer[] = [];
  #held = 0;
  /** How many bytes must be there before it is worth looking again. */
  #needed = HEAD_BYTES;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Hands over each frame that is whole now. False when one is too large: nothing after it can be read. */
  read(chunk: Buffer, take: FrameTaker): boolean {
    let bytes = chunk;
    if (this.#held > 0) {
      this.#pieces.push(chunk);
      this.#held += chunk.length;
      if (this.#held < this.#needed) return true;
      bytes = Buffer.concat(this.#pieces, this.#held);
      this.#pieces = [];
      this.#held = 0;
    }
    let at = 0;
    this.#needed = HEAD_BYTES;
    while (bytes.length - at >= HEAD_BYTES) {
      const length = bytes.readUInt32BE(at);
      if (length > this.bytesMax) return false;
      const end = at + HEAD_BYTES + length;
      if (end > bytes.length) {
        this.#needed = HEAD_BYTES + length;
        break;
      }
      take(
        bytes[at + 4] as number,
        bytes[at + 5] as number,
        bytes.readUInt32BE(at + 6),
        bytes.subarray(at + HEAD_BYTES, end),
      );
      at = end;
    }
    if (at < bytes.length) {
      this.#pieces = [bytes.subarray(at)];
      this.#held = bytes.length - at;
    }
    return true;
  }
}
