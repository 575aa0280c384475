/** Which of the types that there are a client would rather have. */
import { trimOws } from "../http/ows.ts";

/** Ranges beyond these are not looked at. */
const RANGES_MAX = 64;

interface Range {
  readonly name: string;
  readonly weight: number;
}

/**
 * RFC 9110 §12.5.1: the type of the greatest weight, by the most specific range that fits it. Of several, the one that is
 * named goes before one that a wildcard takes in, then the client's order counts, then that of `types`. Without a header,
 * or when none is acceptable, it is the first: any answer is better than none.
 */
export function preferredOf<T extends string>(accept: string | undefined, types: readonly [T, ...T[]]): T {
  let [best] = types;
  if (accept === undefined) return best;
  const ranges = accept.toLowerCase().split(",", RANGES_MAX).map(readRange);
  let most: Claim = { weight: 0, specific: -1, place: RANGES_MAX };
  for (const type of types) {
    const claim = findClaim(ranges, type);
    if (claim.weight === 0 || !isStronger(claim, most)) continue;
    best = type;
    most = claim;
  }
  return best;
}

interface Claim {
  readonly weight: number;
  /** 2 for the type itself, 1 for its kind, 0 for any type; -1 when no range fits. */
  readonly specific: number;
  readonly place: number;
}

function isStronger(one: Claim, other: Claim): boolean {
  if (one.weight !== other.weight) return one.weight > other.weight;
  if (one.specific !== other.specific) return one.specific > other.specific;
  return one.place < other.place;
}

function findClaim(ranges: readonly Range[], type: string): Claim {
  const kind = `${type.slice(0, type.indexOf("/"))}/*`;
  let found: Claim = { weight: 0, specific: -1, place: RANGES_MAX };
  for (const [place, { name, weight }] of ranges.entries()) {
    const specific = name === type ? 2 : name === kind ? 1 : name === "*/*" ? 0 : -1;
    if (specific > found.specific) found = { weight, specific, place };
  }
  return found;
}

function readRange(text: string): Range {
  const [name = "", ...parameters] = text.split(";").map((part) => trimOws(part));
  const q = parameters.find((parameter) => parameter.startsWith("q="));
  return { name, weight: q === undefined ? 1 : Math.min(1, Number(/^q=([0-9.]+)$/.exec(q)?.[1]) || 0) };
}

/** By the header `Accept-Encoding`. */
export function takesGzip(accepted: string | undefined): boolean {
  if (accepted === undefined || !accepted.includes("gzip")) return false;
  // RFC 9110 §12.5.3: a weight of 0 is a no.
  return !/gzip[ \t]*;[ \t]*q=0(?:\.0*)?[ \t]*(?:,|$)/.test(accepted);
}
