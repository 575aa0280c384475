/** Reads the fields of a JSON object one by one and remembers the first thing that is wrong, in words. */
import { isStatus, LIMITS, type Outcome, ok, type Refused, refuse, STATUSES, type Status } from "../../core/index.ts";
import type { Json } from "../../net/routes/json.ts";
import { decodeDuration } from "./numbers.ts";

/** A lease may bear the names of what it keeps alive. */
export const LEASE_LENGTH_MAX = 2 * LIMITS.idLengthMax;

const CONTROL = /\p{Cc}/u;
/** The same but for tabs and the ends of lines. */
const CONTROL_IN_LINES = /(?![\t\n\r])\p{Cc}/u;

/** Whether a text could move a terminal's cursor or end a line. */
export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

export type Members = Readonly<Record<string, unknown>>;

export function isObject(value: Json): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a value is, for messages. */
export function nameType(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** Faults of one body that are told. */
const FAULTS_MAX = 8;

const NO_MEMBERS: Members = {};
const NO_TEXTS: readonly string[] = [];
const NO_PAIRS: Readonly<Record<string, string>> = {};

/**
 * A field that is left out gives the fallback; so does a wrong one, and `fault` then says what is wrong with it, and
 * with others. Callers read all fields and look at `fault` once, at the end.
 */
export class Fields {
  readonly #members: Members;
  readonly #at: string;
  fault: Refused | undefined = undefined;
  #faults = 0;

  /** `at` is put before the names of fields in messages, such as `guards[2].`. */
  constructor(value: Json, known: ReadonlySet<string>, at = "") {
    this.#at = at;
    if (!isObject(value)) {
      this.#members = NO_MEMBERS;
      this.fail(`${at === "" ? "the body" : at.slice(0, -1)} must be an object, not ${nameType(value)}`);
      // It lacks every field, which says nothing new.
      this.#faults = FAULTS_MAX;
      return;
    }
    this.#members = value;
    for (const name in value)
      if (!known.has(name)) this.fail(`unknown field ${at}${name.slice(0, 100)}; known are ${[...known].join(", ")}`);
  }

  fail(message: string): void {
    this.adopt(refuse("invalid", message));
  }

  #tooLong(name: string, most: number, what: string): void {
    this.adopt(refuse("too-large", `field ${this.#at}${name} holds more than ${most} ${what}`));
  }

  /** Takes over the fault of an inner value. The first fault gives the refusal, the next ones are told along. */
  adopt(fault: Refused | undefined): void {
    if (fault === undefined || this.#faults >= FAULTS_MAX) return;
    this.#faults += 1;
    this.fault = this.fault === undefined ? fault : refuse(this.fault.refusal, `${this.fault.detail}; ${fault.detail}`);
  }

  expected(name: string, what: string, value: unknown): void {
    this.fail(`field ${this.#at}${name} must be ${what}, not ${describe(value)}`);
  }

  has(name: string): boolean {
    return this.#members[name] !== undefined;
  }

  raw(name: string): unknown {
    return this.#members[name];
  }

  /** A field that must be there. */
  need(name: string): void {
    if (this.#members[name] === undefined) this.fail(`field ${this.#at}${name} is missing`);
  }

  text(name: string, fallback: string, lengthMax = 255): string {
    const value = this.#members[name];
    if (value === undefined) return fallback;
    if (typeof value !== "string") this.expected(name, "a string", value);
    else if (value.length > lengthMax) this.#tooLong(name, lengthMax, "characters");
    else return value;
    return fallback;
  }

  /** A text of one line that can be printed: without control characters. */
  printable(name: string, fallback: string, lengthMax = 255): string {
    const text = this.text(name, fallback, lengthMax);
    if (!CONTROL.test(text)) return text;
    this.fail(`field ${this.#at}${name} must not hold control characters`);
    return fallback;
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const value = this.#members[name];
    if (value === undefined) return fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    this.expected(name, `an integer from ${least} to ${most}`, value);
    return fallback;
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.#members[name];
    if (value === undefined) return fallback;
    if (typeof value === "boolean") return value;
    this.expected(name, "true or false", value);
    return fallback;
  }

  status(name: string, fallback: Status): Status {
    const value = this.#members[name];
    if (value === undefined) return fallback;
    if (isStatus(value)) return value;
    this.expected(name, `one of ${STATUSES.join(", ")}`, value);
    return fallback;
  }

  /** In ms. */
  duration(name: string, fallbackMs: number): number {
    const value = this.#members[name];
    if (value === undefined) return fallbackMs;
    const ms = decodeDuration(value);
    if (ms !== undefined) return ms;
    this.expected(name, 'a duration such as "500ms", "10s", "5m", "2h" or a number of seconds', value);
    return fallbackMs;
  }

  list(name: string, countMax: number): readonly unknown[] {
    const value = this.#members[name];
    if (value === undefined) return [];
    if (!Array.isArray(value)) this.expected(name, "an array", value);
    else if (value.length > countMax) this.#tooLong(name, countMax, "entries");
    else return value;
    return [];
  }

  texts(name: string, countMax: number, lengthMax = 255): readonly string[] {
    const list = this.list(name, countMax);
    if (list.length === 0) return NO_TEXTS;
    for (let i = 0; i < list.length; i++) {
      const item = list[i];
      if (typeof item !== "string") this.expected(`${name}[${i}]`, "a string", item);
      else if (item.length > lengthMax) this.#tooLong(`${name}[${i}]`, lengthMax, "characters");
      else continue;
      return NO_TEXTS;
    }
    return list as readonly string[];
  }

  /** Like `texts`, each of them printable. */
  printables(name: string, countMax: number, lengthMax = 255): readonly string[] {
    const list = this.texts(name, countMax, lengthMax);
    const at = list.findIndex((text) => CONTROL.test(text));
    if (at < 0) return list;
    this.fail(`field ${this.#at}${name}[${at}] must not hold control characters`);
    return NO_TEXTS;
  }

  /** An object of strings. */
  pairs(name: string): Readonly<Record<string, string>> {
    return this.#record(name, "a string", (value) => typeof value === "string") as Readonly<Record<string, string>>;
  }

  /** An object of strings with printable keys; the values may be of several lines. */
  printablePairs(name: string): Readonly<Record<string, string>> {
    const pairs = this.pairs(name);
    for (const key in pairs) {
      if (CONTROL.test(key)) this.fail(`field ${this.#at}${name} must not have keys with control characters`);
      else if (CONTROL_IN_LINES.test(pairs[key] as string))
        this.fail(`field ${this.#at}${name}.${key} must not hold control characters but newlines and tabs`);
      else continue;
      return NO_PAIRS;
    }
    return pairs;
  }

  /** An object of port numbers. */
  ports(name: string): Readonly<Record<string, number>> {
    return this.#record(name, "an integer from 0 to 65535", isPort) as Readonly<Record<string, number>>;
  }

  #record(name: string, what: string, fits: (value: unknown) => boolean): Members {
    const value = this.#members[name];
    if (value === undefined) return NO_PAIRS;
    if (!isObject(value)) {
      this.expected(name, "an object", value);
      return NO_PAIRS;
    }
    for (const key in value) {
      // A careless copy of this member would change the prototype of the copy.
      if (key === "__proto__") this.fail(`field ${this.#at}${name} must not have the key __proto__`);
      else if (!fits(value[key])) this.expected(`${name}.${key}`, what, value[key]);
      else continue;
      return NO_PAIRS;
    }
    return value;
  }

  /** Everything read, unless something was wrong. */
  outcome<T>(value: T): Outcome<T> {
    return this.fault ?? ok(value);
  }
}

export function isPort(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65535;
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return nameType(value);
}
