/** Which members somebody wants to see: expressions for name, status and tags. */
import { compile, type Pattern } from "../wire/pattern.ts";
import type { Member } from "./member.ts";

export interface FilterSpec {
  readonly name: string;
  readonly status: string;
  readonly tags: ReadonlyMap<string, string>;
}

export type Filter = (member: Member) => boolean;

/** A tag that a member does not have is "" to its expression. Undefined when one of the expressions is none. */
export function toFilter({ name, status, tags }: FilterSpec): Filter | undefined {
  // An empty name or status is any; an empty expression for a tag is that of one that is not there.
  const named = name === "" ? () => true : compile(name);
  const being = status === "" ? () => true : compile(status);
  const tagged: (readonly [string, Pattern])[] = [];
  for (const [tag, expression] of tags) {
    const pattern = compile(expression);
    if (pattern === undefined) return undefined;
    tagged.push([tag, pattern]);
  }
  if (named === undefined || being === undefined) return undefined;
  return (member) =>
    named(member.name) && being(member.status) && tagged.every(([tag, fits]) => fits(member.tags[tag] ?? ""));
}
