/** @live The answer to a plain request: one write. */
import { type Body, isToBeMade, openBody, type Parted } from "../../answers/parts.ts";
import { inTurn } from "../../answers/turns.ts";
import { type Head, type Headers, linesOf } from "../head.ts";
import { isBare, type ListenerState, lastLines, statusLine } from "../lines.ts";
import { NO_ROOM, PROBLEM_TYPE, problemOf } from "../problem.ts";
import type { Observe, Piece, Reply } from "../reply.ts";
import type { PlainRequest } from "./request.ts";

/** What an answer needs of its connection. */
export interface Outlet {
  readonly state: ListenerState;
  readonly destroyed: boolean;
  /** The client says no more. */
  readonly ended: boolean;
  /** The answer is complete. */
  answered(head: string, body: Piece | undefined, bytes: number, keepAlive: boolean): void;
  /** The answer has begun; its body follows. */
  pour(head: string, body: Parted, keepAlive: boolean): void;
  /** Nobody waits for the answer any more. */
  giveUp(reply: PlainReply): void;
  destroy(): void;
}

/** The latest head: those who wait for one thing are answered with the very same text. */
const latest = { status: 0, lines: "", bytes: 0, end: "", head: "" };

function headOf(status: number, lines: string, bytes: number, end: string): string {
  if (latest.bytes !== bytes || latest.status !== status || latest.end !== end || latest.lines !== lines) {
    latest.status = status;
    latest.lines = lines;
    latest.bytes = bytes;
    latest.end = end;
    latest.head = `${statusLine(status)}${lines}Content-Length: ${bytes}\r\n${end}`;
  }
  return latest.head;
}

export class PlainReply implements Reply {
  sent = false;
  startedMs = 0;
  observe: Observe | undefined = undefined;
  /** For the log of requests. */
  note: Observe | undefined = undefined;
  readonly #request: PlainRequest;
  readonly #outlet: Outlet;
  #onGone: (() => void) | undefined = undefined;

  constructor(outlet: Outlet, request: PlainRequest) {
    this.#outlet = outlet;
    this.#request = request;
  }

  get gone(): boolean {
    return this.#outlet.destroyed;
  }

  send(status: number, headers: Head | Headers, given?: Body): void {
    if (this.sent || this.gone) return;
    const lines = linesOf(headers);
    this.sent = true;
    if (isToBeMade(given)) inTurn(() => this.#tryBegin(status, lines, given));
    else this.#begin(status, lines, given);
  }

  #tryBegin(status: number, lines: string, given: Body | undefined): void {
    if (this.gone) return;
    try {
      this.#begin(status, lines, given);
    } catch (error) {
      this.#outlet.state.brokenOff(error);
      this.abort();
    }
  }

  #begin(status: number, lines: string, given: Body | undefined): void {
    const bare = isBare(status);
    const opened = openBody(bare ? undefined : given);
    const { state } = this.#outlet;
    if (opened.kind === "parts" && !state.outgoing.hasRoom(this.#request.remoteAddress, opened)) {
      opened.parts.return?.();
      return this.#begin(NO_ROOM.status, linesOf(NO_ROOM.head), NO_ROOM.body);
    }
    const keepAlive = !state.draining && !this.#request.bodyRefused;
    const start = statusLine(status) + lines;
    // It may have been long in coming.
    const end = lastLines(performance.now(), keepAlive, state);
    if (opened.kind === "parts") {
      // RFC 9112 §7.1; whoever comes this way speaks HTTP/1.1.
      const framing = opened.bytes === undefined ? "Transfer-Encoding: chunked" : `Content-Length: ${opened.bytes}`;
      this.#outlet.pour(`${start}${framing}\r\n${end}`, opened, keepAlive);
    } else {
      const { body } = opened;
      const bytes = body === undefined ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.length;
      const head = bare ? start + end : headOf(status, lines, bytes, end);
      this.#outlet.answered(head, body, bytes, keepAlive);
    }
    this.count(status);
  }

  problem(status: number, name: string, detail: string, headers?: Headers): void {
    this.send(status, { "Content-Type": PROBLEM_TYPE, ...headers }, problemOf(status, name, detail));
  }

  abort(): void {
    this.#outlet.destroy();
  }

  onGone(listener: () => void): void {
    const before = this.#onGone;
    this.#onGone =
      before === undefined
        ? listener
        : () => {
            before();
            listener();
          };
    if (this.gone || this.#outlet.ended) queueMicrotask(() => this.#outlet.giveUp(this));
  }

  /** Whether somebody is told when the client leaves: the answer may be long in coming. */
  get waits(): boolean {
    return this.#onGone !== undefined;
  }

  /** The client is gone. */
  leave(): void {
    const listener = this.#onGone;
    this.#onGone = undefined;
    if (!this.sent) {
      this.#tell(499);
      listener?.();
    }
  }

  /** As `Answer.count`. */
  count(status: number): void {
    const { observe } = this;
    this.observe = undefined;
    observe?.(status, (performance.now() - this.startedMs) / 1000);
    this.#tell(status);
  }

  #tell(status: number): void {
    const { note } = this;
    if (note === undefined) return;
    this.note = undefined;
    note(status, (performance.now() - this.startedMs) / 1000);
  }
}
