/** The words of an entry, read one by one as names, numbers, times and strings. */
import { type Bytes, type Outcome, ok, type Refused, refuse } from "../../../../core/index.ts";
import type { Name } from "../../wire/message.ts";
import { isName, LABEL_BYTES_MAX, NAME_BYTES_MAX, nameBytes, readEscape } from "../../wire/name.ts";
import { Fault, type Word } from "./scanner.ts";

const DOT = 0x2e;
const BACKSLASH = 0x5c;
const U32_MAX = 0xffffffff;

/** Seconds in a unit of time (BIND's notation). */
const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const TIME = /^(?:[0-9]{1,10}|(?:[0-9]{1,10}[smhdw])+)$/i;

/** Seconds from `3600` or `1h30m`; undefined for other texts, and for times that do not fit into 32 bits. */
export function parseTimeS(text: string): number | undefined {
  if (!TIME.test(text)) return undefined;
  let seconds = 0;
  for (const [, count = "", unit = ""] of text.matchAll(/([0-9]+)([a-z]?)/gi))
    seconds += Number(count) * (UNIT_S[unit.toLowerCase()] ?? 1);
  return seconds <= U32_MAX ? seconds : undefined;
}

/** The bytes of a word, whose escapes are `\X` and `\DDD` (RFC 1035 §5.1); undefined for a bad escape. */
export function readBytes(text: Bytes): Bytes | undefined {
  if (!text.includes("\\")) return text;
  let bytes = "";
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) !== BACKSLASH) bytes += text[at];
    else {
      const escaped = readEscape(text, at);
      if (escaped === undefined) return undefined;
      bytes += String.fromCharCode(escaped.code);
      at = escaped.last;
    }
  }
  return bytes;
}

/** A name from a word; a name without a dot at its end is completed with the origin. */
export function toName(word: Word, origin: Name): Outcome<Name> {
  const { text } = word;
  if (text === "@" && !word.quoted) return ok(origin);
  if (text === ".") return ok([]);
  const fail = (what: string): Refused => refuse("invalid", `"${text.slice(0, 300)}": ${what}`);
  const parts = splitLabels(text);
  if (parts === undefined) return fail("bad escape");
  const absolute = parts.at(-1) === "";
  if (absolute) parts.pop();
  const name = absolute ? parts : parts.concat(origin);
  if (parts.length === 0 || parts.includes("")) return fail("empty label");
  if (isName(name)) return ok(name);
  return nameBytes(name) > NAME_BYTES_MAX
    ? fail(`the name is longer than ${NAME_BYTES_MAX} bytes`)
    : fail(`a label is longer than ${LABEL_BYTES_MAX} bytes`);
}

function splitLabels(text: Bytes): Bytes[] | undefined {
  if (!text.includes("\\")) return text.split(".");
  const labels: Bytes[] = [];
  let label = "";
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      labels.push(label);
      label = "";
    } else if (code === BACKSLASH) {
      const escaped = readEscape(text, at);
      if (escaped === undefined) return undefined;
      label += String.fromCharCode(escaped.code);
      at = escaped.last;
    } else label += text[at];
  }
  labels.push(label);
  return labels;
}

/**
 * Reads words in order. The first fault is kept in `fault`, and nothing that is read after it counts: a whole record is
 * read before anybody looks whether there is a fault.
 */
export class Words {
  fault: Fault | undefined;
  readonly origin: Name;
  readonly #words: readonly Word[];
  readonly #file: string;
  #line: number;
  #at: number;

  constructor(words: readonly Word[], at: number, file: string, line: number, origin: Name) {
    this.#words = words;
    this.#at = at;
    this.#file = file;
    this.#line = words[at - 1]?.line ?? line;
    this.origin = origin;
  }

  get left(): number {
    return this.#words.length - this.#at;
  }

  fail(what: string): void {
    this.fault ??= new Fault(this.#file, this.#line, what);
  }

  peek(): Word | undefined {
    return this.#words[this.#at];
  }

  take(what: string): Word {
    const word = this.#words[this.#at];
    if (word === undefined) {
      this.fail(`${what} is missing`);
      return { text: "", quoted: false, line: this.#line };
    }
    this.#at++;
    this.#line = word.line;
    return word;
  }

  name(what: string): Name {
    const word = this.take(what);
    if (this.fault !== undefined) return [];
    const name = toName(word, this.origin);
    if (name.ok) return name.value;
    this.fail(`${what} ${name.detail}`);
    return [];
  }

  integer(what: string, max: number): number {
    const { text } = this.take(what);
    const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value <= max) return value;
    this.fail(`${what} "${text.slice(0, 80)}" is no number from 0 to ${max}`);
    return 0;
  }

  timeS(what: string): number {
    const { text } = this.take(what);
    const seconds = parseTimeS(text);
    if (seconds === undefined) this.fail(`${what} "${text.slice(0, 80)}" is no time such as 3600 or 1h30m`);
    return seconds ?? 0;
  }

  /** A string, with quotes or without. */
  string(what: string, bytesMax = 255): Bytes {
    const bytes = readBytes(this.take(what).text);
    if (bytes === undefined) this.fail(`${what} has a bad escape`);
    else if (bytes.length > bytesMax) this.fail(`${what} is longer than ${bytesMax} bytes`);
    else return bytes;
    return "";
  }

  /** All words that are left, put together: base64 and hexadecimal data may be written in several words. */
  rest(what: string): string {
    let text = this.take(what).text;
    while (this.left > 0) text += this.take(what).text;
    return text;
  }

  hex(what: string): Bytes {
    const text = this.rest(what);
    if (text.length % 2 === 0 && /^[0-9a-f]*$/i.test(text)) return Buffer.from(text, "hex").toString("latin1");
    this.fail(`${what} is no hexadecimal data`);
    return "";
  }

  base64(what: string): Bytes {
    const text = this.rest(what);
    if (text.length % 4 === 0 && /^[0-9a-z+/]*={0,2}$/i.test(text))
      return Buffer.from(text, "base64").toString("latin1");
    this.fail(`${what} is no base64`);
    return "";
  }

  end(): void {
    const word = this.peek();
    if (word === undefined) return;
    this.#line = word.line;
    this.fail(`"${word.text.slice(0, 80)}" is too much at the end of the record`);
  }
}
