/** Filters: a tree that suits a shape becomes a test of things. Patterns are matched in linear time. */
import { type Outcome, ok, refuse } from "../../../../core/index.ts";
import type { Json } from "../../../../net/routes/json.ts";
import type { Filter } from "../../desk.ts";
import { parseFilter, type Test, type Tree } from "./parser.ts";
import type { ObjectShape, Shape } from "./shape.ts";

/** Whether a text has a place that the pattern matches. */
export type Pattern = (text: string) => boolean;

/** Compiles patterns; undefined for what is none, or would take too much. */
export type Compile = (pattern: string) => Pattern | undefined;

const PATTERNS_MAX = 16;
const PATTERN_LENGTH_MAX = 1024;

export function usesPatterns(tree: Tree): boolean {
  if (tree.kind === "test") return tree.operator === "matches";
  if (tree.kind === "not") return usesPatterns(tree.of);
  return usesPatterns(tree.left) || usesPatterns(tree.right);
}

/** Refused as `invalid` when it is no filter, or asks for what things of this shape do not have. */
export function readTree(text: string): Outcome<Tree> {
  const tree = parseFilter(text);
  return tree.ok ? tree : refuse("invalid", `Failed to create boolean expression evaluator: ${tree.detail}`);
}

export function toFilter(tree: Tree, shape: ObjectShape, compile: Compile): Outcome<Filter> {
  let patterns = 0;
  const counted: Compile = (pattern) =>
    pattern.length > PATTERN_LENGTH_MAX || ++patterns > PATTERNS_MAX ? undefined : compile(pattern);
  const made = make(tree, shape, counted);
  return made.ok ? made : refuse("invalid", `Failed to create boolean expression evaluator: ${made.detail}`);
}

function make(tree: Tree, shape: ObjectShape, compile: Compile): Outcome<Filter> {
  if (tree.kind === "test") return makeTest(tree, tree.selector, shape, compile);
  if (tree.kind === "not") {
    const of = make(tree.of, shape, compile);
    return of.ok ? ok((thing) => !of.value(thing)) : of;
  }
  const left = make(tree.left, shape, compile);
  const right = left.ok ? make(tree.right, shape, compile) : left;
  if (!left.ok) return left;
  if (!right.ok) return right;
  return tree.kind === "and"
    ? ok((thing) => left.value(thing) && right.value(thing))
    : ok((thing) => left.value(thing) || right.value(thing));
}

/** Goes down the selector; `names` are those that are left. */
function makeTest(test: Test, names: readonly string[], shape: Shape, compile: Compile): Outcome<Filter> {
  const [name, ...rest] = names;
  if (name === undefined) return makeLeaf(test, shape, compile);
  if (shape.kind === "objects") {
    const each = makeTest(test, names, shape.of, compile);
    return each.ok ? ok((things) => Array.isArray(things) && things.some(each.value)) : each;
  }
  const below = shape.kind === "map" ? shape.of : shape.kind === "object" ? memberOf(shape, name) : undefined;
  if (below === undefined) return refuse("invalid", `Selector ${JSON.stringify(test.selector.join("."))} is not valid`);
  const deeper = makeTest(test, rest, below, compile);
  return deeper.ok ? ok((thing) => deeper.value(memberAt(thing, name))) : deeper;
}

function memberOf({ members }: ObjectShape, name: string): Shape | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

function memberAt(thing: Json, name: string): Json {
  if (typeof thing !== "object" || thing === null || !Object.hasOwn(thing, name)) return undefined;
  return (thing as Readonly<Record<string, Json>>)[name];
}

function makeLeaf(test: Test, shape: Shape, compile: Compile): Outcome<Filter> {
  const plain = makePlain(test, shape, compile);
  if (!plain.ok || !test.negated) return plain;
  return ok((value) => !plain.value(value));
}

function makePlain({ operator, value, selector }: Test, { kind }: Shape, compile: Compile): Outcome<Filter> {
  const name = JSON.stringify(selector.join("."));
  switch (operator) {
    case "empty":
      if (kind === "number" || kind === "flag" || kind === "object") break;
      return ok(isEmpty);
    case "matches": {
      if (kind !== "text") break;
      const pattern = compile(value);
      if (pattern === undefined) return refuse("invalid", `${JSON.stringify(value.slice(0, 100))} is no pattern`);
      return ok((text) => typeof text === "string" && pattern(text));
    }
    case "in":
      if (kind === "texts") return ok((list) => Array.isArray(list) && list.includes(value));
      if (kind === "text") return ok((text) => typeof text === "string" && text.includes(value));
      if (kind === "map") return ok((map) => memberAt(map, value) !== undefined);
      break;
    case "==":
      if (kind === "text") return ok((text) => text === value);
      if (kind === "number" && /^-?[0-9]+$/.test(value)) return ok((number) => number === Number(value));
      // One that is left out of what is shown is false.
      if (kind === "flag" && FLAG.test(value)) return ok((flag) => (flag === true) === TRUE.test(value));
      break;
  }
  return refuse("invalid", `Invalid match operator or value for selector ${name}`);
}

const TRUE = /^(?:1|t|true)$/i;
const FLAG = /^(?:[01tf]|true|false)$/i;

function isEmpty(value: Json): boolean {
  if (value === undefined || value === null || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Of things in JSON, those that pass; undefined for the others. */
export function chosenOf(things: Iterable<string>, filter: Filter | undefined): Iterable<string | undefined> {
  return filter === undefined ? things : choose(things, filter);
}

function* choose(things: Iterable<string>, filter: Filter): Iterable<string | undefined> {
  for (const json of things) yield filter(JSON.parse(json)) ? json : undefined;
}
