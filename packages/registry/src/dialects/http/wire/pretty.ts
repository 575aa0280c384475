/** JSON for people's eyes: `?pretty`. */
import { type Body, type Part, toBuffer } from "../../../net/answers/parts.ts";

/** What is longer stays on one line: nobody reads it, and it is not held in memory whole. */
const BYTES_MAX = 4 * 1024 * 1024;

/** The same JSON on many lines; what is no JSON, or too long, as it is. */
export function toPretty(body: Body): Body {
  const parts: Part[] = [];
  const rest = typeof body === "string" || Buffer.isBuffer(body) ? [body].values() : body[Symbol.iterator]();
  let bytes = 0;
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    parts.push(next.value);
    bytes += next.value.length;
    if (bytes > BYTES_MAX) return chain(parts, rest);
  }
  const text = Buffer.concat(parts.map(toBuffer));
  try {
    return `${JSON.stringify(JSON.parse(text.toString()), null, 2)}\n`;
  } catch {
    return text;
  }
}

function* chain(first: readonly Part[], rest: Iterator<Part>): Iterable<Part> {
  yield* first;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}
