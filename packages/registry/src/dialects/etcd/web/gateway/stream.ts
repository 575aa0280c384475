/** @live The answers of a stream, one in a line. */
import type { Answers } from "../../../../net/grpc/method.ts";
import { CODES, type Status } from "../../../../net/grpc/status.ts";
import type { Stream, Streaming } from "../../../../net/http/reply.ts";
import { give } from "../../../../net/routes/answer.ts";
import { toStreamError } from "./errors.ts";
import type { Translation } from "./translate.ts";

const HEADERS = { "Content-Type": "application/json" };

/** What goes to many is written once. */
const lines = new WeakMap<Buffer, Buffer>();

export class Lines implements Answers<unknown> {
  readonly #translation: Translation;
  readonly #reply: Streaming;
  readonly #closed: () => void;
  #stream: Stream | undefined;
  #resume: (() => void) | undefined;
  #isOpen = true;

  /** `closed` is called once, when it is over from whichever side. */
  constructor(translation: Translation, reply: Streaming, closed: () => void) {
    this.#translation = translation;
    this.#reply = reply;
    this.#closed = closed;
    reply.onGone(() => this.#close());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  write(answer: unknown): boolean {
    return this.#isOpen && this.#write(toLine(this.#translation.toJson(this.#translation.method.codec.encode(answer))));
  }

  writeEncoded(message: Buffer): boolean {
    if (!this.#isOpen) return false;
    let line = lines.get(message);
    if (line === undefined) {
      line = toLine(this.#translation.toJson(message));
      lines.set(message, line);
    }
    return this.#write(line);
  }

  #write(line: Buffer): boolean {
    return this.#begin().write(line);
  }

  /** With the first answer: until then an error has a status of its own. */
  #begin(): Stream {
    if (this.#stream !== undefined) return this.#stream;
    const stream = this.#reply.events({ headers: HEADERS, comments: false });
    this.#stream = stream;
    if (this.#resume !== undefined) stream.onDrain(this.#resume);
    stream.onClose(() => this.#close());
    return stream;
  }

  onDrain(resume: () => void): void {
    this.#resume = resume;
    this.#stream?.onDrain(resume);
  }

  end(status?: Status): void {
    if (!this.#isOpen) return;
    const error = status === undefined || status.code === CODES.ok ? undefined : toStreamError(status);
    if (error !== undefined && this.#stream === undefined) {
      give(this.#reply, error);
      return this.#close();
    }
    const last = error?.body;
    this.#begin().end(typeof last === "string" ? Buffer.from(last) : undefined);
    this.#close();
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#closed();
  }
}

function toLine(json: string): Buffer {
  return Buffer.from(`{"result":${json}}\n`);
}
