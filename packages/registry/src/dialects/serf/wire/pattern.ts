/**
 * Regular expressions that clients send, in time that grows with expression and text alone: the states that may be had
 * are followed side by side, nothing is tried again. As much of Go's syntax as filters of names and tags use.
 */

/** What may come next in a text, or a choice of ways that take none of it. */
type State =
  | { readonly kind: "take"; readonly takes: (code: number) => boolean; next: number }
  | { readonly kind: "fork"; next: number; other: number }
  | { readonly kind: "start" | "end"; next: number }
  | { readonly kind: "done" };

export const PATTERN_LENGTH_MAX = 512;
const STATES_MAX = 4096;
const REPEATS_MAX = 1000;
const DEPTH_MAX = 100;
/** Parts that are put together, over and over where they repeat: nothing takes no state, however often. */
const PARTS_MAX = 20_000;
/** Of a text, so much is looked at. */
const TEXT_LENGTH_MAX = 8192;

/** Steps that are left. Below 0 there was not enough, and what was answered last means nothing. */
export interface Effort {
  steps: number;
}

/** For one text: some milliseconds. */
const STEPS_MAX = 200_000;

/** Whether a text fits, as Serf asks: the expression stands between `^` and `$`, and a bar parts those from each other. */
export type Pattern = (text: string, effort: Effort) => boolean;

