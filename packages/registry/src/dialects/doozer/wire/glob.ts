/** Patterns of paths: `?` is one character, `*` any within a name, `**` any over names. */
import type { Bytes, KeyRange } from "../../../core/index.ts";
import { prefixEnd } from "../../../core/index.ts";
import { below, isPathLike } from "./path.ts";

/** A longer pattern is none. */
export const GLOB_BYTES_MAX = 4096;

export interface Glob {
  matches(path: Bytes): boolean;
  /** The same, by the way for patterns that take too long the other one. */
  matchesWide(path: Bytes): boolean;
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
  let wide: Wide | undefined;
  const matchesWide = (path: Bytes): boolean => {
    wide ??= new Wide(signs);
    return wide.matches(path);
  };
  return {
    matches: (path) => matches(signs, path, STEPS_EACH * (signs.length + path.length)) ?? matchesWide(path),
    matchesWide,
    range: rangeOf(pattern),
  };
}

/** A pattern that takes more steps than so many times what is to be looked at is matched another way. */
const STEPS_EACH = 16;

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
 * be tried again: what is before them fits, and more of it would leave them less. Undefined when that takes too long.
 */
function matches(signs: readonly Sign[], path: Bytes, stepsMax: number): boolean | undefined {
  let [sign, at] = [0, 0];
  let inName: Retry | undefined;
  let over: Retry | undefined;
  for (let steps = 0; steps < stepsMax; steps++) {
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
  return undefined;
}

function fits(wanted: Sign, byte: string | undefined): boolean {
  return wanted === ANY ? byte !== undefined && byte !== "/" : wanted === byte;
}

/**
 * All ways through a pattern side by side, a bit for each place in it: each byte of a path costs one step, whatever the
 * pattern. Bit `n` is set where the signs before the n-th fit what was seen.
 */
class Wide {
  readonly #end: bigint;
  readonly #stars: bigint;
  /** Places that stay whatever byte comes; the other stars end at a slash. */
  readonly #overNames: bigint;
  readonly #anys: bigint;
  /** Places that take this byte as it is. */
  readonly #takes = new Map<string, bigint>();

  constructor(all: readonly Sign[]) {
    const signs = withoutRepeats(all);
    const placesOf = (wanted: Sign): bigint =>
      signs.reduce((places, sign, at) => (sign === wanted ? places | (1n << BigInt(at)) : places), 0n);
    this.#end = 1n << BigInt(signs.length);
    this.#overNames = placesOf(ALL);
    this.#stars = this.#overNames | placesOf(NAME);
    this.#anys = placesOf(ANY);
    for (const sign of new Set(signs)) if (typeof sign === "string") this.#takes.set(sign, placesOf(sign));
  }

  matches(path: Bytes): boolean {
    let places = this.#past(1n);
    for (const byte of path) {
      const isSlash = byte === "/";
      const stays = places & (isSlash ? this.#overNames : this.#stars);
      const takes = (this.#takes.get(byte) ?? 0n) | (isSlash ? 0n : this.#anys);
      places = this.#past(stays | ((places & takes) << 1n));
      if (places === 0n) return false;
    }
    return (places & this.#end) !== 0n;
  }

  /** A star may take nothing. */
  #past(places: bigint): bigint {
    return places | ((places & this.#stars) << 1n);
  }
}

/** Stars beside each other are one: that of the greater reach. */
function withoutRepeats(all: readonly Sign[]): readonly Sign[] {
  const signs: Sign[] = [];
  for (const sign of all) {
    const before = signs.at(-1);
    const isRepeat = (sign === NAME || sign === ALL) && (before === NAME || before === ALL);
    if (!isRepeat) signs.push(sign);
    else if (sign === ALL) signs[signs.length - 1] = ALL;
  }
  return signs;
}
