/** What nsqd says on a connection: a magic, then lines; IDENTIFY's is followed by a length and a body. */

/** The longest command with two names is 160 bytes. */
export const LINE_BYTES_MAX = 1024;
/** An nsqd says some 200 bytes of itself. */
export const BODY_BYTES_MAX = 64 * 1024;

const MAGIC = "  V1";
const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

export type Said =
  | { readonly kind: "command"; readonly words: readonly string[] }
  | { readonly kind: "body"; readonly bytes: Buffer }
  /** The last answer; the connection ends with it. */
  | { readonly kind: "wrong"; readonly error: string };

/** Bytes as they come, and what they say, in order. Holds no more than one command. */
export class Reader {
  #held: Buffer = NOTHING;
  #isGreeted = false;
  #awaitsBody = false;

  /** Bytes that say nothing yet. */
  get held(): number {
    return this.#held.length;
  }

  push(chunk: Buffer): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
  }

  /** The next thing said is a body. */
  awaitBody(): void {
    this.#awaitsBody = true;
  }

  /** Undefined until more has come. */
  next(): Said | undefined {
    if (!this.#isGreeted) {
      if (this.#held.length < MAGIC.length) return undefined;
      if (this.#take(MAGIC.length).toString("latin1") !== MAGIC) return { kind: "wrong", error: "E_BAD_PROTOCOL" };
      this.#isGreeted = true;
    }
    return this.#awaitsBody ? this.#body() : this.#line();
  }

  #line(): Said | undefined {
    const end = this.#held.subarray(0, LINE_BYTES_MAX).indexOf(LF);
    if (end >= 0)
      return {
        kind: "command",
        words: this.#take(end + 1)
          .toString("utf8")
          .trim()
          .split(" "),
      };
    if (this.#held.length < LINE_BYTES_MAX) return undefined;
    return { kind: "wrong", error: `E_INVALID a command is longer than ${LINE_BYTES_MAX} bytes` };
  }

  #body(): Said | undefined {
    if (this.#held.length < 4) return undefined;
    const length = this.#held.readInt32BE(0);
    if (length < 0 || length > BODY_BYTES_MAX)
      return { kind: "wrong", error: `E_BAD_BODY IDENTIFY body is not 0 to ${BODY_BYTES_MAX} bytes` };
    if (this.#held.length < 4 + length) return undefined;
    this.#awaitsBody = false;
    return { kind: "body", bytes: this.#take(4 + length).subarray(4) };
  }

  #take(length: number): Buffer {
    const taken = this.#held.subarray(0, length);
    // An empty end would keep all that it was cut from.
    this.#held = length === this.#held.length ? NOTHING : this.#held.subarray(length);
    return taken;
  }
}

/** An answer: its length in four bytes, and itself. */
export function frame(answer: string): Buffer {
  const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(answer));
  bytes.writeInt32BE(bytes.length - 4, 0);
  bytes.write(answer, 4);
  return bytes;
}
