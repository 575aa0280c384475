/** Regular expressions as Go has them (RE2), matched in linear time: none can hold the process up. */
import { RE2JS } from "re2js";
import type { Pattern } from "./filter.ts";

function compile(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern);
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
