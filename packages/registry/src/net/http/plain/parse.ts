/** Reads the head of a plain request: strictly, or not at all. */

import { trimOws } from "../ows.ts";
import { isBrowser } from "../pages/local.ts";

/**
 * The whole of what is understood here. RFC 9112 §3 and §5 without the leniencies: one space, CRLF, token names, no
 * folding, no control characters. The second part are the header lines, the last one with its CRLF.
 */
const HEAD =
  /^(GET|PUT|POST|DELETE|PATCH) (\/[!-~]*) HTTP\/1\.1\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)+)\r\n/;
/** node:http takes no tab behind the digits. */
const LENGTH = /^[\t ]*(\d{1,7}) *$/;

/** The head of a request, and how long its body is. */
export interface Parsed {
  readonly method: string;
  readonly url: string;
  readonly lines: string;
  /** How many. */
  readonly headers: number;
  readonly headBytes: number;
  readonly bodyBytes: number;
  readonly authorization: string | undefined;
  readonly authToken: string | undefined;
}

/** What the header lines say that matters here. */
interface Found {
  hosts: number;
  headers: number;
  /** -1: not said. */
  bodyBytes: number;
  authorization: string | undefined;
  authToken: string | undefined;
}

/** The first request in this input, or undefined when it is for node:http. */
export function parsePlain(text: string): Parsed | undefined {
  const match = HEAD.exec(text);
  if (match === null) return undefined;
  const lines = match[3] as string;
  const found: Found = {
    hosts: 0,
    headers: 0,
    bodyBytes: -1,
    authorization: undefined,
    authToken: undefined,
  };
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(":", at);
    const end = lines.indexOf("\r\n", colon);
    if (!note(found, lines, at, colon, end)) return undefined;
    at = end + 2;
  }
  // RFC 9112 §3.2: exactly one Host.
  if (found.hosts !== 1) return undefined;
  return {
    method: match[1] as string,
    url: match[2] as string,
    lines,
    headers: found.headers,
    headBytes: match[0].length,
    bodyBytes: Math.max(0, found.bodyBytes),
    authorization: found.authorization,
    authToken: found.authToken,
  };
}

/** Takes one header line down; false when only node:http can tell what it means. */
function note(found: Found, lines: string, at: number, colon: number, end: number): boolean {
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

/** Names and values by turns. */
export function splitLines(lines: string): string[] {
  const raw: string[] = [];
  for (let at = 0; at < lines.length; ) {
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
