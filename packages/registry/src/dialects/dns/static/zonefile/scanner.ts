/** Master files (RFC 1035 §5.1) cut into entries of words: comments, quotes and parentheses are gone afterwards. */
import type { Bytes } from "../../../../core/index.ts";

export const ZONEFILE_LIMITS = {
  /** Of one file, and of a zone's files together. */
  fileBytesMax: 64 * 1024 * 1024,
  recordsMax: 1_000_000,
  /** A physical line; data of 65 535 bytes in hexadecimal fit. */
  lineBytesMax: 256 * 1024,
  /** Words of an entry; a TXT record of 65 535 bytes cannot have more than half as many strings. */
  wordsMax: 32_768,
  includeDepthMax: 10,
  includesMax: 1000,
} as const;

/** What is wrong with a zone file, and where. */
export class Fault {
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
  /** It begins with a blank: the owner is that of the record before. */
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

/** Characters that end a word without quotes. */
const ENDS = new Uint8Array(256);
for (const code of [NUL, TAB, LF, CR, SPACE, QUOTE, OPEN, CLOSE, SEMICOLON]) ENDS[code] = 1;

/** Goes through the text of one file, entry by entry. */
export class Scanner {
  line = 1;
  readonly #text: Bytes;
  readonly #file: string;
  #at = 0;
  #lineStart = 0;

  constructor(text: Bytes, file: string) {
    this.#text = text;
    this.#file = file;
  }

  /** The next entry that has words; undefined at the end. */
  next(): Entry | Fault | undefined {
    while (this.#at < this.#text.length) {
      const entry = this.#readEntry();
      if (entry instanceof Fault || entry.words.length > 0) return entry;
    }
    return undefined;
  }

  #fault(what: string): Fault {
    return new Fault(this.#file, this.line, what);
  }

  #readEntry(): Entry | Fault {
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
        if (this.#endLine()) return this.#fault(TOO_LONG);
        if (depth === 0) return { line, blank, words };
      } else if (code === SPACE || code === TAB || code === CR) this.#at++;
      else if (code === SEMICOLON) this.#skipComment();
      else if (code === OPEN) {
        if (depth++ === 0) opened = this.line;
        this.#at++;
      } else if (code === CLOSE) {
        if (--depth < 0) return this.#fault(`")" without "("`);
        this.#at++;
      } else {
        const word = code === QUOTE ? this.#readQuoted() : this.#readWord(code);
        if (word instanceof Fault) return word;
        if (words.length === 0) line = word.line;
        if (words.push(word) > ZONEFILE_LIMITS.wordsMax) return this.#fault("too many words in one entry");
      }
    }
    if (this.#at - this.#lineStart > ZONEFILE_LIMITS.lineBytesMax) return this.#fault(TOO_LONG);
    return depth > 0 ? new Fault(this.#file, opened, `"(" is never closed`) : { line, blank, words };
  }

  /** Steps over the line's end; true when the line was longer than allowed. */
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

  #readWord(first: number): Word | Fault {
    if (first === NUL) return this.#fault("a NUL byte: this is no text file");
    const text = this.#text;
    const start = this.#at;
    let at = start;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === BACKSLASH) {
        const escaped = text.charCodeAt(++at);
        if (at >= text.length || escaped === LF || escaped === CR)
          return this.#fault("a backslash at the end of a line");
      } else if (ENDS[code] === 1) break;
    }
    this.#at = at;
    return { text: text.slice(start, at), quoted: false, line: this.line };
  }

  #readQuoted(): Word | Fault {
    const text = this.#text;
    const start = this.#at + 1;
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return { text: text.slice(start, at), quoted: true, line: this.line };
      }
      if (code === LF) break;
      if (code === NUL) return this.#fault("a NUL byte: this is no text file");
      if (code === BACKSLASH && text.charCodeAt(at + 1) !== LF) at++;
    }
    return this.#fault("a quoted string does not end on its line");
  }
}

const TOO_LONG = `the line is longer than ${ZONEFILE_LIMITS.lineBytesMax} bytes`;
