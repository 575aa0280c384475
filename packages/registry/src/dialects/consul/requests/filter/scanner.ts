/** The words and signs of a filter. */
import { type Outcome, ok, refuse } from "../../../../core/index.ts";

export interface Token {
  /** `text`: in quotes; `word`: without; else the sign itself. */
  readonly kind: "text" | "word" | "(" | ")" | "[" | "]" | "." | "==" | "!=" | "end";
  readonly value: string;
  readonly at: number;
}

/** A filter is a line of a query. */
const LENGTH_MAX = 16 * 1024;
const TOKENS_MAX = 4096;
const BLANK = /[ \t\r\n]*/y;
const SIGN = /==|!=|[()[\].]/y;
const WORD = /[A-Za-z0-9_/:+-]+/y;

export function scan(text: string): Outcome<readonly Token[]> {
  if (text.length > LENGTH_MAX) return refuse("invalid", `the filter is longer than ${LENGTH_MAX} characters`);
  const tokens: Token[] = [];
  for (let at = match(BLANK, text, 0).length; at < text.length; ) {
    if (tokens.length >= TOKENS_MAX) return refuse("invalid", `the filter has more than ${TOKENS_MAX} words`);
    const token = next(text, at);
    if (!token.ok) return token;
    tokens.push(token.value.token);
    at = token.value.end;
    at += match(BLANK, text, at).length;
  }
  tokens.push({ kind: "end", value: "", at: text.length });
  return ok(tokens);
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

function next(text: string, at: number): Outcome<{ readonly token: Token; readonly end: number }> {
  const quote = text[at] as string;
  if (quote === '"' || quote === "`") return quoted(text, at, quote);
  const sign = match(SIGN, text, at);
  if (sign !== "") return ok({ token: { kind: sign as Token["kind"], value: sign, at }, end: at + sign.length });
  const word = match(WORD, text, at);
  if (word === "") return refuse("invalid", `unexpected ${JSON.stringify(quote)} at ${at + 1}`);
  return ok({ token: { kind: "word", value: word, at }, end: at + word.length });
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };

/** A backslash stands before what follows in double quotes alone. */
function quoted(text: string, at: number, quote: string): Outcome<{ readonly token: Token; readonly end: number }> {
  let value = "";
  for (let i = at + 1; i < text.length; i++) {
    const sign = text[i] as string;
    if (sign === quote) return ok({ token: { kind: "text", value, at }, end: i + 1 });
    if (sign !== "\\" || quote === "`") {
      value += sign;
      continue;
    }
    i++;
    const escaped = text[i] ?? "";
    // What is no escape of its own stays as it is: patterns have their own.
    value += ESCAPES[escaped] ?? (escaped === '"' || escaped === "\\" ? escaped : `\\${escaped}`);
  }
  return refuse("invalid", `the quote at ${at + 1} is not closed`);
}
