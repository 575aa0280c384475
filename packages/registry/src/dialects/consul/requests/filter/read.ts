/** @live The filter of a query, for things of a shape. */
import { type Outcome, ok } from "../../../../core/index.ts";
import type { Filter } from "../../desk.ts";
import { readTree, toFilter } from "./filter.ts";
import { compilePattern } from "./patterns.ts";
import type { ObjectShape } from "./shape.ts";

/** Undefined when there is none. */
export function readFilter(text: string | undefined, shape: ObjectShape): Outcome<Filter | undefined> {
  if (text === undefined || text === "") return ok(undefined);
  const tree = readTree(text);
  return tree.ok ? toFilter(tree.value, shape, compilePattern) : tree;
}