/** Undefined when it is none. */
export function compile(expression: string): Pattern | undefined {
  if (expression.length > PATTERN_LENGTH_MAX) return undefined;
  const compiler = new Compiler(`^${expression}$`);
  try {
    const start = compiler.compile();
    return (text, effort) => run(compiler.states, start, text.slice(0, TEXT_LENGTH_MAX), effort);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function run(states: readonly State[], start: number, text: string, effort: Effort): boolean {
  let now = new Set<number>();
  let steps = 0;
  for (let at = 0; ; at++) {
    steps += now.size + 1;
    if (steps > STEPS_MAX) effort.steps = -1;
    if (effort.steps < 0) return false;
    effort.steps -= now.size + 1;
    if (enter(states, start, at, text.length, now)) return true;
    if (at === text.length) return false;
    const next = new Set<number>();
    const code = text.charCodeAt(at);
    for (const place of now) {
      const state = states[place] as State;
      if (state.kind !== "take" || !state.takes(code)) continue;
      if (enter(states, state.next, at + 1, text.length, next)) return true;
    }
    now = next;
  }
}

/** Adds a state and all that it leads to without taking anything; true when that is the end. */
function enter(states: readonly State[], first: number, at: number, length: number, into: Set<number>): boolean {
  const open = [first];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (into.has(place)) continue;
    into.add(place);
    const state = states[place] as State;
    if (state.kind === "done") return true;
    if (state.kind === "fork") open.push(state.other, state.next);
    else if ((state.kind === "start" && at === 0) || (state.kind === "end" && at === length)) open.push(state.next);
  }
  return false;
}

type Take = (code: number) => boolean;
/** Makes the states of a part, the ones after it given, and says where it begins. */
type Part = (next: number) => number;

const CLASSES: Readonly<Record<string, Take>> = {
  d: (code) => code >= 48 && code <= 57,
  w: (code) => /\w/.test(String.fromCharCode(code)),
  s: (code) => /[\t\n\f\r ]/.test(String.fromCharCode(code)),
};
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", f: "\f", v: "\v", a: "\x07" };

class Compiler {
  readonly states: State[] = [];
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #parts = 0;

  constructor(text: string) {
    this.#text = text;
  }

  compile(): number {
    const part = this.#choice();
    if (this.#at < this.#text.length) throw new SyntaxError("a parenthesis too many");
    return part(this.#add({ kind: "done" }));
  }

  #add(state: State): number {
    if (this.states.length >= STATES_MAX) throw new SyntaxError("too long");
    return this.states.push(state) - 1;
  }

  #next(): string | undefined {
    return this.#text[this.#at];
  }

  #choice(): Part {
    const parts = [this.#sequence()];
    while (this.#next() === "|") {
      this.#at++;
      parts.push(this.#sequence());
    }
    return parts.reduce((one, two) => (next) => {
      const [first, second] = [one(next), two(next)];
      return this.#add({ kind: "fork", next: first, other: second });
    });
  }

  #sequence(): Part {
    const parts: Part[] = [];
    for (let sign = this.#next(); sign !== undefined && sign !== "|" && sign !== ")"; sign = this.#next())
      parts.push(this.#repeated(this.#single()));
    return (next) => parts.reduceRight((after, part) => part(after), next);
  }

  #repeated(part: Part): Part {
    let repeated = part;
    for (let count = this.#count(); count !== undefined; count = this.#count()) {
      // What comes first is what is asked for, with or without greed.
      if (this.#next() === "?") this.#at++;
      repeated = this.#times(repeated, ...count);
    }
    return repeated;
  }

  #count(): readonly [least: number, most: number] | undefined {
    const sign = this.#next();
    const braces = sign === "{" ? /^\{(\d+)(?:(,)(\d*))?\}/.exec(this.#text.slice(this.#at)) : null;
    if (braces !== null) {
      this.#at += braces[0].length;
      const least = Number(braces[1]);
      const most = braces[2] === undefined ? least : braces[3] === "" ? Number.POSITIVE_INFINITY : Number(braces[3]);
      if (least > REPEATS_MAX || (most !== Number.POSITIVE_INFINITY && most > REPEATS_MAX) || most < least)
        throw new SyntaxError("repeated too often");
      return [least, most];
    }
    const counts: Readonly<Record<string, readonly [number, number]>> = {
      "*": [0, Number.POSITIVE_INFINITY],
      "+": [1, Number.POSITIVE_INFINITY],
      "?": [0, 1],
    };
    const count = sign === undefined ? undefined : counts[sign];
    if (count !== undefined) this.#at++;
    return count;
  }

  #times(single: Part, least: number, most: number): Part {
    const part: Part = (next) => {
      if (++this.#parts > PARTS_MAX) throw new SyntaxError("repeated too often");
      return single(next);
    };
    return (next) => {
      let start = next;
      if (most === Number.POSITIVE_INFINITY) {
        const loop: State = { kind: "fork", next: 0, other: next };
        start = this.#add(loop);
        loop.next = part(start);
      } else {
        for (let n = least; n < most; n++) start = this.#add({ kind: "fork", next: part(start), other: next });
      }
      for (let n = 0; n < least; n++) start = part(start);
      return start;
    };
  }

  #single(): Part {
    const sign = this.#text[this.#at++] as string;
    if (sign === "(") return this.#group();
    if (sign === "^" || sign === "$") {
      const kind = sign === "^" ? "start" : "end";
      return (next) => this.#add({ kind, next });
    }
    if ("*+?".includes(sign)) throw new SyntaxError("nothing to repeat");
    return this.#taking(sign === "." ? (code) => code !== 10 : sign === "[" ? this.#class() : this.#sign(sign));
  }

  #taking(takes: Take): Part {
    return (next) => this.#add({ kind: "take", takes, next });
  }

  #group(): Part {
    const opening = /^\?(?::|P?<\w+>)/.exec(this.#text.slice(this.#at));
    if (opening !== null) this.#at += opening[0].length;
    else if (this.#next() === "?") throw new SyntaxError("an unknown kind of group");
    if (++this.#depth > DEPTH_MAX) throw new SyntaxError("too deep");
    const part = this.#choice();
    this.#depth--;
    if (this.#text[this.#at++] !== ")") throw new SyntaxError("a parenthesis is missing");
    return part;
  }

  /** What one sign takes, with a backslash or without. */
  #sign(sign: string): Take {
    if (sign !== "\\") return (code) => code === sign.charCodeAt(0);
    const escaped = this.#text[this.#at++];
    if (escaped === undefined) throw new SyntaxError("nothing after a backslash");
    const known = CLASSES[escaped];
    if (known !== undefined) return known;
    const opposite = CLASSES[escaped.toLowerCase()];
    if (opposite !== undefined) return (code) => !opposite(code);
    const meant = ESCAPES[escaped] ?? escaped;
    if (meant === escaped && /[A-Za-z0-9]/.test(escaped)) throw new SyntaxError(`an unknown \\${escaped}`);
    return (code) => code === meant.charCodeAt(0);
  }

  #class(): Take {
    const isOpposite = this.#next() === "^";
    if (isOpposite) this.#at++;
    const takes: Take[] = [];
    for (let first = true; first || this.#next() !== "]"; first = false) {
      const sign = this.#text[this.#at++];
      if (sign === undefined) throw new SyntaxError("a bracket is missing");
      const range = /^-([^\]\\])/.exec(this.#text.slice(this.#at));
      if (sign === "\\" || range === null) {
        takes.push(this.#sign(sign));
        continue;
      }
      this.#at += 2;
      const [from, to] = [sign.charCodeAt(0), (range[1] as string).charCodeAt(0)];
      if (to < from) throw new SyntaxError("a range that goes back");
      takes.push((code) => code >= from && code <= to);
    }
    this.#at++;
    return (code) => takes.some((one) => one(code)) !== isOpposite;
  }
}
