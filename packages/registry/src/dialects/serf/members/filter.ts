/** Which members somebody wants to see: expressions for name, status and tags. */
import { compile, type Effort, type Pattern } from "../wire/pattern.ts";
import type { Member } from "./member.ts";

export interface FilterSpec {
  readonly name: string;
  readonly status: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** Undefined when that would take too long. */
export type Filter = (member: Member) => boolean | undefined;

const ANY: Pattern = () => true;

/** For all members together: about a second. */
const STEPS_MAX = 20_000_000;

/** A tag that a member does not have is "" to its expression. Undefined when one of the expressions is none. */
export function toFilter({ name, status, tags }: FilterSpec): Filter | undefined {
  // An empty name or status is any; an empty expression for a tag is that of one that is not there.
  const named = name === "" ? ANY : compile(name);
  const being = status === "" ? ANY : compile(status);
  const tagged: (readonly [string, Pattern])[] = [];
  for (const [tag, expression] of tags) {
    const pattern = compile(expression);
    if (pattern === undefined) return undefined;
    tagged.push([tag, pattern]);
  }
  if (named === undefined || being === undefined) return undefined;
  const effort: Effort = { steps: STEPS_MAX };
  return ({ name: own, status: now, tags: said }) => {
    const all =
      named(own, effort) && being(now, effort) && tagged.every(([tag, fits]) => fits(said[tag] ?? "", effort));
    return effort.steps < 0 ? undefined : all;
  };
}
