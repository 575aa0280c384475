/** The filter of a query, for things of a shape. */
import { type Outcome, ok } from "../../../../core/index.ts";
import type { Filter } from "../../desk.ts";
import { readTree, toFilter, usesPatterns } from "./filter.ts";
import type { ObjectShape } from "./shape.ts";

/** Undefined when there is none. */
export async function readFilter(text: string | undefined, shape: ObjectShape): Promise<Outcome<Filter | undefined>> {
  if (text === undefined || text === "") return ok(undefined);
  const tree = readTree(text);
  if (!tree.ok) return tree;
  const compile = usesPatterns(tree.value) ? (await import("./patterns.ts")).compilePattern : () => undefined;
  return toFilter(tree.value, shape, compile);
}
