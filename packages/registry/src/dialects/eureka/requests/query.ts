/** Parameters of a query, found without taking the whole of it apart: heartbeats come by the thousand. */
import { decodeSegment } from "../../../net/http/query.ts";

/** The first value of a parameter; undefined when it is not there or cannot be decoded. */
export function parameterOf(query: string, name: string): string | undefined {
  for (let at = 0; at < query.length; ) {
    let end = query.indexOf("&", at);
    if (end < 0) end = query.length;
    if (query.startsWith(name, at)) {
      const after = at + name.length;
      if (after === end) return "";
      if (query.charCodeAt(after) === 0x3d) return decode(query.slice(after + 1, end));
    }
    at = end + 1;
  }
  return undefined;
}

function decode(raw: string): string | undefined {
  const decoded = decodeSegment(raw.includes("+") ? raw.replaceAll("+", " ") : raw);
  return decoded.ok ? decoded.value : undefined;
}

/** A time in ms; `wrong` for any other text. */
export function timeOf(query: string, name: string): number | undefined | "wrong" {
  const text = parameterOf(query, name);
  if (text === undefined || text === "") return undefined;
  // Java's clients say "null" when they know of none.
  if (text === "null") return undefined;
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : "wrong";
}
