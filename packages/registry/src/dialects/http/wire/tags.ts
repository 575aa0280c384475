/** Entity tags: revisions in quotes. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { trimOws } from "../../../net/http/ows.ts";
import { decodeCount } from "./numbers.ts";

export function encodeTag(revision: number): string {
  return `"${revision}"`;
}

/** RFC 9110 §13.1.2: whether one of the listed tags, or "*", is this one. Weak comparison. */
export function matchesTag(list: string, tag: string): boolean {
  if (list === tag || list === "*") return true;
  for (const item of list.split(",")) if (trimOws(item).replace(/^W\//, "") === tag) return true;
  return false;
}

/** What the condition headers of a change ask for: that there is nothing yet, something, or this revision of it. */
export type Condition = "absent" | "present" | number;

/** `If-None-Match: *`, or `If-Match: *` or one revision: a thing has one at a time. Undefined: no condition. */
export function decodeCondition(match: string | undefined, none: string | undefined): Outcome<Condition | undefined> {
  if (none !== undefined) {
    if (none === "*" && match === undefined) return ok("absent");
    return refuse("invalid", "If-None-Match must be *, and cannot stand with If-Match");
  }
  if (match === undefined) return ok(undefined);
  const text = trimOws(match);
  if (text === "*") return ok("present");
  const revision = decodeCount(/^"([0-9]{1,16})"$/.exec(text)?.[1] ?? "");
  if (revision !== undefined) return ok(revision);
  return refuse("invalid", 'If-Match must be * or one revision in quotes, such as "42"');
}
