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

const NO_HEADERS: Headers = { Vary: "Accept-Encoding" };

export function showNothing(status: number): Shown {
  return { status, headers: NO_HEADERS };
}

/** The answer of a read. The index is never 0: clients take that for no index at all. */
export function toRead({ status, headers, body }: Shown, index: number, consistency: string, policy: string): Answer {
  const kind = kindOf(headers, consistency, policy);
  if (kind.index !== index) {
    kind.index = index;
    kind.last = new Head({ "X-Consul-Index": Math.max(1, index) }, kind.common);
  }
  return { status, head: kind.last, body };
}

/** What all answers of a kind begin with, and the latest one's whole head: a thousand that wait for one thing share it. */
interface Kind {
  readonly common: Head;
  index: number;
  last: Head;
}

const kinds = new WeakMap<Headers, Map<string, Kind>>();

function kindOf(headers: Headers, consistency: string, policy: string): Kind {
  let known = kinds.get(headers);
  if (known === undefined) {
    known = new Map();
    kinds.set(headers, known);
  }
  const name = `${consistency} ${policy}`;
  let kind = known.get(name);
  if (kind === undefined) {
    const common = new Head({
      ...headers,
      "X-Consul-Default-Acl-Policy": policy,
      "X-Consul-Effective-Consistency": consistency,
      "X-Consul-Knownleader": "true",
      "X-Consul-Lastcontact": "0",
      "X-Consul-Query-Backend": "blocking-query",
    });
    kind = { common, index: -1, last: common };
    known.set(name, kind);
  }
  return kind;
}

/** The text of a body that comes in parts; or, once it is longer than this, parts that are the same body. */
export function gather(body: Iterable<Part>, lengthMax: number): string | Iterable<Part> {
  const parts = body[Symbol.iterator]();
  let text = "";
  for (let next = parts.next(); next.done !== true; next = parts.next()) {
    text += next.value;
    if (text.length > lengthMax) return chain(text, parts);
  }
  return text;
}

/** Longer answers are sent as they are, whatever was asked for. */
const PRETTY_LENGTH_MAX = 4 * 1024 * 1024;

/** JSON for people to read. */
export function toPretty(answer: Answer): Answer {
  const { body } = answer;
  if (body === undefined || Buffer.isBuffer(body)) return answer;
  if (typeof body === "string") return isJson(body) ? { ...answer, body: prettify(body) } : answer;
  const text = gather(body, PRETTY_LENGTH_MAX);
  return { ...answer, body: typeof text === "string" ? prettify(text) : text };
}

function* chain(first: string, rest: Iterator<Part>): Iterable<Part> {
  yield first;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}

function isJson(text: string): boolean {
  return text.startsWith("{") || text.startsWith("[");
}
