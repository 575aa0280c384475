/**
 * JSON as text: taken apart and laid out without reading its numbers, so that what a client wrote is what others get,
 * digit by digit. Lines are those of Python, which wrote the original's answers.
 */

const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|\s+/g;

/** Valid JSON without blanks between its tokens, and its strings as Python writes them, in ASCII. */
export function compact(json: string): string {
  return json.replace(TOKENS, (token) => (token.startsWith('"') ? quote(JSON.parse(token) as string) : ""));
}

/** A string as Python writes it. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export interface Member {
  /** Of an object. */
  readonly name: string | undefined;
  /** As JSON. */
  readonly value: string;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * The members of a list or an object. Undefined where the text is neither, or ends too early; other mistakes are left to
 * who reads the members.
 */
export function membersOf(json: string): Member[] | undefined {
  const text = json.trim();
  if (text.charCodeAt(0) !== OPEN_LIST && text.charCodeAt(0) !== OPEN_OBJECT) return undefined;
  const members: Member[] = [];
  let [depth, from, colon] = [0, 1, -1];
  const take = (end: number): boolean => {
    if (colon < 0 && text.slice(from, end).trim() === "") return false;
    const name = colon < 0 ? undefined : nameIn(text.slice(from, colon));
    members.push({ name, value: text.slice(Math.max(from, colon + 1), end).trim() });
    [from, colon] = [end + 1, -1];
    return true;
  };
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        if (at < 0) return undefined;
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth++;
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        if (--depth > 0) break;
        if (at < text.length - 1) return undefined;
        return take(at) || text.slice(1, at).trim() === "" ? members : undefined;
      case COLON:
        if (depth === 1 && colon < 0) colon = at;
        break;
      case COMMA:
        if (depth === 1 && !take(at)) return undefined;
        break;
    }
  }
  return undefined;
}

/** The place of the quote that ends the string beginning here; -1 when none does. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let first = end;
    while (text.charCodeAt(first - 1) === BACKSLASH) first--;
    if ((end - first) % 2 === 0) return end;
  }
  return -1;
}

function nameIn(json: string): string | undefined {
  const value = parseText(json);
  return typeof value === "string" ? value : undefined;
}

/** The value of JSON; undefined for what is none. */
export function parseText(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const PIECES = /"[^"\\]*(?:\\.[^"\\]*)*"|[[{][\]}]|[[\]{},:]|[^"[\]{},:]+/g;

/** Compact JSON with Python's blanks between its tokens; over several lines where `pretty`, the first at this depth. */
export function layOut(compacted: string, pretty: boolean, depth = 0): string {
  if (!pretty) return compacted.replace(PIECES, (token) => (token === "," || token === ":" ? `${token} ` : token));
  let level = depth;
  const line = (): string => `\n${"  ".repeat(level)}`;
  return compacted.replace(PIECES, (token) => {
    switch (token) {
      case "{":
      case "[":
        level++;
        return token + line();
      case "}":
      case "]":
        level--;
        return line() + token;
      case ",":
        // Python 2 leaves the blank at the line's end.
        return `, ${line()}`;
      case ":":
        return ": ";
      default:
        return token;
    }
  });
}

/** How deep it nests: 0 for what is neither list nor object. */
export function depthOf(compacted: string): number {
  let [depth, deepest] = [0, 0];
  for (const [token] of compacted.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/g)) {
    if (token === "{" || token === "[") deepest = Math.max(deepest, ++depth);
    else if (token === "}" || token === "]") depth--;
  }
  return deepest;
}
