/** Zone files (RFC 1035 §5.1) as entries of words, without comments, quotes and parentheses. */
import type { Bytes } from "../../../../core/index.ts";

export const ZONEFILE_LIMITS = {
  /** Of one file, and of a zone's files together. */
  fileBytesMax: 64 * 1024 * 1024,
  recordsMax: 1_000_000,
  /** Of a physical line; data of 65 535 bytes in hexadecimal fit. */
  lineBytesMax: 256 * 1024,
  /** Of an entry; a TXT record of 65 535 bytes has fewer strings. */
  wordsMax: 32_768,
  includeDepthMax: 10,
  includesMax: 1000,
} as const;

/** What is wrong with a zone file, and where: the failure of an `Outcome`. */
export class Fault {
  readonly ok = false;
  readonly file: string;
  /** From 1; 0 for the file as a whole. */
  readonly line: number;
  readonly what: string;

  constructor(file: string, line: number, what: string) {
    this.file = file;
    this.line = line;
    this.what = what;
  }

  toString(): string {
    return this.line === 0 ? `${this.file}: ${this.what}` : `${this.file}:${this.line}: ${this.what}`;
  }
}

/** A word as it stands in the file: escapes are still there, the quotes around it are not. */
export interface Word {
  readonly text: Bytes;
  readonly quoted: boolean;
  readonly line: number;
}

/** A directive or a record: one line, or more when parentheses hold them together. */
export interface Entry {
  readonly line: number;
  /** It begins with a blank: its owner is that of the record before. */
  readonly blank: boolean;
  readonly words: readonly Word[];
}

const NUL = 0;
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const OPEN = 0x28;
const CLOSE = 0x29;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

/** 1 for a character that ends a word without quotes. */
const ENDS = new Uint8Array(256);
for (const code of [NUL, TAB, LF, CR, SPACE, QUOTE, OPEN, CLOSE, SEMICOLON]) ENDS[code] = 1;

/** Goes through the text of one file, entry by entry. */
export class Scanner {
  line = 1;
  /** What is wrong with the text: then `next` answers nothing more. */
  fault: Fault | undefined;
  readonly #text: Bytes;
  readonly #file: string;
  #at = 0;
  #lineStart = 0;

  constructor(text: Bytes, file: string) {
    this.#text = text;
    this.#file = file;
  }

  /** The next entry that has words; undefined at the end, or when there is a fault. */
  next(): Entry | undefined {
    while (this.#at < this.#text.length) {
      const entry = this.#readEntry();
      if (entry === undefined || entry.words.length > 0) return entry;
    }
    return undefined;
  }

  #fail(what: string, line = this.line): undefined {
    this.fault ??= new Fault(this.#file, line, what);
  }

  #readEntry(): Entry | undefined {
    const text = this.#text;
    const first = text.charCodeAt(this.#at);
    const blank = first === SPACE || first === TAB;
    const words: Word[] = [];
    let depth = 0;
    let opened = 0;
    let line = 0;
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at);
      if (code === LF) {
        if (this.#endLine()) return this.#fail(TOO_LONG);
        if (depth === 0) return { line, blank, words };
      } else if (code === SPACE || code === TAB || code === CR) this.#at++;
      else if (code === SEMICOLON) this.#skipComment();
      else if (code === OPEN) {
        if (depth++ === 0) opened = this.line;
        this.#at++;
      } else if (code === CLOSE) {
        if (--depth < 0) return this.#fail(`")" without "("`);
        this.#at++;
      } else {
        const word = code === QUOTE ? this.#readQuoted() : this.#readWord(code);
        if (word === undefined) return undefined;
        if (words.length === 0) line = word.line;
        if (words.push(word) > ZONEFILE_LIMITS.wordsMax) return this.#fail("too many words in one entry");
      }
    }
    if (this.#at - this.#lineStart > ZONEFILE_LIMITS.lineBytesMax) return this.#fail(TOO_LONG);
    return depth > 0 ? this.#fail(`"(" is never closed`, opened) : { line, blank, words };
  }

  /** Steps over the end of a line; true when the line was longer than allowed. */
  #endLine(): boolean {
    const long = this.#at - this.#lineStart > ZONEFILE_LIMITS.lineBytesMax;
    this.#at++;
    this.#lineStart = this.#at;
    if (!long) this.line++;
    return long;
  }

  #skipComment(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#text.length : end;
  }

  #readWord(first: number): Word | undefined {
    if (first === NUL) return this.#fail("a NUL byte: this is no text file");
    const text = this.#text;
    const start = this.#at;
    let at = start;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === BACKSLASH) {
        const escaped = text.charCodeAt(++at);
        if (at >= text.length || escaped === LF || escaped === CR)
          return this.#fail("a backslash at the end of a line");
      } else if (ENDS[code] === 1) break;
    }
    this.#at = at;
    return { text: text.slice(start, at), quoted: false, line: this.line };
  }

  #readQuoted(): Word | undefined {
    const text = this.#text;
    const start = this.#at + 1;
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return { text: text.slice(start, at), quoted: true, line: this.line };
      }
      if (code === LF) break;
      if (code === NUL) return this.#fail("a NUL byte: this is no text file");
      if (code === BACKSLASH && text.charCodeAt(at + 1) !== LF) at++;
    }
    return this.#fail("a quoted string does not end on its line");
  }
}

const TOO_LONG = `the line is longer than ${ZONEFILE_LIMITS.lineBytesMax} bytes`;
