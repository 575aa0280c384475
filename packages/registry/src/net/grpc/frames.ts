/** Frames of gRPC: a byte that says whether the message is compressed, its length in four bytes, the message. */
import { deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import { HEAD_BYTES } from "./method.ts";
import { CODES, Status } from "./status.ts";

/** How messages may be compressed. */
export interface Coding {
  unpack(packed: Buffer, options: { maxOutputLength: number }): Buffer;
  pack(message: Buffer): Buffer;
}

export const CODINGS: Readonly<Record<string, Coding>> = {
  gzip: { unpack: gunzipSync, pack: gzipSync },
  deflate: { unpack: inflateSync, pack: deflateSync },
};

/** For `grpc-accept-encoding`. */
export const ACCEPTED = ["identity", ...Object.keys(CODINGS)].join(",");

/** Writes the head of the frame into the bytes that were left free for it. */
export function sealFrame(message: Buffer): Buffer {
  message[0] = 0;
  message.writeUInt32BE(message.length - HEAD_BYTES, 1);
  return message;
}

/** The same message, compressed. */
export function packFrame(message: Buffer, coding: Coding): Buffer {
  const packed = coding.pack(message.subarray(HEAD_BYTES));
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = 1;
  head.writeUInt32BE(packed.length, 1);
  return Buffer.concat([head, packed]);
}

const NONE = Buffer.alloc(0);

/** Takes a stream of bytes apart. */
export class Deframer {
  readonly #bytesMax: number;
  readonly #coding: Coding | undefined;
  #held: Buffer = NONE;
  /** Pieces behind `#held`, joined once a whole frame is there. */
  #more: Buffer[] = [];
  /** Bytes that have come and are in no message yet. */
  bytes = 0;

  /** `coding`: one of `CODINGS`, where the client says that it uses it. */
  constructor(bytesMax: number, coding?: Coding) {
    this.#bytesMax = bytesMax;
    this.#coding = coding;
  }

  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.#held.length === 0) this.#held = chunk;
    else this.#more.push(chunk);
  }

  /** The next message that is whole. It lies in what was pushed. Throws a `Status`. */
  next(): Buffer | undefined {
    if (this.bytes < HEAD_BYTES) return undefined;
    if (this.#held.length < HEAD_BYTES) this.#join();
    const length = this.#held.readUInt32BE(1);
    if (length > this.#bytesMax)
      throw new Status(
        CODES.resourceExhausted,
        `grpc: received message larger than max (${length} vs. ${this.#bytesMax})`,
      );
    const end = HEAD_BYTES + length;
    if (this.bytes < end) return undefined;
    if (this.#held.length < end) this.#join();
    const message = this.#held.subarray(HEAD_BYTES, end);
    const flag = this.#held[0];
    this.#held = this.#held.subarray(end);
    this.bytes -= end;
    return flag === 0 ? message : this.#unpack(message, flag);
  }

  #join(): void {
    this.#held = Buffer.concat([this.#held, ...this.#more]);
    this.#more = [];
  }

  #unpack(message: Buffer, flag: number | undefined): Buffer {
    if (flag !== 1) throw new Status(CODES.internal, `grpc: received unexpected payload format ${flag}`);
    if (this.#coding === undefined)
      throw new Status(CODES.internal, "grpc: compressed flag set with identity or empty encoding");
    try {
      return this.#coding.unpack(message, { maxOutputLength: this.#bytesMax });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
        throw new Status(
          CODES.resourceExhausted,
          `grpc: received message after decompression larger than max ${this.#bytesMax}`,
        );
      throw new Status(CODES.internal, `grpc: failed to decompress the received message: ${(error as Error).message}`);
    }
  }
}
