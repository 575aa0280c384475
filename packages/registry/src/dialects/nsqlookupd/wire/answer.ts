/** Answers over HTTP: bare JSON as since 1.0, and wrapped as before it. */
import type { Body } from "../../../net/answers/parts.ts";
import { Head } from "../../../net/http/head.ts";
import type { Answer } from "../../../net/routes/answer.ts";

const JSON_TYPE = "application/json; charset=utf-8";
/** Clients take an answer without it for a wrapped one. */
const BARE = { "X-NSQ-Content-Type": "nsq; version=1.0" };

const BARE_JSON = new Head({ "Content-Type": JSON_TYPE, ...BARE });
const BARE_EMPTY = new Head(BARE);
const WRAPPED = new Head({ "Content-Type": JSON_TYPE });
const TEXT = new Head({ "Content-Type": "text/plain; charset=utf-8" });

export const PONG: Answer = { status: 200, head: TEXT, body: "OK" };

/** All went well, and there is nothing to say. */
export const DONE: Answer = { status: 200, head: BARE_EMPTY, body: "" };

export function json(body: Body): Answer {
  return { status: 200, head: BARE_JSON, body };
}

export function mistaken(status: number, message: string): Answer {
  return { status, head: BARE_JSON, body: JSON.stringify({ message }) };
}

/** As 0.3 answers: the status is in the body, too. */
export function wrapped(status: number, text: string): Answer {
  return { status, head: WRAPPED, body: JSON.stringify({ status_code: status, status_txt: text, data: null }) };
}
