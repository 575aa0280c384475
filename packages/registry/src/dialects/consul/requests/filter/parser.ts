/**
 * The filter language (go-bexpr's): a text to a tree.
 *
 *     or     = and { "or" and }        and = not { "and" not }        not = "not" not | "(" or ")" | test
 *     test   = selector ("==" | "!=" | ["not"] "contains" | ["not"] "matches") value
 *            | selector "is" ["not"] "empty"   |   value ["not"] "in" selector
 *     selector = word { "." word | "[" text "]" }
 */
import { type Outcome, ok, type Refused, refuse } from "../../../../core/index.ts";
import { scan, type Token } from "./scanner.ts";

export type Operator = "==" | "in" | "empty" | "matches";

export interface Test {
  readonly kind: "test";
  readonly selector: readonly string[];
  readonly operator: Operator;
  readonly negated: boolean;
  readonly value: string;
}

export type Tree =
  | Test
  | { readonly kind: "not"; readonly of: Tree }
  | { readonly kind: "and" | "or"; readonly left: Tree; readonly right: Tree };

const DEPTH_MAX = 64;
const TESTS_MAX = 256;
const WORDS: ReadonlySet<string> = new Set(["and", "or", "not", "in", "is", "empty", "contains", "matches"]);

export function parseFilter(text: string): Outcome<Tree> {
  const tokens = scan(text);
  if (!tokens.ok) return tokens;
  const parser = new Parser(tokens.value);
  const tree = parser.all();
  return parser.wrong ?? ok(tree);
}

const NOTHING: Tree = { kind: "test", selector: [], operator: "empty", negated: false, value: "" };

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  #tests = 0;
  /** The first thing that is wrong; what is read after it does not count. */
  wrong: Refused | undefined;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  all(): Tree {
    const tree = this.#or();
    return this.#peek().kind === "end" ? tree : this.#fail("the end");
  }

  #or(): Tree {
    if (++this.#depth > DEPTH_MAX) return this.#refuse(`the filter is nested deeper than ${DEPTH_MAX} levels`);
    let left = this.#and();
    while (this.#takes("or")) left = { kind: "or", left, right: this.#and() };
    this.#depth--;
    return left;
  }

  #and(): Tree {
    let left = this.#not();
    while (this.#takes("and")) left = { kind: "and", left, right: this.#not() };
    return left;
  }

  #not(): Tree {
    let negations = 0;
    while (this.#takes("not")) negations++;
    const tree = this.#single();
    return negations % 2 === 0 ? tree : { kind: "not", of: tree };
  }

  #single(): Tree {
    if (this.wrong !== undefined) return NOTHING;
    if (this.#peek().kind !== "(") return this.#test();
    this.#at++;
    const tree = this.#or();
    if (this.#peek().kind !== ")") return this.#fail('")"');
    this.#at++;
    return tree;
  }

  #test(): Tree {
    if (++this.#tests > TESTS_MAX) return this.#refuse(`the filter has more than ${TESTS_MAX} conditions`);
    const first = this.#peek();
    if (first.kind === "text") return this.#within(this.#value());
    const start = this.#at;
    const selector = this.#selector();
    const ahead = this.#peek();
    // A value may stand without quotes, too.
    const isValue = ahead.value === "in" || (ahead.value === "not" && this.#tokens[this.#at + 1]?.value === "in");
    if (isValue && ahead.kind === "word") {
      this.#at = start;
      return this.#within(this.#value());
    }
    return this.#about(selector);
  }

  /** What follows a selector. */
  #about(selector: readonly string[]): Tree {
    const { kind } = this.#peek();
    if (kind === "==" || kind === "!=") {
      this.#at++;
      return this.#made(selector, "==", kind === "!=", this.#value());
    }
    if (this.#takes("is")) {
      const negated = this.#takes("not");
      return this.#takes("empty") ? this.#made(selector, "empty", negated, "") : this.#fail('"empty"');
    }
    const negated = this.#takes("not");
    if (this.#takes("contains")) return this.#made(selector, "in", negated, this.#value());
    if (this.#takes("matches")) return this.#made(selector, "matches", negated, this.#value());
    return this.#fail("an operator");
  }

  /** What follows a value. */
  #within(value: string): Tree {
    const negated = this.#takes("not");
    return this.#takes("in") ? this.#made(this.#selector(), "in", negated, value) : this.#fail('"in"');
  }

  #made(selector: readonly string[], operator: Operator, negated: boolean, value: string): Tree {
    return { kind: "test", selector, operator, negated, value };
  }

  #selector(): readonly string[] {
    const names = [this.#word("a selector")];
    for (;;) {
      const { kind } = this.#peek();
      if (kind !== "." && kind !== "[") return names;
      this.#at++;
      if (kind === ".") names.push(this.#word("a name"));
      else {
        names.push(this.#value());
        if (this.#peek().kind !== "]") this.#fail('"]"');
        this.#at++;
      }
    }
  }

  #word(wanted: string): string {
    const { kind, value } = this.#peek();
    if (kind !== "word" || WORDS.has(value)) this.#fail(wanted);
    this.#at++;
    return value;
  }

  /** In quotes, or a word; words with dots are numbers or names. */
  #value(): string {
    const { kind, value } = this.#peek();
    if (kind !== "text" && (kind !== "word" || WORDS.has(value))) this.#fail("a value");
    this.#at++;
    let whole = value;
    while (kind === "word" && this.#peek().kind === "." && this.#tokens[this.#at + 1]?.kind === "word") {
      whole += `.${this.#tokens[this.#at + 1]?.value}`;
      this.#at += 2;
    }
    return whole;
  }

  #peek(): Token {
    return (this.#tokens[this.#at] ?? this.#tokens.at(-1)) as Token;
  }

  #takes(word: string): boolean {
    const { kind, value } = this.#peek();
    if (kind !== "word" || value !== word) return false;
    this.#at++;
    return true;
  }

  #fail(wanted: string): Tree {
    const { at, kind, value } = this.#peek();
    const found = kind === "end" ? "the end" : JSON.stringify(value.slice(0, 100));
    return this.#refuse(`${at + 1}: expected ${wanted}, found ${found}`);
  }

  #refuse(why: string): Tree {
    this.wrong ??= refuse("invalid", why);
    // Nothing more is read.
    this.#at = this.#tokens.length;
    return NOTHING;
  }
}
