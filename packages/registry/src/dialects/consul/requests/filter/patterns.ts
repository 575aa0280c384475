/**
 * Regular expressions as Go has them (RE2), matched in linear time: none can hold the process up. Loaded when a filter
 * first needs it.
 */
import { RE2JS } from "re2js";
import type { Pattern } from "./filter.ts";

export function compilePattern(pattern: string): Pattern | undefined {
  try {
    const compiled = RE2JS.compile(pattern);
    return (text) => compiled.matcher(text).find();
  } catch {
    return undefined;
  }
}
