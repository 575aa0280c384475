/** @live The lines of an answer's head that the listener writes itself. */
import { STATUS_CODES } from "node:http";
import type { Outgoing } from "../answers/outgoing.ts";

/** Shared by all answers of one listener. */
export interface ListenerState {
  draining: boolean;
  /** For the Keep-Alive header; node:http ends idle connections by the same number. */
  readonly idleTimeoutMs: number;
  readonly outgoing: Outgoing;
  /** Told when an answer breaks off because its parts do: a bug, or a store that cannot be read. */
  brokenOff(error: unknown): void;
}

const STATUS_LINES: string[] = [];

export function statusLine(status: number): string {
  STATUS_LINES[status] ??= `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  return STATUS_LINES[status];
}

let date = "";
let dateUntilMs = 0;
/** Date, connection and the blank line of answers that leave the connection open, by its idle time-out. */
let usual = new Map<number, string>();

/** RFC 9110 §6.6.1. Made anew at most ten times a second. `nowMs` is of the monotonic clock. */
function dateLine(nowMs: number): string {
  if (nowMs >= dateUntilMs || date === "") {
    date = `Date: ${new Date().toUTCString()}\r\n`;
    dateUntilMs = performance.now() + 100;
    usual = new Map();
  }
  return date;
}

/** RFC 9112 §9.6 for "close"; Keep-Alive says when an idle connection ends. */
function connectionLines(keepAlive: boolean, state: ListenerState): string {
  if (!keepAlive) return "Connection: close\r\n\r\n";
  return `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(state.idleTimeoutMs / 1000)}\r\n\r\n`;
}

/** Date, connection and the blank line: of most answers the very same text for a while. */
export function lastLines(nowMs: number, keepAlive: boolean, state: ListenerState): string {
  const date = dateLine(nowMs);
  if (!keepAlive) return date + connectionLines(keepAlive, state);
  let lines = usual.get(state.idleTimeoutMs);
  if (lines === undefined) {
    // Flat, so that it is copied at once wherever it is put.
    lines = Buffer.from(date + connectionLines(keepAlive, state), "latin1").toString("latin1");
    usual.set(state.idleTimeoutMs, lines);
  }
  return lines;
}

/** RFC 9110 §8.6: no Content-Length in 204; in 304 it would have to be that of the 200. */
export function isBare(status: number): boolean {
  return status === 204 || status === 304;
}
