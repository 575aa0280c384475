/** @live The front door: frames in, answers out under the tags of their requests, each as soon as it is there. */
import { setMaxListeners } from "node:events";
import type { Socket } from "node:net";
import type { RequestLog } from "../../net/log.ts";
import type { StreamLine, StreamTalk } from "../../net/tcp.ts";
import type { Desk, Session } from "./desk.ts";
import { answer, isPatient, nameOf } from "./verbs.ts";
import { type Frame, Frames } from "./wire/frames.ts";
import { type Request, type Response, readRequest, readTag, writeResponse } from "./wire/message.ts";

/** Requests of one connection that are worked at; more wait in the socket. */
const UNDER_WAY_MAX = 64;
/** Requests of one connection that wait for what is yet to come. */
const WAITING_MAX = 1024;
/** After so many of a connection others have their turn: answers at hand would be given without end. */
const AT_ONCE = 256;
/** With more bytes that the client has not taken yet, no more requests are read. */
const UNSENT_BYTES_MAX = 256 * 1024;
/** Peers that are gone without a word are found out by TCP itself: clients may be silent for as long as they like. */
const KEEP_ALIVE_MS = 60_000;

const TOO_LONG: Response = { error: "OTHER", detail: "the request is too long" };
const TOO_MANY: Response = { error: "OTHER", detail: `more than ${WAITING_MAX} requests wait on this connection` };

export interface TalkParts {
  readonly desk: Desk;
  readonly line: StreamLine;
  readonly requests: RequestLog;
  nowMs(): number;
  /** Gets what a handler threw: a bug. */
  failed(error: unknown): void;
}

/** Answers the requests of a connection until the client ends it. */
export function serveTalk(socket: Socket, parts: TalkParts): StreamTalk {
  const talk = new Talk(socket, parts);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.on("data", (chunk: Buffer) => talk.take(chunk));
  socket.on("drain", () => talk.pump());
  socket.on("end", () => talk.end());
  socket.on("close", () => talk.close());
  return talk;
}

class Talk implements StreamTalk {
  readonly #socket: Socket;
  readonly #parts: TalkParts;
  readonly #frames = new Frames();
  readonly #done = new AbortController();
  readonly #gone = new AbortController();
  readonly #session: Session = { token: undefined, signal: this.#done.signal, gone: this.#gone.signal };
  #bytesRead = 0;
  #underWay = 0;
  #waiting = 0;
  #ended = false;
  #taken = 0;
  #rests = false;

  constructor(socket: Socket, parts: TalkParts) {
    this.#socket = socket;
    this.#parts = parts;
    // As many as requests wait; the runtime warns of more than ten.
    setMaxListeners(0, this.#done.signal, this.#gone.signal);
  }

  get isWorking(): boolean {
    return this.#underWay > 0 || this.#waiting > 0;
  }

  take(chunk: Buffer): void {
    this.#bytesRead += chunk.length;
    this.#frames.push(chunk);
    this.pump();
  }

  /** Reads and answers while neither side is overloaded. */
  pump(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.cork();
    while (!this.#isFull()) {
      const frame = this.#frames.next();
      if (frame === undefined) break;
      if (++this.#taken % AT_ONCE === 0) this.#rest();
      if (frame === "wrong" || !this.#takeFrame(frame)) {
        // Nobody can tell where the next request begins, or whose it is; so the original.
        socket.destroy();
        return;
      }
    }
    socket.uncork();
    if (this.#isFull()) socket.pause();
    else if (socket.isPaused()) socket.resume();
    if (this.#ended && this.#underWay === 0 && !this.#isFull()) socket.end();
  }

  /** The client sends no more. It gets what is worked at; what only waits is given up. */
  end(): void {
    this.#ended = true;
    this.#done.abort();
    this.pump();
  }

  close(): void {
    this.#done.abort();
    this.#gone.abort();
  }

  #rest(): void {
    this.#rests = true;
    setImmediate(() => {
      this.#rests = false;
      this.pump();
    });
  }

  #isFull(): boolean {
    return this.#rests || this.#underWay >= UNDER_WAY_MAX || this.#socket.writableLength > UNSENT_BYTES_MAX;
  }

  #takeFrame({ bytes, isWhole }: Frame): boolean {
    if (!isWhole) {
      this.#write(readTag(bytes), TOO_LONG);
      return true;
    }
    const request = readRequest(bytes);
    if (request === undefined) return false;
    const tell = this.#parts.requests.picks() ? this.#tellOf(request) : undefined;
    if (isPatient(request) && this.#waiting >= WAITING_MAX) this.#answered(request, TOO_MANY, tell);
    else this.#answer(request, tell);
    return true;
  }

  #answer(request: Request, tell: ((response: Response) => void) | undefined): void {
    const response = answer(this.#parts.desk, request, this.#session);
    if (!(response instanceof Promise)) {
      this.#answered(request, response, tell);
      return;
    }
    const patient = isPatient(request);
    this.#count(patient, 1);
    void response
      .then(
        (value) => {
          if (patient && this.#done.signal.aborted) return;
          this.#answered(request, value, tell);
        },
        (error: unknown) => {
          // Who waited for a revision is gone.
          if (this.#done.signal.aborted) return;
          this.#parts.failed(error);
          this.#socket.destroy();
        },
      )
      .finally(() => {
        this.#count(patient, -1);
        this.pump();
      });
  }

  #count(patient: boolean, by: number): void {
    if (patient) this.#waiting += by;
    else this.#underWay += by;
  }

  #answered({ tag }: Request, response: Response, tell: ((response: Response) => void) | undefined): void {
    this.#write(tag, response);
    this.#parts.line.used(this.#bytesRead - this.#frames.waiting);
    tell?.(response);
  }

  #write(tag: number | undefined, response: Response): void {
    if (this.#socket.destroyed || !this.#socket.writable) return;
    this.#socket.write(writeResponse(tag, response));
    this.#parts.line.wrote();
  }

  /** A line for the log. A path is shown as what it is: secrets are no paths. */
  #tellOf(request: Request): (response: Response) => void {
    const { requests, nowMs, desk } = this.#parts;
    const startMs = nowMs();
    const principal = desk.access.authenticate(this.#session.token);
    const who = principal.ok ? principal.value : undefined;
    const asked = request.path === undefined ? nameOf(request) : `${nameOf(request)} ${request.path}`;
    return ({ error = "OK" }) =>
      requests.write({
        dialect: "doozer",
        account: who === undefined ? "" : (who.account ?? desk.settings.account),
        who: who?.name ?? "",
        from: this.#socket.remoteAddress ?? "",
        asked,
        outcome: error,
        ms: nowMs() - startMs,
      });
  }
}
