/** Which instances a query finds. */
import type { ShownCheck } from "../catalog/checks.ts";
import type { Node } from "../catalog/nodes.ts";
import type { Asked } from "./record.ts";

/** An instance with its node, and the checks of both. */
export interface Candidate {
  readonly node: Pick<Node, "name" | "meta">;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly checks: readonly Pick<ShownCheck, "id" | "status">[];
}

/** A test of instances: critical ones are never found; `!tag` is one that it must not have. */
export function toTest(asked: Asked): (candidate: Candidate) => boolean {
  const tags = (asked.Tags ?? []).map((tag) => tag.toLowerCase());
  const not = tags.filter((tag) => tag.startsWith("!")).map((tag) => tag.slice(1));
  const must = tags.filter((tag) => !tag.startsWith("!"));
  const ignored = new Set(asked.IgnoreCheckIDs ?? []);
  const nodeMeta = Object.entries(asked.NodeMeta ?? {});
  const serviceMeta = Object.entries(asked.ServiceMeta ?? {});
  return ({ node, tags, meta, checks }) => {
    for (const { id, status } of checks)
      if (!ignored.has(id) && (status === "critical" || (asked.OnlyPassing && status !== "passing"))) return false;
    const own = new Set(tags.map((tag) => tag.toLowerCase()));
    if (!must.every((tag) => own.has(tag)) || not.some((tag) => own.has(tag))) return false;
    return nodeMeta.every(([name, value]) => node.meta[name] === value) && hasAll(meta, serviceMeta);
  };
}

function hasAll(meta: Readonly<Record<string, string>>, wanted: readonly [string, string][]): boolean {
  return wanted.every(([name, value]) => Object.hasOwn(meta, name) && meta[name] === value);
}

/** In any order, by numbers from 0 to 1; those on the node `near` come first. */
export function arrange<T>(found: readonly T[], nodeOf: (one: T) => string, near: string, random: () => number): T[] {
  const shuffled = [...found];
  for (let at = shuffled.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [shuffled[at], shuffled[other]] = [shuffled[other] as T, shuffled[at] as T];
  }
  if (near === "") return shuffled;
  const isNear = (one: T): number => (nodeOf(one).toLowerCase() === near.toLowerCase() ? 0 : 1);
  return shuffled.sort((a, b) => isNear(a) - isNear(b));
}
