/** How many events of which kind there were, in time. */
import { causeOf, type Event, lookOfEvent } from "./events.ts";

export const KINDS = ["came", "left", "worse", "held", "config", "other"] as const;
export type Kind = (typeof KINDS)[number];
export type Bucket = Record<Kind, number>;

/** What the registry has counted by type. */
export function toBucket(counts: Readonly<Record<string, number>>): Bucket {
  const bucket = emptyBucket();
  for (const [type, n] of Object.entries(counts)) bucket[kindOf({ type })] += n;
  return bucket;
}

/** Without its records an event that may be for the worse is an other one. */
export function kindOf(event: Pick<Event, "type" | "after">): Kind {
  const cause = causeOf(event);
  if (event.type.startsWith("key.")) return "config";
  if (!event.type.startsWith("instance.")) return "other";
  if (cause === "held") return "held";
  if (cause === "registered") return "came";
  if (cause === "deregistered" || cause === "expired" || cause === "closed") return "left";
  const look = lookOfEvent(event);
  return look === "critical" || look === "warning" ? "worse" : "other";
}

function emptyBucket(): Bucket {
  return { came: 0, left: 0, worse: 0, held: 0, config: 0, other: 0 };
}

export function totals(buckets: readonly Bucket[]): Bucket {
  const sum = emptyBucket();
  for (const bucket of buckets) for (const kind of KINDS) sum[kind] += bucket[kind];
  return sum;
}
