/** @live gRPC to one member of etcd: calls with one answer and calls that stay open, over one HTTP/2 connection. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { SecureContextOptions } from "node:tls";
import { sayWhy } from "../../../net/why.ts";

/** Codes of gRPC that are told apart here. */
export const CODES = { unknown: 2, deadline: 4, notFound: 5, exhausted: 8, unavailable: 14, unauthenticated: 16 };

/** Why a call has no answer. */
export class CallFailed extends Error {
  /** Of gRPC. */
  readonly code: number;
  /** The member said so: no time-out, no broken connection. */
  readonly isAnswer: boolean;

  constructor(code: number, message: string, isAnswer: boolean) {
    super(message);
    this.code = code;
    this.isAnswer = isAnswer;
  }
}

/** The end of each call that went well; an error with a stack of its own would cost more than the rest of it. */
const DONE = new CallFailed(0, "it ended the call", true);

/** In words. Numbers of gRPC are not those of the system's errors. */
export function sayFailure(error: unknown): string {
  return error instanceof CallFailed ? error.message : sayWhy(error);
}

export interface OpenCall {
  send(message: Buffer): void;
  /** Nothing is told any more. */
  close(): void;
}

/** What an open call is told. `ended` comes once, last. */
export interface Listener {
  message(bytes: Buffer): void;
  ended(error: CallFailed): void;
}

const WINDOW_BYTES = 16 * 1024 * 1024;
const MESSAGE_BYTES_MAX = 512 * 1024 * 1024;
/** etcd ends connections that are tried more often than each 5 s. */
const PING_MS = 6000;
const PING_ANSWER_MS = 3000;
const HEAD_BYTES = 5;

function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Cuts what comes into messages. */
class Frames {
  #chunks: Buffer[] = [];
  #length = 0;

  /** Throws when it is none of gRPC. */
  take(chunk: Buffer, visit: (message: Buffer) => void): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= HEAD_BYTES) {
      const first = this.#chunks[0] as Buffer;
      const whole = first.length >= HEAD_BYTES ? first : this.#join();
      const end = HEAD_BYTES + whole.readUInt32BE(1);
      if (whole[0] !== 0 || end > MESSAGE_BYTES_MAX) throw new Error("what came is no message of gRPC");
      if (this.#length < end) return;
      const all = this.#join();
      this.#chunks = [all.subarray(end)];
      this.#length -= end;
      visit(all.subarray(HEAD_BYTES, end));
    }
  }

  #join(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }
}

export class Channel {
  readonly url: string;
  #secure: SecureContextOptions;
  #session: ClientHttp2Session | null = null;

  /** `url`: `http://host:2379` or `https://…`. Nothing is opened before the first call. */
  constructor(url: string, secure: SecureContextOptions = {}) {
    this.url = url;
    this.#secure = secure;
  }

