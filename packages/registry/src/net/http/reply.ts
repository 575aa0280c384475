/** An answer as handlers give it, whichever way the request came. */
import type { Body } from "../answers/parts.ts";
import type { Head, Headers } from "./head.ts";

/** Counts one answered request. `status` 499 stands for a client that went away before the answer. */
export type Observe = (status: number, seconds: number) => void;

export type Piece = Buffer | string;

/** What every route gets. */
export interface Reply {
  /** The answer is given, or has begun. */
  readonly sent: boolean;
  /** Nobody is there to read an answer. */
  readonly gone: boolean;
  /**
   * Sends an answer. A body in parts is made as fast as the client takes it, and between other work: a list of any
   * length costs one part of memory. Text and bytes go out with their length, and count whole among what clients have
   * not taken (net/answers/outgoing.ts) until they have. Does nothing once the answer is sent or the client gone. Headers that
   * frame the answer are the listener's.
   */
  send(status: number, headers: Head | Headers, body?: Body): void;
  /** Sends a problem document: see problem.ts. */
  problem(status: number, name: string, detail: string, headers?: Headers): void;
  /** Ends the connection without an answer, or in the middle of it. */
  abort(): void;
  /**
   * Calls once if the client leaves before its answer. A client that ends its side of the connection has left as well:
   * it would still get an answer given at once, but none that is waited for.
   */
  onGone(listener: () => void): void;
}

/** What only a route gets that says `streams: true`. */
export interface Streaming extends Reply {
  /** Begins an endless answer of server-sent events. */
  events(options?: StreamOptions): Stream;
  /**
   * Sends an answer in pieces, as fast as the client takes them. Resolves when the last one is out or the client is
   * gone. Rejects with what `pieces` throws; an answer that has begun is cut then. A single piece is sent whole.
   */
  pieces(status: number, headers: Headers, pieces: Pieces, options?: PiecesOptions): Promise<void>;
}

export type Pieces = Iterable<Piece> | AsyncIterable<Piece>;

export interface PiecesOptions {
  /** Bytes of all pieces, where that is known before. */
  readonly bytes?: number;
  /** A client that takes nothing for so long is cut off. */
  readonly stallMsMax?: number;
}

/** A repeating timer; the cancel function is returned. */
export type Every = (intervalMs: number, tick: () => void) => () => void;

export interface StreamOptions {
  readonly headers?: Headers;
  /** `write` answers false from here on. */
  readonly bufferedBytesMax?: number;
  /** A comment is sent this often, so that proxies and clients know that the stream lives. */
  readonly keepAliveMs?: number;
  /** False: none is sent, as the answer is of another type that knows none. */
  readonly comments?: boolean;
  /** A client that reads nothing for so long while bytes wait for it is cut off. */
  readonly stallMsMax?: number;
  /** After so long without traffic the kernel asks the peer whether it is still there. */
  readonly probeAfterMs?: number;
  readonly every?: Every;
}

/** Server-sent events under way. */
export interface Stream {
  /**
   * Writes one or more whole events. The bytes are always taken; false means: no more until `onDrain` calls. The same
   * Buffer may be written to any number of streams and must not be changed afterwards.
   */
  write(events: Buffer): boolean;
  /** Called when the client has caught up after `write` answered false. */
  onDrain(resume: () => void): void;
  /**
   * Called once when the stream is over, from whichever side. `byPeer`: the peer's machine ended the connection, as it does at
   * once for a process that was killed. A peer that does not answer any more says nothing of the kind.
   */
  onClose(closed: (byPeer: boolean) => void): void;
  readonly open: boolean;
  /** The last words, if any, and the end. */
  end(events?: Buffer): void;
}
