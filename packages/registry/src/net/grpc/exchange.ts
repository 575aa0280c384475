/** @live One call: a stream of HTTP/2 on one side, the handler of a method on the other. */
import type { RequestLog } from "../log.ts";
import { type Coding, Deframer, packFrame, sealFrame } from "./frames.ts";
import { type Duct, HEAD, type Headers, type Receiver } from "./http2/duct.ts";
import type { Line } from "./http2/line.ts";
import { type Answers, type Call, HEAD_BYTES, type Method, type Talk } from "./method.ts";
import { CODES, OK, readTimeout, Status, toHttp, trailersOf } from "./status.ts";

/** What calls need of their server. */
export interface Host<C> {
  readonly options: {
    readonly context: C;
    readonly requestBytesMax: number;
    /** For the log of requests. */
    readonly dialect: string;
    readonly requests: RequestLog;
    /** Told of what a handler throws that is no `Status`. */
    failed(error: unknown, path: string): void;
  };
  /** The streams that are open, those of one request and one answer aside. */
  readonly streaming: Set<Answers<unknown>>;
  /** Counts bytes of messages that have come in part. Throws a `Status` when there are too many. */
  hold(bytes: number): void;
}

/** How the client compresses what it sends; what it gets is compressed the same way, as the original does. */
export interface Encoding {
  readonly name: string;
  readonly coding: Coding;
}

