/** What a watch asks for, as the core has it. */
import { type Bytes, prefixEnd, type Scope } from "../../core/index.ts";
import type { Interest } from "../wire/commits.ts";
import { fromPrefix } from "../wire/reserved.ts";

/** A name for an interest; encoded commits are kept by it. */
export function nameInterest({ services, keys, prefixes, everything }: Interest): string {
  if (everything) return "*";
  return JSON.stringify([[...services].sort(), [...keys].sort(), [...prefixes].sort()]);
}

/** The smallest scope of the core that holds the whole interest; commits outside of the interest are left out later. */
export function toScope(account: string, { services, keys, prefixes, everything }: Interest): Scope {
  if (everything) return { account };
  const range = toRange(keys, prefixes);
  return {
    account,
    ...(services.size > 0 ? { services: [...services] } : {}),
    ...(range === undefined ? {} : { keys: range }),
  };
}

function toRange(keys: ReadonlySet<Bytes>, prefixes: readonly Bytes[]): Scope["keys"] | undefined {
  if (keys.size + prefixes.length === 0) return undefined;
  if (keys.size === 1 && prefixes.length === 0) return { from: [...keys][0] as Bytes };
  const froms = [...keys, ...prefixes.map(fromPrefix)].sort();
  // The end of a single key is the key followed by byte 0: the next one there can be.
  const ends = [...[...keys].map((key) => `${key}\0`), ...prefixes.map((prefix) => prefixEnd(prefix))].sort();
  return { from: froms[0] as Bytes, to: ends.includes("") ? "" : (ends.at(-1) as Bytes) };
}
