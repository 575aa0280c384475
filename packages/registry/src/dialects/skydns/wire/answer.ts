/** Answers as the original gives them, and services as the JSON that it writes. */
import { type Bytes, toBytes } from "../../../core/index.ts";
import { type Body, listParts } from "../../../net/answers/parts.ts";
import { Head } from "../../../net/http/head.ts";
import type { Answer } from "../../../net/routes/answer.ts";

const TEXT_TYPE = { "Content-Type": "text/plain; charset=utf-8" };
const TEXT = new Head(TEXT_TYPE);
/** Lines may say again what a client said: they are never taken for pages. */
const LINE = new Head({ ...TEXT_TYPE, "X-Content-Type-Options": "nosniff" });
const NO_HEADERS = new Head({});

/** No body at all. */
export function empty(status: number): Answer {
  return { status, head: NO_HEADERS };
}

/** A line of plain text: how Go says what is wrong. */
export function line(status: number, text: string): Answer {
  return { status, head: LINE, body: `${text}\n` };
}

export function text(body: Body): Answer {
  return { status: 200, head: TEXT, body };
}

/** A service as the original shows it: its fields in this order. */
export interface ServiceBody {
  readonly UUID: string;
  readonly Name: string;
  readonly Version: string;
  readonly Environment: string;
  readonly Region: string;
  readonly Host: string;
  readonly Port: number;
  /** Seconds left. */
  readonly TTL: number;
  /** RFC 3339. */
  readonly Expires: string;
  readonly NoExpire: boolean;
}

const ESCAPED = /[<>&\u2028\u2029]/g;

/** JSON as Go writes it: safe inside of HTML. */
export function encodeJson(value: object): string {
  return JSON.stringify(value).replace(ESCAPED, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A line with a map, its keys sorted by their bytes as Go does. */
export function encodeCounts(counts: ReadonlyMap<string, number>): Iterable<string> {
  const names = Array.from(counts.keys(), (name) => [toBytes(name), name] as const);
  names.sort(([one], [other]) => (one < other ? -1 : 1));
  return listParts("{", encodeEach(names, counts), "}\n");
}

function* encodeEach(
  names: readonly (readonly [Bytes, string])[],
  counts: ReadonlyMap<string, number>,
): Iterable<string> {
  for (const [, name] of names) yield `${encodeJson([name]).slice(1, -1)}:${counts.get(name)}`;
}

export function toRfc3339(ms: number): string {
  // 9999 is the last year that it can write; leases end long before.
  return new Date(Math.min(Math.max(ms, 0), 253_402_300_799_000)).toISOString();
}
