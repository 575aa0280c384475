/** Answers as the original gives them. */
import type { Body, Part } from "../../../net/answers/parts.ts";
import { Head, type Headers } from "../../../net/http/head.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { encodeJson, prettify } from "./json.ts";

const JSON_HEADERS: Headers = { "Content-Type": "application/json", Vary: "Accept-Encoding" };
const JSON_HEAD = new Head(JSON_HEADERS);
/** Texts may say again what a client said: they are never taken for pages. */
const TEXT_HEADERS: Headers = {
  "Content-Type": "text/plain; charset=utf-8",
  Vary: "Accept-Encoding",
  "X-Content-Type-Options": "nosniff",
};
const TEXT_HEAD = new Head(TEXT_HEADERS);

const EMPTY_HEAD = new Head({ Vary: "Accept-Encoding" });

/** What a read shows, before it is known with which index. */
export interface Shown {
  readonly status: number;
  readonly headers: Headers;
  readonly body?: Body | undefined;
}

export function toJson(body: Body, status = 200): Answer {
  return { status, head: JSON_HEAD, body };
}

export function jsonOf(value: unknown, status = 200): Answer {
  return toJson(encodeJson(value), status);
}

/** What is wrong, in words: people match on them. No line's end, as in the original. */
export function text(status: number, words: string): Answer {
  return { status, head: TEXT_HEAD, body: words };
}

export function empty(): Answer {
  return { status: 200, head: EMPTY_HEAD };
}

export function notAllowed(method: string, allow: string): Answer {
  return { status: 405, head: { ...TEXT_HEADERS, Allow: allow }, body: `method ${method} not allowed` };
}

export function redirect(location: string): Answer {
  return { status: 301, head: { Location: location } };
}

export function show(body: Body, headers: Headers = JSON_HEADERS): Shown {
  return { status: 200, headers, body };
}

export function showNothing(status: number): Shown {
  return { status, headers: { Vary: "Accept-Encoding" } };
}

/** The answer of a read. The index is never 0: clients take that for no index at all. */
export function toRead({ status, headers, body }: Shown, index: number, consistency: string, policy: string): Answer {
  return {
    status,
    head: {
      ...headers,
      "X-Consul-Default-Acl-Policy": policy,
      "X-Consul-Effective-Consistency": consistency,
      "X-Consul-Index": Math.max(1, index),
      "X-Consul-Knownleader": "true",
      "X-Consul-Lastcontact": "0",
      "X-Consul-Query-Backend": "blocking-query",
    },
    body,
  };
}

/** Longer answers are sent as they are, whatever was asked for. */
const PRETTY_LENGTH_MAX = 4 * 1024 * 1024;

/** JSON for people to read. */
export function toPretty(answer: Answer): Answer {
  const { body } = answer;
  if (body === undefined || Buffer.isBuffer(body)) return answer;
  if (typeof body === "string") return isJson(body) ? { ...answer, body: prettify(body) } : answer;
  const parts = body[Symbol.iterator]();
  let text = "";
  for (let next = parts.next(); ; next = parts.next()) {
    if (next.done === true) return { ...answer, body: prettify(text) };
    text += next.value;
    if (text.length > PRETTY_LENGTH_MAX) return { ...answer, body: chain(text, parts) };
  }
}

function* chain(first: string, rest: Iterator<Part>): Iterable<Part> {
  yield first;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}

function isJson(text: string): boolean {
  return text.startsWith("{") || text.startsWith("[");
}
