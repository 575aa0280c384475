/**
 * JSON as a tree of texts. Numbers keep the digits they were written with, which JSON.parse would lose: metadata such as
 * `1.0` comes back as it was. Depth and number of values are limited while reading.
 */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { type Branch, DEPTH_MAX, type Tree } from "./tree.ts";

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\r\n]*/y;
/** A string with one of these is left to JSON.parse: an escape, or a character that is not allowed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are not allowed in a string.
const ESCAPED = /[\\\x00-\x1f]/;

export function scanJson(body: Buffer, valuesMax: number): Outcome<Tree> {
  const text = body.toString("utf8", body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0);
  return new Scanner(text, valuesMax).document();
}

/** Answers undefined where something is wrong; `#detail` then says what. */
class Scanner {
  readonly #text: string;
  #left: number;
  #at = 0;
  #detail = "";

  constructor(text: string, valuesMax: number) {
    this.#text = text;
    this.#left = valuesMax;
  }

  document(): Outcome<Tree> {
    this.#skipSpace();
    const tree = this.#value(0);
    if (tree === undefined) return refuse("invalid", this.#detail);
    this.#skipSpace();
    if (this.#at < this.#text.length) return refuse("invalid", `unexpected text at ${this.#at}`);
    return ok(tree);
  }

  #value(depth: number): Tree | undefined {
    if (--this.#left < 0) return this.#fail("too many values");
    if (depth > DEPTH_MAX) return this.#fail("nested too deeply");
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x7b:
        return this.#object(depth);
      case 0x5b:
        return this.#array(depth);
      case 0x22:
        return this.#string();
      case 0x74:
      case 0x66:
      case 0x6e: {
        const word = this.#match(WORD);
        return word === "null" ? null : word;
      }
      default:
        return this.#match(NUMBER);
    }
  }

  #object(depth: number): Branch | undefined {
    const branch = new Map<string, Tree>();
    this.#at++;
    this.#skipSpace();
    if (this.#take("}")) return branch;
    for (;;) {
      const name = this.#text[this.#at] === '"' ? this.#string() : this.#unexpected();
      if (name === undefined) return undefined;
      this.#skipSpace();
      if (!this.#take(":")) return this.#unexpected();
      this.#skipSpace();
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      branch.set(name, value);
      this.#skipSpace();
      if (this.#take("}")) return branch;
      if (!this.#take(",")) return this.#unexpected();
      this.#skipSpace();
    }
  }

  #array(depth: number): Tree[] | undefined {
    const list: Tree[] = [];
    this.#at++;
    this.#skipSpace();
    if (this.#take("]")) return list;
    for (;;) {
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      list.push(value);
      this.#skipSpace();
      if (this.#take("]")) return list;
      if (!this.#take(",")) return this.#unexpected();
      this.#skipSpace();
    }
  }

  #string(): string | undefined {
    const from = this.#at;
    let end = from;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) return this.#fail("a string does not end");
    } while (isEscaped(this.#text, end));
    this.#at = end + 1;
    const inside = this.#text.slice(from + 1, end);
    if (!ESCAPED.test(inside)) return inside;
    try {
      // Half a surrogate pair has no UTF-8.
      return (JSON.parse(`"${inside}"`) as string).replace(/\p{Surrogate}/gu, "\ufffd");
    } catch {
      return this.#fail(`a string with an illegal character at ${from}`);
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return this.#unexpected();
    this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    if (this.#text.charCodeAt(this.#at) > 0x20) return;
    SPACE.lastIndex = this.#at;
    this.#at += SPACE.exec(this.#text)?.[0].length ?? 0;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #unexpected(): undefined {
    return this.#fail(this.#at < this.#text.length ? `unexpected text at ${this.#at}` : "the body ends too early");
  }

  #fail(detail: string): undefined {
    this.#detail = detail;
    return undefined;
  }
}

/** True when an odd number of backslashes stands before this place. */
function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === 0x5c) first--;
  return (at - first) % 2 === 1;
}
