/** Methods of gRPC as data: what a dialect serves, and what it is called with. */
import type { Status } from "./status.ts";

/** Bytes that `encode` leaves free at the beginning: the head of gRPC's frame is written there. */
export const HEAD_BYTES = 5;

export interface Codec<Q, A> {
  /** Throws when the bytes are no message. What it returns holds on to none of them. */
  decode(message: Buffer): Q;
  /** The message, behind `HEAD_BYTES` bytes that are free. */
  encode(answer: A): Buffer;
}

/** One call, as handlers see it, whichever way it came. */
export interface Call {
  /** `/package.Service/Method` */
  readonly path: string;
  /** The first value of a header; `name` in lower case. */
  metadata(name: string): string | undefined;
  /** The client's address; empty when it is gone. */
  readonly peer: string;
  /** Aborted when the client is gone or its deadline is over. Made when it is first asked for. */
  readonly signal: AbortSignal;
  /** For the log of requests: whoever lets the call in notes the account and the name of who asks. */
  account?: string;
  who?: string;
}

/** Where the answers of a stream go. */
export interface Answers<A> {
  /** False once the stream is over. */
  readonly isOpen: boolean;
  /** What is written is always taken, while it is open. False: no more until `onDrain` calls, for the client does not read. */
  write(answer: A): boolean;
  /** As `encode` makes it. The same buffer may be written to any number of streams, and must not change afterwards. */
  writeEncoded(message: Buffer): boolean;
  /** Called whenever the client has caught up after `write` answered false. */
  onDrain(resume: () => void): void;
  /** The end, well unless a status says otherwise. Nothing happens where it is over. */
  end(status?: Status): void;
}

/** The handler's side of a stream of requests. */
export interface Talk<Q> {
  /** The next one is not read before this has resolved. What it throws or rejects with ends the call. */
  message(request: Q): void | Promise<void>;
  /** The client says no more. */
  ended(): void;
  /** The stream is over, from whichever side: called once. */
  closed(): void;
}

interface Common<Q, A> {
  readonly path: string;
  readonly codec: Codec<Q, A>;
}

/** `C` is what all handlers of a server share. */
export interface Unary<C, Q, A> extends Common<Q, A> {
  readonly kind: "unary";
  handle(context: C, call: Call, request: Q): A | Status | Promise<A | Status>;
}

export interface ServerStream<C, Q, A> extends Common<Q, A> {
  readonly kind: "server";
  /** The returned function is called once, when the stream is over. */
  handle(context: C, call: Call, request: Q, answers: Answers<A>): () => void;
}

/** Streams both ways; also a stream of requests with one answer. */
export interface Both<C, Q, A> extends Common<Q, A> {
  readonly kind: "both";
  open(context: C, call: Call, answers: Answers<A>): Talk<Q>;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds methods of all messages; each is called with its own alone.
export type Method<C, Q = any, A = any> = Unary<C, Q, A> | ServerStream<C, Q, A> | Both<C, Q, A>;
