/**
 * @live Regular expressions as Go has them (RE2), matched in linear time: none can hold the process up. The engine is loaded when
 * a pattern first needs it.
 */
import { createRequire } from "node:module";
import type { RE2JS } from "re2js";
import type { Pattern } from "./filter.ts";

const load = createRequire(import.meta.url);
let engine: typeof RE2JS | undefined;

function compile(pattern: string): RE2JS | undefined {
  engine ??= (load("re2js") as { readonly RE2JS: typeof RE2JS }).RE2JS;
  try {
    return engine.compile(pattern);
  } catch {
    return undefined;
  }
}

/** Undefined for what is no pattern. */
export function compilePattern(pattern: string): Pattern | undefined {
  const compiled = compile(pattern);
  return compiled && ((text) => compiled.matcher(text).find());
}

/** Finds what the first match and its groups took; undefined for what is no pattern. */
export function compileGroups(pattern: string): ((text: string) => readonly string[] | undefined) | undefined {
  const compiled = compile(pattern);
  if (compiled === undefined) return undefined;
  return (text) => {
    const matcher = compiled.matcher(text);
    if (!matcher.find()) return undefined;
    return Array.from({ length: matcher.groupCount() + 1 }, (_, nth) => matcher.group(nth) ?? "");
  };
}
