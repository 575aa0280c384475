/**
 * The members of a JSON object as Go finds them: names in any case, null as good as left out, unknown ones passed over.
 * The first that is wrong is remembered; what is read after it does not count.
 */
import { type Outcome, ok, type Refused, refuse } from "../../../core/index.ts";
import type { Json } from "../../../net/routes/json.ts";
import { NS_PER_MS, parseDuration } from "./duration.ts";

const UINT64_MAX = 2n ** 64n - 1n;
const LONG_DIGITS = 16;
const DECIMAL = /^[0-9]{1,20}$/;

/** What is wrong anywhere in a body. */
interface Trouble {
  first: Refused | undefined;
}

export class Fields {
  readonly #members = new Map<string, Json>();
  readonly #path: string;
  readonly #trouble: Trouble;

  private constructor(value: Readonly<Record<string, Json>>, path: string, trouble: Trouble) {
    this.#path = path;
    this.#trouble = trouble;
    for (const name in value) this.#members.set(name.toLowerCase(), value[name]);
  }

  /** Of a body that must be an object. */
  static of(value: Json): Outcome<Fields> {
    if (!isObject(value)) return refuse("invalid", "Request decode failed: the body must be an object");
    return ok(new Fields(value, "", { first: undefined }));
  }

  /** Of an object that was left out. */
  static none(): Fields {
    return new Fields({}, "", { first: undefined });
  }

  /** Nothing is said: what is there is null, false, 0, or as empty. */
  get isEmpty(): boolean {
    return [...this.#members.values()].every(isNothing);
  }

  /** What is wrong with what was read so far. */
  get wrong(): Refused | undefined {
    return this.#trouble.first;
  }

  /** True when it is there, whatever it is; null counts as left out. */
  has(name: string): boolean {
    return this.#get(name) != null;
  }

  text(name: string, ...aliases: readonly string[]): string {
    const value = this.#get(name, aliases);
    if (value == null) return "";
    return typeof value === "string" ? value : this.#refuse(name, "a text", "");
  }

  flag(name: string, ...aliases: readonly string[]): boolean {
    const value = this.#get(name, aliases);
    if (value == null) return false;
    return typeof value === "boolean" ? value : this.#refuse(name, "true or false", false);
  }

  /** A whole number within these bounds. */
  whole(name: string, min: number, max: number, fallback = 0): number {
    const value = this.#get(name);
    if (value == null) return fallback;
    const isWhole = typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
    return isWhole ? value : this.#refuse(name, `a whole number from ${min} to ${max}`, fallback);
  }

  /** An unsigned number of 64 bits, in decimal. */
  uint64(name: string): string {
    const value = this.#get(name);
    if (value == null) return "0";
    const read = typeof value === "number" || typeof value === "string" ? readUint64(String(value)) : undefined;
    return read ?? this.#refuse(name, "an unsigned number of 64 bits", "0");
  }

  /** Ms; texts as Go's durations, numbers in nanoseconds. Undefined when left out or empty. */
  durationMs(name: string, ...aliases: readonly string[]): number | undefined {
    const value = this.#get(name, aliases);
    if (value == null || value === "") return undefined;
    if (typeof value === "number") return value / NS_PER_MS;
    if (typeof value !== "string") return this.#refuse(name, "a duration", undefined);
    // Long numbers come as text; a short one in quotes lacks its unit.
    const long = value.length < LONG_DIGITS ? undefined : readUint64(value);
    const read = long === undefined ? parseDuration(value) : ok(Number(long) / NS_PER_MS);
    return read.ok ? read.value : this.#refuse(name, `a duration: ${read.detail}`, undefined);
  }

  texts(name: string, ...aliases: readonly string[]): readonly string[] {
    const value = this.#get(name, aliases);
    if (value == null) return [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    return this.#refuse(name, "a list of texts", []);
  }

  /** Texts by name; the names keep their case. */
  pairs(name: string, ...aliases: readonly string[]): Readonly<Record<string, string>> {
    const value = this.#get(name, aliases);
    if (value == null) return {};
    if (isObject(value) && Object.values(value).every((item) => typeof item === "string"))
      return value as Record<string, string>;
    return this.#refuse(name, "texts by name", {});
  }

  /** As it came: for what is kept and shown again. */
  raw(name: string): Json {
    return this.#get(name);
  }

  /** Undefined when left out. */
  object(name: string, ...aliases: readonly string[]): Fields | undefined {
    const value = this.#get(name, aliases);
    return value == null ? undefined : this.#child(value, name);
  }

  objects(name: string, ...aliases: readonly string[]): readonly Fields[] {
    const value = this.#get(name, aliases);
    if (value == null) return [];
    if (!Array.isArray(value)) return this.#refuse(name, "a list", []);
    return value.map((item, i) => this.#child(item, `${name}[${i}]`));
  }

  /** Objects by name; the names keep their case. */
  named(name: string, ...aliases: readonly string[]): readonly (readonly [name: string, fields: Fields])[] {
    const value = this.#get(name, aliases);
    if (value == null) return [];
    if (!isObject(value)) return this.#refuse(name, "an object", []);
    return Object.entries(value).map(([key, item]) => [key, this.#child(item, `${name}.${key}`)]);
  }

  #child(value: Json, name: string): Fields {
    const path = this.#path === "" ? name : `${this.#path}.${name}`;
    if (isObject(value)) return new Fields(value, path, this.#trouble);
    this.#refuse(name, "an object", undefined);
    return new Fields({}, path, this.#trouble);
  }

  #get(name: string, aliases: readonly string[] = []): Json {
    const value = this.#members.get(name.toLowerCase());
    if (value != null || aliases.length === 0) return value;
    return aliases.map((alias) => this.#members.get(alias)).find((other) => other != null);
  }

  #refuse<T>(name: string, wanted: string, fallback: T): T {
    const path = this.#path === "" ? name : `${this.#path}.${name}`;
    this.#trouble.first ??= refuse("invalid", `Request decode failed: ${path.slice(0, 200)} must be ${wanted}`);
    return fallback;
  }
}

function isNothing(value: Json): boolean {
  if (value == null || value === "" || value === 0 || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function isObject(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** In decimal without zeros before it; undefined for what is none. */
export function readUint64(text: string): string | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const value = BigInt(text);
  return value <= UINT64_MAX ? String(value) : undefined;
}
