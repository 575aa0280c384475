/** Patterns of paths: `?` is one character, `*` any within a name, `**` any over names. */
import type { Bytes, KeyRange } from "../../../core/index.ts";
import { prefixEnd } from "../../../core/index.ts";
import { below, isPathLike } from "./path.ts";

/** A longer pattern is none. */
export const GLOB_BYTES_MAX = 4096;

export interface Glob {
  matches(path: Bytes): boolean;
  /** All that it matches lies here; "/" itself does not. */
  readonly range: KeyRange;
}

/** A sign to be matched as it is, or one of the three. */
type Sign = string | 1 | 2 | 3;
const ANY: Sign = 1;
const NAME: Sign = 2;
const ALL: Sign = 3;

/** Undefined when it is no pattern. */
export function compileGlob(pattern: Bytes): Glob | undefined {
  if (pattern.length > GLOB_BYTES_MAX || !isPathLike(pattern)) return undefined;
  const signs: Sign[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern[at] as string;
    if (sign === "?") signs.push(ANY);
    else if (sign !== "*") signs.push(sign);
    else if (pattern[at + 1] !== "*") signs.push(NAME);
    else {
      signs.push(ALL);
      at++;
    }
  }
  return { matches: (path) => matches(signs, path), range: rangeOf(pattern) };
}

function rangeOf(pattern: Bytes): KeyRange {
  const wild = pattern.search(/[*?]/);
  if (wild < 0) return pattern === "/" ? below("/") : { from: pattern };
  const prefix = pattern.slice(0, wild);
  return prefix === "/" ? below("/") : { from: prefix, to: prefixEnd(prefix) };
}

/** Where to try again when nothing fits any more: the sign after the star, and the byte that the star takes next. */
interface Retry {
  readonly sign: number;
  at: number;
}

/**
 * The shortest that a star can take is tried first. Only the last star of a name and the last that goes over names need
 * be tried again: what is before them fits, and more of it would leave them less.
 */
function matches(signs: readonly Sign[], path: Bytes): boolean {
  let [sign, at] = [0, 0];
  let inName: Retry | undefined;
  let over: Retry | undefined;
  for (;;) {
    const wanted = signs[sign];
    if (wanted === ALL) {
      over = { sign: ++sign, at };
      inName = undefined;
    } else if (wanted === NAME) inName = { sign: ++sign, at };
    else if (wanted === undefined && at === path.length) return true;
    else if (wanted !== undefined && fits(wanted, path[at])) {
      sign++;
      at++;
    } else if (inName !== undefined && fits(ANY, path[inName.at])) {
      sign = inName.sign;
      at = ++inName.at;
    } else if (over !== undefined && over.at < path.length) {
      sign = over.sign;
      at = ++over.at;
      inName = undefined;
    } else return false;
  }
}

function fits(wanted: Sign, byte: string | undefined): boolean {
  return wanted === ANY ? byte !== undefined && byte !== "/" : wanted === byte;
}
