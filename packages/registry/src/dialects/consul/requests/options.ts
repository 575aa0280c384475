/** What the query of any request may say. */
import { type Outcome, ok } from "../../../core/index.ts";
import type { Query } from "../../../net/http/query.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Options } from "../desk.ts";
import { text } from "../wire/answer.ts";
import { parseDuration } from "../wire/duration.ts";
import { readUint64 } from "../wire/fields.ts";

const WAIT_MS = 300_000;
const WAIT_MS_MAX = 600_000;

type Faulty = { readonly answer: Answer };

function fault(status: number, words: string): Outcome<never, Faulty> {
  return { ok: false, answer: text(status, words) };
}

/** As most requests are meant, which say nothing of it. */
const PLAIN: Outcome<Options, Faulty> = ok({ index: 0, waitMs: WAIT_MS, consistency: "leader", pretty: false });

export function readOptions(query: Query, datacenter: string): Outcome<Options, Faulty> {
  if (query.isEmpty) return PLAIN;
  for (const [name, what] of PAID) {
    const value = query.get(name);
    if (value !== undefined && value !== "")
      return fault(400, `Invalid query parameter: "${name}" - ${what} are a Consul Enterprise feature`);
  }
  const dc = query.get("dc");
  if (dc !== undefined && dc !== "" && dc.toLowerCase() !== datacenter) return fault(500, "No path to datacenter");
  const isStale = query.has("stale");
  const isConsistent = query.has("consistent");
  if (isStale && isConsistent) return fault(400, "Cannot specify ?stale with ?consistent, conflicting semantics.");
  if (query.has("cached") && isConsistent)
    return fault(400, "Cannot specify ?cached with ?consistent, conflicting semantics.");
  const index = readIndex(query.get("index"));
  if (index === undefined) return fault(400, "Invalid index");
  const wait = readWait(query.get("wait"));
  if (!wait.ok) return fault(400, "Invalid wait time");
  return ok({
    index,
    waitMs: wait.value,
    consistency: isConsistent ? "consistent" : isStale ? "stale" : "leader",
    pretty: query.has("pretty"),
  });
}

const PAID: readonly (readonly [name: string, what: string])[] = [
  ["ns", "Namespaces"],
  ["partition", "Partitions"],
];

function readIndex(given: string | undefined): number | undefined {
  if (given === undefined || given === "") return 0;
  const index = readUint64(given);
  // Beyond what revisions come to, all numbers are alike.
  return index === undefined ? undefined : Math.min(Number(index), Number.MAX_SAFE_INTEGER);
}

/** The time asked for within the original's bound; one that is not positive is the usual one. */
function readWait(given: string | undefined): Outcome<number> {
  if (given === undefined || given === "") return ok(WAIT_MS);
  const wait = parseDuration(given);
  if (!wait.ok) return wait;
  return ok(wait.value <= 0 ? WAIT_MS : Math.min(wait.value, WAIT_MS_MAX));
}
