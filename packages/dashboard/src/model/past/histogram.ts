/** How many events of which kind there were, in time. */
import { causeOf, type Event, lookOfEvent } from "./events.ts";

export const KINDS = ["came", "left", "worse", "held", "config", "other"] as const;
export type Kind = (typeof KINDS)[number];
export type Bucket = Record<Kind, number>;

export function kindOf(event: Event): Kind {
  const cause = causeOf(event);
  if (event.type.startsWith("key.")) return "config";
  if (!event.type.startsWith("instance.")) return "other";
  if (cause === "held") return "held";
  if (cause === "registered") return "came";
  if (cause === "deregistered" || cause === "expired" || cause === "closed") return "left";
  const look = lookOfEvent(event);
  return look === "critical" || look === "warning" ? "worse" : "other";
}

export function toBuckets(events: Iterable<Event>, fromMs: number, toMs: number, buckets: number): Bucket[] {
  const made = Array.from({ length: buckets }, emptyBucket);
  const widthMs = (toMs - fromMs) / buckets;
  for (const event of events) {
    const bucket = made[Math.floor((Date.parse(event.at) - fromMs) / widthMs)];
    if (bucket !== undefined) bucket[kindOf(event)]++;
  }
  return made;
}

function emptyBucket(): Bucket {
  return { came: 0, left: 0, worse: 0, held: 0, config: 0, other: 0 };
}

export function totals(buckets: readonly Bucket[]): Bucket {
  const sum = emptyBucket();
  for (const bucket of buckets) for (const kind of KINDS) sum[kind] += bucket[kind];
  return sum;
}
