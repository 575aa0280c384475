/** @live A connection of HTTP/2 as the streams on it see it, and what is allowed on one. */
import type { Socket } from "node:net";
import type { Outgoing } from "../../answers/outgoing.ts";
import { placeOf } from "../../crowd.ts";
import type { Observe } from "../../http/reply.ts";

export interface SessionLimits {
  /** Streams open at once on one connection. */
  readonly streamsMax: number;
  readonly headerBytesMax: number;
  /** Pings of a client that come faster count against it, unless something was sent to it meanwhile. */
  readonly pingMsMin: number;
  /** A client that said nothing for so long is asked whether it is still there. */
  readonly keepAliveMs: number;
  /** And is cut off when it does not answer in this time. */
  readonly keepAliveTimeoutMs: number;
}

/** As etcd and gRPC's library for Go have them. */
export const SESSION_LIMITS: SessionLimits = {
  streamsMax: 20_000,
  headerBytesMax: 16 * 1024,
  pingMsMin: 5000,
  keepAliveMs: 7_200_000,
  keepAliveTimeoutMs: 20_000,
};

/** Silent clients are looked for so often. */
export const SWEEPS_PER_TIMEOUT = 4;
/** Without a stream, pings may come no more often than this. */
const IDLE_PING_MS_MIN = 7_200_000;
const STRIKES_MAX = 2;
/** Of a client that sends a lot: so much comes before it waits for word that it was read. */
export const WINDOW_BYTES = 1024 * 1024;
/** Below this nobody counts what waits for a client. */
const UNREAD_BYTES = 1024 * 1024;
/** While more waits on a connection, no further answers are made for it. */
const FULL_BYTES = 4 * 1024 * 1024;

/** A connection, as streams on it see it. What guards connections sees it as an answer that is under way. */
export class Line {
  readonly peer: string;
  readonly observe: Observe | undefined;
  readonly #socket: Socket;
  readonly #outgoing: Outgoing;
  #unread = 0;
  readonly #waiting = new Set<() => void>();
  #isNoted = false;
  streams = 0;
  /** Something was sent since the last ping. */
  hasSent = false;
  heardMs = performance.now();
  #pingedMs = 0;
  #strikes = 0;

  constructor(socket: Socket, outgoing: Outgoing, observe: Observe | undefined) {
    this.#socket = socket;
    this.peer = socket.remoteAddress ?? "";
    this.#outgoing = outgoing;
    this.observe = observe;
  }

  /** No stream waits for anything. */
  get sent(): boolean {
    return this.streams === 0;
  }

  count(): void {}

  /** So many bytes are on their way to the client. */
  wrote(bytes: number): void {
    this.hasSent = true;
    this.#unread += bytes;
    if (this.#unread <= UNREAD_BYTES) return;
    this.#isNoted = true;
    this.#outgoing.note(this.#socket, this.#unread);
  }

  get isFull(): boolean {
    return this.#unread > FULL_BYTES;
  }

  /** Calls once the client has taken enough, after those who asked before. Returns its cancel. */
  whenRoom(go: () => void): () => void {
    this.#waiting.add(go);
    return () => this.#waiting.delete(go);
  }

  taken(bytes: number): void {
    this.#unread -= bytes;
    for (const go of this.#waiting) {
      if (this.isFull) break;
      this.#waiting.delete(go);
      go();
    }
    if (!this.#isNoted) return;
    this.#isNoted = this.#unread > UNREAD_BYTES;
    this.#outgoing.note(this.#socket, 0);
    if (this.#isNoted) this.#outgoing.note(this.#socket, this.#unread);
  }

  began(): void {
    this.streams += 1;
    this.heardMs = performance.now();
  }

  ended(): void {
    this.streams -= 1;
    placeOf(this.#socket)?.used();
  }

  /** False when there have been too many: gRPC's rules, https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md */
  mayPing(pingMsMin: number): boolean {
    const nowMs = performance.now();
    const sinceMs = nowMs - this.#pingedMs;
    this.#pingedMs = nowMs;
    this.heardMs = nowMs;
    if (this.hasSent) {
      this.hasSent = false;
      this.#strikes = 0;
      return true;
    }
    if (sinceMs < (this.streams > 0 ? pingMsMin : IDLE_PING_MS_MIN)) this.#strikes += 1;
    return this.#strikes <= STRIKES_MAX;
  }
}
