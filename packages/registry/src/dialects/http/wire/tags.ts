/** Entity tags: positions in quotes. A tag without its mark, as clients make it of a revision, is as good. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { trimOws } from "../../../net/http/ows.ts";
import { decodePosition, encodePosition, type Mark } from "../../../net/routes/position.ts";

export function encodeTag(revision: number, mark: Mark): string {
  return `"${encodePosition(revision, mark)}"`;
}

/** RFC 9110 §13.1.2: whether one of the listed tags, or "*", is that of this revision. Weak comparison. */
export function matchesTag(list: string, revision: number, mark: Mark): boolean {
  const tag = encodeTag(revision, mark);
  if (list === tag || list === "*") return true;
  const bare = encodeTag(revision, "");
  for (const item of list.split(",")) {
    const given = trimOws(item).replace(/^W\//, "");
    if (given === tag || given === bare) return true;
  }
  return false;
}

const TAGS = /"([^"]*)"/g;

/** The latest revision of this order that the listed tags name; 0 when they name none. */
export function latestOf(list: string, mark: Mark): number {
  let latest = 0;
  for (const [, text = ""] of list.matchAll(TAGS)) latest = Math.max(latest, decodePosition(text, mark)?.revision ?? 0);
  return latest;
}

/** What the condition headers of a change ask for: that there is nothing yet, something, or this revision of it. */
export type Condition = "absent" | "present" | number;

/**
 * `If-None-Match: *`, or `If-Match: *` or one tag: a thing has one at a time. Undefined: no condition. A tag of another
 * order is a revision that nothing has.
 */
export function decodeCondition(
  match: string | undefined,
  none: string | undefined,
  mark: Mark,
): Outcome<Condition | undefined> {
  if (none !== undefined) {
    if (none === "*" && match === undefined) return ok("absent");
    return refuse("invalid", "If-None-Match must be *, and cannot stand with If-Match");
  }
  if (match === undefined) return ok(undefined);
  const text = trimOws(match);
  if (text === "*") return ok("present");
  const position = decodePosition(/^"([^"]*)"$/.exec(text)?.[1] ?? "", mark);
  if (position !== undefined && position.index === undefined) return ok(position.revision);
  return refuse("invalid", 'If-Match must be * or one revision in quotes, such as "42"');
}
