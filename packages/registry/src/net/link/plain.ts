/**
 * Plain data as values of JSON, and back. What JSON has no word for (infinities, `undefined`, maps, sets, bytes, big
 * numbers, patterns) becomes an object with the members "~", which says what it is, and "v". Pure.
 */

/** Marks such an object. One of plain data that has this member itself is written as its entries. */
const SIGN = "~";

type Kind = "number" | "bigint" | "undefined" | "bytes" | "map" | "set" | "regexp" | "object";

interface Word {
  readonly [SIGN]: Kind;
  readonly v: unknown;
}

function word(kind: Kind, v: unknown): Word {
  return { [SIGN]: kind, v };
}

/** Throws a `TypeError` when it is no plain data. */
export function toPlain(value: unknown): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : word("number", String(value));
    case "bigint":
      return word("bigint", String(value));
    case "undefined":
      return word("undefined", null);
    case "object":
      return value === null ? null : fromObject(value);
    default:
      throw new TypeError(`a ${typeof value} is no plain data`);
  }
}

function fromObject(value: object): unknown {
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Map) return word("map", [...value].map(pairOf));
  if (value instanceof Set) return word("set", [...value].map(toPlain));
  if (value instanceof Uint8Array) return word("bytes", Buffer.from(value).toString("base64"));
  if (value instanceof RegExp) return word("regexp", [value.source, value.flags]);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError("an object of a class is no plain data");
  if (Object.hasOwn(value, SIGN)) return word("object", Object.entries(value).map(pairOf));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toPlain(member)]));
}

function pairOf([name, value]: readonly [unknown, unknown]): [unknown, unknown] {
  return [toPlain(name), toPlain(value)];
}

/**
 * Throws a `TypeError` when nothing was written so. What has no such word in it is the value itself, not a copy: JSON's
 * parser makes objects that take less memory than any made member by member.
 */
export function fromPlain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const members = value.map(fromPlain);
    return members.some((member, nth) => member !== value[nth]) ? members : value;
  }
  if (Object.hasOwn(value, SIGN)) return fromWord(value as Word);
  const before = Object.entries(value);
  const after = before.map(([name, member]) => [name, fromPlain(member)] as const);
  return after.some(([, member], nth) => member !== before[nth]?.[1]) ? Object.fromEntries(after) : value;
}

function fromWord({ [SIGN]: kind, v }: Word): unknown {
  switch (kind) {
    case "number":
      return Number(textOf(v));
    case "bigint":
      return BigInt(textOf(v));
    case "undefined":
      return undefined;
    case "bytes":
      return Buffer.from(textOf(v), "base64");
    case "map":
      return new Map(pairsOf(v));
    case "set":
      return new Set(listOf(v).map(fromPlain));
    case "regexp":
      return new RegExp(textOf(listOf(v)[0]), textOf(listOf(v)[1]));
    case "object":
      return Object.fromEntries(pairsOf(v));
    default:
      throw new TypeError(`"${String(kind)}" is no kind of plain data`);
  }
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("a text is missing");
  return value;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError("a list is missing");
  return value;
}

function pairsOf(value: unknown): [string, unknown][] {
  return listOf(value).map((pair) => {
    const [name, member] = listOf(pair);
    return [fromPlain(name) as string, fromPlain(member)];
  });
}
