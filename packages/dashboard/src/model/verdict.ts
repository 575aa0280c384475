/** The overview's first line: what is worst, and in which order services want attention. */
import { listed, plural } from "./numbers.ts";
import type { Look } from "./status.ts";
import type { Summary } from "./summary.ts";

/** From the worst to the best. */
const RANKS = [
  "unusable",
  "only-held",
  "critical",
  "warning",
  "held",
  "unknown",
  "starting",
  "draining",
  "passing",
] as const;

export type Rank = (typeof RANKS)[number];

const SHAPES: Readonly<Record<Rank, Look>> = {
  unusable: "critical",
  "only-held": "held",
  critical: "critical",
  warning: "warning",
  held: "held",
  unknown: "unknown",
  starting: "starting",
  draining: "draining",
  passing: "passing",
};

/** What is in trouble: what only changes (starting, draining) is not. */
const TROUBLE: ReadonlySet<Rank> = new Set(["unusable", "only-held", "critical", "warning", "held", "unknown"]);

export function rankOf({ all, usable, counts }: Summary): Rank {
  if (usable === 0) return onlyPlanned(all, counts) ?? "unusable";
  const held = counts.held ?? 0;
  if (held > 0 && (counts.passing ?? 0) + (counts.warning ?? 0) === 0) return "only-held";
  if (counts.critical) return "critical";
  if (counts.warning) return "warning";
  if (held > 0) return "held";
  if (counts.unknown) return "unknown";
  if (counts.starting) return "starting";
  return counts.draining ? "draining" : "passing";
}

/** A service whose instances all begin has none usable yet, and nothing has failed. */
function onlyPlanned(all: number, counts: Summary["counts"]): Rank | undefined {
  return all > 0 && counts.starting === all ? "starting" : undefined;
}

export function shapeOf(rank: Rank): Look {
  return SHAPES[rank];
}

export function isTrouble(summary: Summary): boolean {
  return TROUBLE.has(rankOf(summary));
}

/** The worst first; of two that are as bad the one that more is broken of, then by name. */
export function compareServices(one: Summary, other: Summary): number {
  const byRank = RANKS.indexOf(rankOf(one)) - RANKS.indexOf(rankOf(other));
  if (byRank !== 0) return byRank;
  const byBroken = other.all - other.usable - (one.all - one.usable);
  return byBroken !== 0 ? byBroken : compareNames(one.service, other.service);
}

export function compareNames(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

export interface Verdict {
  readonly look: Look;
  readonly headline: string;
  /** What is next, in whole sentences; names of services are `strong`. */
  readonly rest: readonly { readonly text: string; readonly strong?: true }[];
  /** The service that it names. */
  readonly worst: string | null;
  /** When it began, as far as that is known. */
  readonly since: string | null;
}

const SAYS: Readonly<Record<Rank, (summary: Summary) => string>> = {
  unusable: ({ service, all }) => (all === 0 ? `${service} has no instance left` : `${service} has no usable instance`),
  "only-held": ({ service }) => `${service} rests on held instances alone`,
  critical: ({ service, usable, all }) => `${service} has ${usable} of ${all} usable`,
  warning: ({ service, counts }) => `${service} warns: ${plural(counts.warning ?? 0, "instance")}`,
  held: ({ service, counts }) => `${service} has ${plural(counts.held ?? 0, "held instance")}`,
  unknown: ({ service, counts }) => `${service} has ${plural(counts.unknown ?? 0, "instance")} nobody knows about`,
  starting: ({ service }) => `${service} is starting`,
  draining: ({ service }) => `${service} is draining`,
  passing: ({ service }) => `${service} is fine`,
};

/** `services` in any order. */
export function toVerdict(services: readonly Summary[]): Verdict {
  const troubled = services.filter(isTrouble).sort(compareServices);
  const [worst] = troubled;
  if (worst === undefined) return calm(services);
  const rank = rankOf(worst);
  const unusable = troubled.filter((one) => rankOf(one) === "unusable").map(({ service }) => service);
  const headline = unusable.length > 1 ? `${listed(unusable)} have no usable instance` : SAYS[rank](worst);
  const [second, ...others] = troubled.slice(Math.max(1, unusable.length));
  const rest: { text: string; strong?: true }[] = [];
  if (second !== undefined) {
    rest.push({ text: second.service, strong: true });
    rest.push({ text: `${SAYS[rankOf(second)](second).slice(second.service.length)}. ` });
  }
  if (others.length > 0) rest.push({ text: `${others.length} more ${others.length === 1 ? "is" : "are"} degraded, ` });
  rest.push({ text: fineText(services.length - troubled.length, services.length, others.length === 0) });
  const times = troubled.flatMap(({ unusableSince, changedAt }) => unusableSince ?? changedAt ?? []).sort();
  return { look: SHAPES[rank], headline, rest, worst: worst.service, since: worst.unusableSince ?? times[0] ?? null };
}

function fineText(fine: number, all: number, isSentence: boolean): string {
  if (fine === 0) return all === 1 ? "It is the only service." : isSentence ? "None is fine." : "none is fine.";
  if (isSentence) return fine === 1 ? "The other one is fine." : `The other ${fine} are fine.`;
  return `${fine} ${fine === 1 ? "is" : "are"} fine.`;
}

function calm(services: readonly Summary[]): Verdict {
  const { length } = services;
  const headline = length === 1 ? `${services[0]?.service} is fine` : `All ${plural(length, "service")} are fine`;
  return { look: "passing", headline, rest: [], worst: null, since: null };
}
