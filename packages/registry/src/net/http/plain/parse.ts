/** Reads the head of a plain request: strictly, or not at all. */

import { trimOws } from "../ows.ts";
import { isBrowser } from "../pages/local.ts";

/**
 * The whole of what is understood here. RFC 9112 §3 and §5 without the leniencies: one space, CRLF, token names, no
 * folding, no control characters. The last part are the header lines with the blank one.
 */
const HEAD =
  /^(GET|PUT|POST|DELETE|PATCH) (\/[!-~]*) HTTP\/1\.1\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)+\r\n)/;
/** The first line of it alone. */
const START = /^(GET|PUT|POST|DELETE|PATCH) (\/[!-~]*) HTTP\/1\.1\r\n/;
/** node:http takes no tab behind the digits. */
const LENGTH = /^[\t ]*(\d{1,7}) *$/;

/** The head of a request. */
export interface Parsed {
  readonly method: string;
  readonly url: string;
  readonly lines: Lines;
  readonly headBytes: number;
}

/** The header lines of a request, and what they say that matters here. */
export class Lines {
  /** As they came, with the blank line. */
  readonly text: string;
  hosts = 0;
  /** How many lines. */
  headers = 0;
  /** How long the body is; -1: not said. */
  bodyBytes = -1;
  authorization: string | undefined = undefined;
  authToken: string | undefined = undefined;
  #raw: string[] | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** Names and values by turns. */
  get raw(): readonly string[] {
    this.#raw ??= splitLines(this.text);
    return this.#raw;
  }
}

/**
 * The first request in this input, or undefined when it is for node:http. `known`: the lines of the request before, as a
 * client sends the very same ones again and again.
 */
export function parsePlain(text: string, known?: Lines): Parsed | undefined {
  if (known !== undefined && text.startsWith(known.text, text.indexOf("\r\n") + 2)) {
    const start = START.exec(text);
    if (start === null) return undefined;
    const [first, method = "", url = ""] = start;
    return { method, url, lines: known, headBytes: first.length + known.text.length };
  }
  const match = HEAD.exec(text);
  if (match === null) return undefined;
  const [head, method = "", url = "", said = ""] = match;
  // A copy that stands by itself: a piece would keep the whole input.
  const lines = readLines(Buffer.from(said, "latin1").toString("latin1"));
  // RFC 9112 §3.2: exactly one Host.
  return lines?.hosts === 1 ? { method, url, lines, headBytes: head.length } : undefined;
}

function readLines(text: string): Lines | undefined {
  const lines = new Lines(text);
  for (let at = 0; at < text.length - 2; ) {
    const colon = text.indexOf(":", at);
    const end = text.indexOf("\r\n", colon);
    if (!note(lines, text, at, colon, end)) return undefined;
    at = end + 2;
  }
  return lines;
}

/** Takes one header line down; false when only node:http can tell what it means. */
function note(found: Lines, lines: string, at: number, colon: number, end: number): boolean {
  found.headers++;
  const length = colon - at;
  // The length of the name tells most headers apart without a look at it.
  if (length < 4 || length > 17) return true;
  if (length !== 4 && length !== 6 && length !== 7 && length !== 10 && length < 12) return true;
  const name = lines.slice(at, colon).toLowerCase();
  switch (name) {
    case "host":
      found.hosts++;
      return true;
    case "connection":
      return headerValue(lines, colon, end).toLowerCase() === "keep-alive";
    case "user-agent":
      // Pages have more to be looked at: see local.ts.
      return !isBrowser(headerValue(lines, colon, end));
    case "content-length": {
      const digits = LENGTH.exec(lines.slice(colon + 1, end))?.[1];
      if (found.bodyBytes !== -1 || digits === undefined) return false;
      found.bodyBytes = Number(digits);
      return true;
    }
    case "authorization":
      if (found.authorization !== undefined) return false;
      found.authorization = headerValue(lines, colon, end);
      return true;
    case "x-auth-token":
      if (found.authToken !== undefined) return false;
      found.authToken = headerValue(lines, colon, end);
      return true;
    default:
      return !NOT_HERE.has(name);
  }
}

/** Headers that change how a request or its connection is to be read, or that a browser sends for a page. */
const NOT_HERE: ReadonlySet<string> = new Set(["origin", "expect", "upgrade", "trailer", "transfer-encoding"]);

function headerValue(lines: string, colon: number, end: number): string {
  return trimOws(lines, colon + 1, end);
}

function splitLines(lines: string): string[] {
  const raw: string[] = [];
  for (let at = 0; at < lines.length - 2; ) {
    const colon = lines.indexOf(":", at);
    const end = lines.indexOf("\r\n", colon);
    raw.push(lines.slice(at, colon), headerValue(lines, colon, end));
    at = end + 2;
  }
  return raw;
}

/** RFC 9113 §3.4: what a connection of HTTP/2 begins with. */
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Whether a connection begins so; "part" while it may yet. */
export function meetsPreface(input: Buffer): "no" | "part" | "whole" {
  const begin = input.toString("latin1", 0, PREFACE.length);
  if (!PREFACE.startsWith(begin)) return "no";
  return begin.length < PREFACE.length ? "part" : "whole";
}
