/** JSON as Go reads and writes it: numbers of 64 bits stay exact, and text is safe inside of HTML. */
import { type Outcome, refuse } from "../../../core/index.ts";
import { decodeJson, type Json } from "../../../net/routes/json.ts";

/** From so many digits on a number may be more than the runtime's numbers hold exactly. */
const LONG = /[0-9]{16}/;
/** A whole number of 64 bits has no more. */
const DIGITS_MAX = 20;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The value of a body. Whole numbers of 16 digits or more come as text; `Fields` reads both. */
export function decodeBody(body: Buffer): Outcome<Json> {
  const decoded = decodeJson(keepLong(body));
  return decoded.ok || decoded.refusal !== "invalid" ? decoded : refuse("invalid", decoded.detail);
}

/** Puts quotes around long whole numbers. */
function keepLong(body: Buffer): Buffer {
  const text = body.toString("latin1");
  if (!LONG.test(text)) return body;
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] as number;
    if (byte === QUOTE) {
      at = endOfString(body, at);
      continue;
    }
    if (!isDigit(byte)) continue;
    const start = at;
    while (isDigit(body[at + 1])) at++;
    const isWhole = !isNumberSign(body[start - 1]) && !isNumberSign(body[at + 1]);
    const length = at + 1 - start;
    if (length < 16 || length > DIGITS_MAX || !isWhole) continue;
    parts.push(text.slice(from, start), `"${text.slice(start, at + 1)}"`);
    from = at + 1;
  }
  parts.push(text.slice(from));
  return Buffer.from(parts.join(""), "latin1");
}

function endOfString(body: Buffer, start: number): number {
  for (let at = start + 1; at < body.length; at++) {
    if (body[at] === BACKSLASH) at++;
    else if (body[at] === QUOTE) return at;
  }
  return body.length;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** `.`, `e`, `E`, `+`, `-`: parts of a number that is not whole and positive. */
function isNumberSign(byte: number | undefined): boolean {
  return byte === 0x2e || byte === 0x65 || byte === 0x45 || byte === 0x2b || byte === 0x2d;
}

const ESCAPED = /[<>&\u2028\u2029]/g;

/** JSON as Go writes it. Members that are undefined are left out. */
export function encodeJson(value: unknown): string {
  const json = JSON.stringify(value) ?? "null";
  return json.replace(ESCAPED, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** With line ends and four blanks for each level, as `?pretty` wants it; numbers stay as they are written. */
export function prettify(json: string): string {
  let text = "";
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const sign = json[at] as string;
    if (sign === '"') {
      const end = endOfText(json, at);
      text += json.slice(at, end + 1);
      at = end;
    } else if (sign === "{" || sign === "[") {
      const close = json[at + 1];
      if (close === "}" || close === "]") {
        text += sign + close;
        at++;
      } else text += sign + line(++depth);
    } else if (sign === "}" || sign === "]") text += line(--depth) + sign;
    else if (sign === ",") text += sign + line(depth);
    else if (sign === ":") text += ": ";
    else text += sign;
  }
  return text;
}

function line(depth: number): string {
  return `\n${"    ".repeat(depth)}`;
}

function endOfText(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === "\\") at++;
    else if (json[at] === '"') return at;
  }
  return json.length;
}
