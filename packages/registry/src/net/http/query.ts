/** Decoding of paths and query strings: refuses what `decodeURIComponent` would throw at, and guesses nothing. */
import { type Outcome, ok, refuse } from "../../outcome.ts";

const PARAMETERS_MAX = 1000;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII but "%".
const PLAIN = /^[\x00-\x24\x26-\x7f]*$/;

/** The parameters of a query string, in order, each name with all its values. */
export interface Query {
  readonly isEmpty: boolean;
  /** The first value. */
  get(name: string): string | undefined;
  all(name: string): readonly string[];
  has(name: string): boolean;
  names(): Iterable<string>;
}

class Parameters implements Query {
  readonly #values = new Map<string, string[]>();

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }
  add(name: string, value: string): void {
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
  }
  get(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
  has(name: string): boolean {
    return this.#values.has(name);
  }
  names(): Iterable<string> {
    return this.#values.keys();
  }
}

const NONE: Outcome<Query> = ok(new Parameters());

/** Percent-decodes one path segment, once. Refused as `invalid` for a bad escape and for what is not UTF-8. */
export function decodeSegment(raw: string): Outcome<string> {
  if (PLAIN.test(raw)) return ok(raw);
  const bytes = Buffer.allocUnsafe(raw.length);
  let size = 0;
  for (let i = 0; i < raw.length; i++) {
    let code = raw.charCodeAt(i);
    if (code === 0x25) {
      const high = hex(raw.charCodeAt(i + 1));
      const low = hex(raw.charCodeAt(i + 2));
      if (high < 0 || low < 0) return refuse("invalid", "bad percent-escape");
      code = high * 16 + low;
      i += 2;
    }
    // Raw bytes above ASCII reach us as one code unit each: clients do send UTF-8 unescaped.
    if (code > 0xff) return refuse("invalid", "not a byte");
    bytes[size++] = code;
  }
  try {
    return ok(UTF8.decode(bytes.subarray(0, size)));
  } catch {
    return refuse("invalid", "invalid UTF-8");
  }
}

/** Parses a raw query string (without "?"). "+" is a space, as forms write it; a name without "=" has the value "". */
export function parseQuery(raw: string): Outcome<Query> {
  if (raw === "") return NONE;
  const parameters = new Parameters();
  const parts = raw.split("&", PARAMETERS_MAX + 1);
  if (parts.length > PARAMETERS_MAX) return refuse("too-large", `more than ${PARAMETERS_MAX} query parameters`);
  for (const part of parts) {
    if (part === "") continue;
    const at = part.indexOf("=");
    const name = decodeField(at < 0 ? part : part.slice(0, at));
    if (!name.ok) return refuse("invalid", `${name.detail} in the name of a query parameter`);
    const value = decodeField(at < 0 ? "" : part.slice(at + 1));
    if (!value.ok) return refuse("invalid", `${value.detail} in the query parameter ${name.value}`);
    parameters.add(name.value, value.value);
  }
  return ok(parameters);
}

function decodeField(raw: string): Outcome<string> {
  return decodeSegment(raw.includes("+") ? raw.replaceAll("+", " ") : raw);
}

/** The value of a hexadecimal digit's code, -1 for any other (and for the NaN behind the end). */
function hex(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return -1;
}
