/** JSON as this API writes it: indented by 4. Lists are written item by item, so that a long one need not be held as text. */
import { type Body, listParts } from "../../../net/answers/parts.ts";

const INDENT = "    ";

/** Items that are made when their turn comes. */
export class Lazy implements Iterable<object> {
  readonly #items: readonly (() => object)[];

  constructor(items: readonly (() => object)[]) {
    this.#items = items;
  }

  *[Symbol.iterator](): Iterator<object> {
    for (const make of this.#items) yield make();
  }
}

/** The whole text, of what has no long list in it. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, null, INDENT);
}

/** The same text, in parts where there are lists. */
export function toBody(value: object): Body {
  return hasList(value) ? listParts("", pieces(value, "\n"), "", "") : toJson(value);
}

/** `line` begins a line at the depth of the value. */
function* pieces(value: unknown, line: string): Iterable<string> {
  if (isList(value)) yield* listPieces(value, line);
  else if (isObject(value) && hasList(value)) yield* memberPieces(value, line);
  else yield toJson(value).replaceAll("\n", line);
}

function* listPieces(items: Iterable<unknown>, line: string): Iterable<string> {
  const inner = line + INDENT;
  let start = "[";
  for (const item of items) {
    yield start + inner;
    yield* pieces(item, inner);
    start = ",";
  }
  yield start === "[" ? "[]" : `${line}]`;
}

function* memberPieces(value: object, line: string): Iterable<string> {
  const inner = line + INDENT;
  let start = "{";
  for (const [key, member] of Object.entries(value)) {
    yield `${start}${inner}${JSON.stringify(key)}: `;
    yield* pieces(member, inner);
    start = ",";
  }
  yield `${line}}`;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function hasList(value: object): boolean {
  return Object.values(value).some(isList);
}

/** Whether its items may be long. */
function isList(value: unknown): value is Iterable<unknown> {
  return value instanceof Lazy || (Array.isArray(value) && isObject(value[0]));
}
