/**
 * JSON as encoding/json of Go reads it: the first value counts, whatever follows it; and what is wrong is said in
 * Go's words, because clients show them. Works on bytes, as Go does. Bounded.
 */
import { type Bytes, fromBytes, type Outcome, ok, refuse } from "../../../core/index.ts";

export type Value =
  | { readonly kind: "string"; readonly text: string }
  /** As written: what fits is decided by the field that it is for. */
  | { readonly kind: "number"; readonly literal: string }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "null" }
  /** No field takes one: what is inside was only looked over. */
  | { readonly kind: "array" }
  | { readonly kind: "object"; readonly members: readonly (readonly [name: string, value: Value])[] };

/** Go stops at 10 000; no client nests at all. */
const DEPTH_MAX = 1000;

/** The first JSON value of these bytes. */
export function scanJson(bytes: Bytes): Outcome<Value> {
  const scanner = new Scanner(bytes);
  const value = scanner.value(0);
  return value === undefined ? refuse("invalid", scanner.error) : ok(value);
}

/** A character as Go quotes it in messages. */
function quote(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  const known = SHORT[character];
  if (known !== undefined) return `'${known}'`;
  const code = character.charCodeAt(0);
  if (code < 0x20 || code === 0x7f) return `'\\x${code.toString(16).padStart(2, "0")}'`;
  if ((code >= 0x80 && code <= 0xa0) || code === 0xad) return `'\\u00${code.toString(16)}'`;
  return `'${character}'`;
}

const SHORT: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
};

/** Answers undefined where something is wrong; `error` then says what. */
class Scanner {
  error = "";
  readonly #bytes: Bytes;
  #at = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  value(depth: number): Value | undefined {
    const first = this.#skipSpace();
    switch (first) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"': {
        const text = this.#string();
        return text === undefined ? undefined : { kind: "string", text };
      }
      case "t":
        return this.#literal("true", { kind: "bool", value: true });
      case "f":
        return this.#literal("false", { kind: "bool", value: false });
      case "n":
        return this.#literal("null", { kind: "null" });
      default:
        if (first === "-" || isDigit(first)) return this.#number();
        if (first === "" && depth === 0) return this.#end("EOF");
        return this.#fail("looking for beginning of value");
    }
  }

  #object(depth: number): Value | undefined {
    if (depth >= DEPTH_MAX) return this.#fail("exceeded max depth");
    const members: (readonly [string, Value])[] = [];
    this.#at++;
    if (this.#skipSpace() === "}") {
      this.#at++;
      return { kind: "object", members };
    }
    for (;;) {
      if (this.#skipSpace() !== '"') return this.#fail("looking for beginning of object key string");
      const name = this.#string();
      if (name === undefined) return undefined;
      if (this.#skipSpace() !== ":") return this.#fail("after object key");
      this.#at++;
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      members.push([name, value]);
      const next = this.#skipSpace();
      if (next !== "," && next !== "}") return this.#fail("after object key:value pair");
      this.#at++;
      if (next === "}") return { kind: "object", members };
    }
  }

  #array(depth: number): Value | undefined {
    if (depth >= DEPTH_MAX) return this.#fail("exceeded max depth");
    this.#at++;
    if (this.#skipSpace() === "]") {
      this.#at++;
      return { kind: "array" };
    }
    for (;;) {
      if (this.value(depth + 1) === undefined) return undefined;
      const next = this.#skipSpace();
      if (next !== "," && next !== "]") return this.#fail("after array element");
      this.#at++;
      if (next === "]") return { kind: "array" };
    }
  }

  #string(): string | undefined {
    const from = this.#at++;
    for (;;) {
      const next = this.#peek();
      if (next === '"') break;
      if (next === "") return this.#end("unexpected EOF");
      if (next === "\\") {
        if (!this.#escape()) return undefined;
      } else if (next < " ") return this.#fail("in string literal");
      else this.#at++;
    }
    const raw = fromBytes(this.#bytes.slice(from, ++this.#at));
    const text = raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
    // Half a surrogate pair has no UTF-8.
    return text.replace(/\p{Surrogate}/gu, "\ufffd");
  }

  #escape(): boolean {
    this.#at++;
    const code = this.#peek();
    if (code !== "u") {
      if (code === "" || !'bfnrt\\/"'.includes(code)) {
        this.#fail("in string escape code");
        return false;
      }
      this.#at++;
      return true;
    }
    this.#at++;
    for (let digits = 0; digits < 4; digits++, this.#at++) {
      if (/^[0-9a-fA-F]$/.test(this.#peek())) continue;
      this.#fail("in \\u hexadecimal character escape");
      return false;
    }
    return true;
  }

  #number(): Value | undefined {
    const from = this.#at;
    if (this.#peek() === "-") this.#at++;
    if (this.#peek() === "0") this.#at++;
    else if (!this.#digits("in numeric literal")) return undefined;
    if (this.#peek() === ".") {
      this.#at++;
      if (!this.#digits("after decimal point in numeric literal")) return undefined;
    }
    if (this.#peek() === "e" || this.#peek() === "E") {
      this.#at++;
      if (this.#peek() === "+" || this.#peek() === "-") this.#at++;
      if (!this.#digits("in exponent of numeric literal")) return undefined;
    }
    return { kind: "number", literal: this.#bytes.slice(from, this.#at) };
  }

  /** One digit or more. */
  #digits(where: string): boolean {
    if (!isDigit(this.#peek())) {
      this.#fail(where);
      return false;
    }
    while (isDigit(this.#peek())) this.#at++;
    return true;
  }

  #literal(word: string, value: Value): Value | undefined {
    for (const letter of word) {
      if (this.#peek() !== letter) return this.#fail(`in literal ${word} (expecting ${quote(letter)})`);
      this.#at++;
    }
    return value;
  }

  /** The next byte as a character, "" at the end. */
  #peek(): string {
    return this.#bytes.charAt(this.#at);
  }

  #skipSpace(): string {
    for (;;) {
      const next = this.#peek();
      if (next !== " " && next !== "\n" && next !== "\t" && next !== "\r") return next;
      this.#at++;
    }
  }

  #fail(where: string): undefined {
    const next = this.#peek();
    return this.#end(next === "" ? "unexpected EOF" : `invalid character ${quote(next)} ${where}`);
  }

  #end(error: string): undefined {
    this.error = error;
    return undefined;
  }
}

function isDigit(character: string): boolean {
  return character >= "0" && character <= "9" && character.length === 1;
}