/** So much may wait for a client before handlers are told to wait. */
const UNREAD_BYTES_MAX = 256 * 1024;
/** Timers take no longer ones. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const LATE = new Status(CODES.deadlineExceeded, "context deadline exceeded");
const EMPTY = new Status(CODES.internal, "unexpected EOF");
const FAILED = new Status(CODES.internal, "something went wrong; the server's log has it");

export class Exchange<C> implements Call, Answers<unknown>, Receiver {
  readonly path: string;
  account?: string;
  who?: string;
  readonly #server: Host<C>;
  readonly #method: Method<C>;
  readonly #duct: Duct;
  readonly #headers: Headers;
  readonly #line: Line;
  readonly #encoding: Encoding | undefined;
  readonly #deframer: Deframer;
  readonly #beganMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #aborting: AbortController | undefined;
  #talk: Talk<unknown> | undefined;
  #closing: (() => void) | undefined;
  /** Gives up waiting for room. */
  #forget: (() => void) | undefined;
  #resume: (() => void) | undefined;
  /** The end as it is or will be told. */
  #status: Status | undefined;
  #unsent: Buffer[] = [];
  #held = 0;
  #unread = 0;
  #isAsked = false;
  #isBusy = false;
  #isEnded = false;
  #hasHead = false;

  constructor(
    server: Host<C>,
    method: Method<C>,
    duct: Duct,
    headers: Headers,
    line: Line,
    encoding: Encoding | undefined,
  ) {
    this.path = method.path;
    this.#server = server;
    this.#method = method;
    this.#duct = duct;
    this.#headers = headers;
    this.#line = line;
    this.#encoding = encoding;
    this.#deframer = new Deframer(server.options.requestBytesMax, encoding?.coding);
    line.began();
    if (method.kind !== "unary") server.streaming.add(this);
    duct.listen(this);
    const timeoutMs = readTimeout(headers["grpc-timeout"] as string | undefined);
    if (timeoutMs !== undefined) this.#limit(timeoutMs);
    if (method.kind === "both" && this.isOpen) this.#try(() => this.#open());
  }

  get peer(): string {
    return this.#line.peer;
  }

  get signal(): AbortSignal {
    this.#aborting ??= new AbortController();
    if (!this.isOpen) this.#aborting.abort();
    return this.#aborting.signal;
  }

  get isOpen(): boolean {
    return this.#status === undefined && this.#duct.isOpen;
  }

  metadata(name: string): string | undefined {
    const value = this.#headers[name];
    return typeof value === "object" ? value[0] : value;
  }

  #limit(timeoutMs: number): void {
    if (Number.isNaN(timeoutMs)) return this.end(new Status(CODES.internal, "malformed grpc-timeout"));
    const late = (): void => this.end(LATE);
    if (timeoutMs < TIMER_MS_MAX) this.#timer = setTimeout(late, timeoutMs);
  }

  #open(): void {
    if (this.#method.kind !== "both") return;
    const talk = this.#method.open(this.#server.options.context, this, this);
    this.#talk = talk;
    this.#closing = () => talk.closed();
  }

  take(chunk: Buffer): void {
    if (!this.isOpen) return;
    this.#deframer.push(chunk);
    if (!this.#isBusy) this.#try(() => this.#pump());
  }

  half(): void {
    this.#isEnded = true;
    if (this.isOpen && !this.#isBusy) this.#try(() => this.#pump());
  }

  /** Hands over what lies ready. */
  #pump(): void {
    while (this.isOpen && !this.#isBusy) {
      const message = this.#deframer.next();
      if (message === undefined) break;
      this.#hand(message);
    }
    this.#hold(this.isOpen ? this.#deframer.bytes : 0);
    if (!this.#isEnded || this.#isBusy || !this.isOpen) return;
    if (this.#deframer.bytes > 0 || (this.#talk === undefined && !this.#isAsked)) this.end(EMPTY);
    else this.#talk?.ended();
  }

  #hold(bytes: number): void {
    const more = bytes - this.#held;
    if (more === 0) return;
    this.#held = bytes;
    this.#server.hold(more);
  }

  #hand(message: Buffer): void {
    const method = this.#method;
    // What follows the one request of such a call is nothing.
    if (method.kind !== "both" && this.#isAsked) return;
    this.#isAsked = true;
    const { context } = this.#server.options;
    const request = this.#decode(message);
    if (method.kind === "server") {
      this.#closing = method.handle(context, this, request, this);
      return;
    }
    if (method.kind === "both") {
      const working = this.#talk?.message(request);
      if (working !== undefined) this.#wait(working);
      return;
    }
    const answer = method.handle(context, this, request);
    if (!(answer instanceof Promise)) return this.#answer(answer);
    answer.then(
      (found) => this.#try(() => this.#answer(found)),
      (error: unknown) => this.#fail(error),
    );
  }

  #decode(message: Buffer): unknown {
    try {
      return this.#method.codec.decode(message);
    } catch (error) {
      if (error instanceof Status) throw error;
      throw new Status(CODES.internal, `grpc: error unmarshalling request: ${(error as Error).message}`);
    }
  }

  #wait(working: Promise<void>): void {
    this.#isBusy = true;
    this.#duct.pause();
    working.then(
      () => {
        this.#isBusy = false;
        if (!this.isOpen) return;
        this.#duct.resume();
        this.#try(() => this.#pump());
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (error instanceof Status) return this.end(error);
    this.#server.options.failed(error, this.path);
    this.end(FAILED);
  }

  /** The one answer of a call, and its end. */
  #answer(answer: unknown): void {
    if (answer instanceof Status) return this.end(answer);
    if (!this.isOpen) return;
    // A client that does not read gets no more made for it.
    if (this.#line.isFull) {
      this.#forget = this.#line.whenRoom(() => this.#try(() => this.#answer(answer)));
      return;
    }
    const frame = this.#frame(this.#method.codec.encode(answer));
    this.#begin();
    this.#count(frame.length);
    this.#status = OK;
    this.#duct.end(OK, frame);
    this.#leave();
  }

  #frame(message: Buffer): Buffer {
    // An empty message is as short as it can be.
    if (this.#encoding === undefined || message.length === HEAD_BYTES) return sealFrame(message);
    return packFrame(message, this.#encoding.coding);
  }

  #begin(): void {
    if (this.#hasHead) return;
    this.#hasHead = true;
    this.#duct.begin(this.#encoding?.name);
  }

  #count(bytes: number): void {
    this.#unread += bytes;
    this.#line.wrote(bytes);
  }

  write(answer: unknown): boolean {
    return this.writeEncoded(this.#method.codec.encode(answer));
  }

  writeEncoded(message: Buffer): boolean {
    if (!this.isOpen) return true;
    const frame = this.#frame(message);
    this.#begin();
    this.#count(frame.length);
    if (this.#unsent.push(frame) === 1) process.nextTick(() => this.#flush());
    return this.#unread <= UNREAD_BYTES_MAX;
  }

  /** What was written in one turn goes out in one piece. */
  #flush(): void {
    const [first] = this.#unsent;
    if (first === undefined || !this.#duct.isOpen) return;
    const piece = this.#unsent.length === 1 ? first : Buffer.concat(this.#unsent);
    this.#unsent = [];
    this.#duct.write(piece, () => this.#taken(piece.length));
  }

  #taken(bytes: number): void {
    // Counted at the close.
    if (this.#unread < bytes) return;
    const wasFull = this.#unread > UNREAD_BYTES_MAX;
    this.#unread -= bytes;
    this.#line.taken(bytes);
    if (wasFull && this.#unread <= UNREAD_BYTES_MAX && this.isOpen) this.#resume?.();
  }

  onDrain(resume: () => void): void {
    this.#resume = resume;
  }

  end(status: Status = OK): void {
    if (!this.isOpen) return;
    this.#status = status;
    this.#line.hasSent = true;
    this.#flush();
    if (this.#hasHead) this.#duct.end(status);
    else this.#duct.only({ ...HEAD, ...trailersOf(status) });
    this.#leave();
  }

  /** The call has its answer. What the client still sends of it is passed over. */
  #leave(): void {
    clearTimeout(this.#timer);
    this.#duct.resume();
  }

  closed(): void {
    clearTimeout(this.#timer);
    this.#forget?.();
    if (this.#held > 0) this.#server.hold(-this.#held);
    this.#held = 0;
    if (this.#unread > 0) this.#line.taken(this.#unread);
    this.#unread = 0;
    this.#line.ended();
    this.#server.streaming.delete(this);
    this.#aborting?.abort();
    this.#tell();
    this.#status ??= OK;
    const closing = this.#closing;
    this.#closing = undefined;
    if (closing !== undefined) this.#try(closing);
  }

  #tell(): void {
    const { requests, dialect } = this.#server.options;
    const ms = performance.now() - this.#beganMs;
    // 499: the client went away before the end.
    const outcome = this.#status === undefined ? 499 : toHttp(this.#status);
    this.#line.observe?.(outcome, ms / 1000);
    if (!requests.picks()) return;
    const { account = "", who = "", path, peer } = this;
    requests.write({ dialect, account, who, from: peer, asked: path, outcome, ms });
  }
}