  /**
   * One answer, or `CallFailed`. With `againMs` it is asked again as often as there is no answer for so long, beside the
   * calls before: what a member has passed on to a leader that is gone gets no answer, though there is another leader by
   * then. For what changes nothing when it is done a second time.
   */
  ask(path: string, message: Buffer, timeoutMs: number, token: string, againMs?: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const open = new Set<OpenCall>();
      let failed: CallFailed | undefined;
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        clearInterval(again);
        for (const call of open) call.close();
        settle();
      };
      const send = (): void => {
        let answer: Buffer | undefined;
        const call = this.open(path, token, {
          message: (bytes) => {
            answer = bytes;
          },
          ended: (error) => {
            open.delete(call);
            if (error === DONE && answer !== undefined) return end(() => resolve(answer as Buffer));
            // What one refused another may have done, or do yet.
            if (failed === undefined || failed.isAnswer) failed = error;
            if (open.size === 0) end(() => reject(failed));
          },
        });
        open.add(call);
        call.send(message);
        call.end();
      };
      const timer = setTimeout(
        () =>
          end(() => reject(new CallFailed(CODES.deadline, `${this.url} did not answer within ${timeoutMs} ms`, false))),
        timeoutMs,
      );
      const again = againMs === undefined ? undefined : setInterval(send, againMs);
      send();
    });
  }

  open(path: string, token: string, listener: Listener): OpenCall & { end(): void } {
    let stream: ClientHttp2Stream;
    try {
      stream = this.#connected().request(toHeaders(path, token));
    } catch (error) {
      // Told later, as everything is.
      const failed = new CallFailed(CODES.unavailable, `${this.url}: ${sayWhy(error)}`, false);
      setImmediate(() => listener.ended(failed));
      return { send: () => {}, close: () => {}, end: () => {} };
    }
    const closed = this.#listen(stream, listener);
    return {
      send: (message) => {
        if (!stream.destroyed) stream.write(frame(message));
      },
      end: () => stream.end(),
      close: () => {
        closed();
        stream.close(constants.NGHTTP2_CANCEL);
      },
    };
  }

  /** Tells the listener of the stream; the answer ends that. */
  #listen(stream: ClientHttp2Stream, listener: Listener): () => void {
    const frames = new Frames();
    let isOver = false;
    let status: CallFailed | undefined;
    const end = (error: CallFailed): void => {
      if (isOver) return;
      isOver = true;
      listener.ended(error);
    };
    const lost = (why: string): CallFailed => new CallFailed(CODES.unavailable, `${this.url}: ${why}`, false);
    const note = (headers: IncomingHttpHeaders): void => {
      status ??= statusOf(headers);
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("data", (chunk: Buffer) => {
      try {
        frames.take(chunk, (message) => {
          if (!isOver) listener.message(message);
        });
      } catch (error) {
        end(lost(sayWhy(error)));
        stream.close(constants.NGHTTP2_CANCEL);
      }
    });
    stream.on("error", (error) => end(lost(sayBroken(error))));
    stream.on("close", () => end(status ?? lost("the connection ended")));
    return () => {
      isOver = true;
    };
  }

  #connected(): ClientHttp2Session {
    if (this.#session !== null && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const session = connect(this.url, { ...this.#secure, settings: { initialWindowSize: WINDOW_BYTES } });
    session.on("connect", () => {
      if (!session.destroyed) session.setLocalWindowSize(WINDOW_BYTES);
    });
    // Told to every stream as well.
    session.on("error", () => {});
    session.on("goaway", () => session.close());
    const ping = setInterval(() => {
      const late = setTimeout(() => session.destroy(new Error("it does not answer")), PING_ANSWER_MS);
      const answered = (): void => clearTimeout(late);
      if (session.closed || session.destroyed || !session.ping(answered)) answered();
    }, PING_MS).unref();
    session.on("close", () => clearInterval(ping));
    this.#session = session;
    return session;
  }

  /** For connections from now on; the one that there is stays. */
  renew(secure: SecureContextOptions): void {
    this.#secure = secure;
  }

  /** Ends the connection; the next call opens another. */
  drop(): void {
    this.#session?.destroy();
    this.#session = null;
  }
}

/** Of a stream whose connection did not come about it is only said that it was canceled, and why in brackets. */
function sayBroken(error: Error): string {
  return /caused by: (.*)\)$/.exec(error.message)?.[1] ?? sayWhy(error);
}

function toHeaders(path: string, token: string): OutgoingHttpHeaders {
  return {
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...(token === "" ? {} : { token }),
  };
}

/** Undefined while the call goes on. */
function statusOf(headers: IncomingHttpHeaders): CallFailed | undefined {
  const status = headers["grpc-status"];
  if (status === undefined) {
    const http = headers[":status"];
    if (http === undefined || Number(http) === 200) return undefined;
    return new CallFailed(CODES.unavailable, `it answers with the status ${String(http)} of HTTP`, false);
  }
  if (Number(status) === 0) return DONE;
  return new CallFailed(Number(status), unescapeMessage(String(headers["grpc-message"] ?? "")), true);
}

function unescapeMessage(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}
