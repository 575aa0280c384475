/** @live Requests of `/v2/keys` that change something. */
import { randomBytes } from "node:crypto";
import {
  type Account,
  byPlan,
  type KeyRecord,
  type LeaseId,
  LIMITS,
  noteOf,
  type Receipt,
} from "../../../../core/index.ts";
import type { Answer } from "../../../../net/routes/answer.ts";
import type { Desk } from "../../desk.ts";
import { toAnswer, toError } from "./answers.ts";
import { answerOf, type Event } from "./changes/event.ts";
import { WRITE } from "./changes/plan.ts";
import { type Done, type Operation, toOperation } from "./changes/verbs.ts";
import { fromRefused } from "./errors.ts";
import { leasesIn, lifeFor, livesNow } from "./lives.ts";
import { directoryKey } from "./path.ts";
import { eventText, type Lives } from "./shown.ts";
import type { Stats } from "./stats.ts";
import type { Wish } from "./wish.ts";

const SECOND_MS = 1000;
/** Of these an answer may leave out the nodes. */
const BARE = new Set<string>(["set", "create", "update", "compareAndSwap"]);

export async function write(desk: Desk, account: Account, wish: Wish, stats: Stats): Promise<Answer> {
  const { registry } = desk;
  const operation = toOperation(wish, ttlMsOf(wish), newLeaseId());
  const lived = livesBefore(desk, account, wish);
  const proposed = await registry.propose(account, byPlan(WRITE, operation));
  if (!proposed.ok) {
    stats.count(operation.verb, false);
    return toError(
      desk,
      fromRefused(proposed),
      registry.read((view) => view.revision),
    );
  }
  const carried = noteOf(WRITE, proposed.value);
  stats.count(operation.verb, carried.ok);
  const { revision } = proposed.value;
  if (!carried.ok) return toError(desk, carried, revision);
  const event = toEvent(desk, account, proposed.value, carried.value);
  const isCreated = event.action === "create" || (event.action === "set" && event.before === undefined);
  const body =
    wish.isBare && BARE.has(event.action)
      ? `{"action":"${event.action}"}`
      : eventText(event, livesThen(desk, operation), lived);
  return toAnswer(desk, isCreated ? 201 : 200, revision, `${body}\n`);
}

function ttlMsOf({ ttl }: Wish): number | null {
  return ttl === null ? null : Math.min(Math.max(ttl * SECOND_MS, LIMITS.ttlMsMin), LIMITS.ttlMsMax);
}

/** Named as those of v3 are: a number of 63 bits. */
function newLeaseId(): LeaseId {
  return String(randomBytes(8).readBigUInt64BE() >> 1n);
}

function livesThen({ clock }: Desk, { ttlMs }: Operation): Lives {
  const life = ttlMs === null ? undefined : lifeFor(ttlMs, clock.now());
  return () => life;
}

/** What is there has this time still, before it is changed. */
function livesBefore({ registry, clock }: Desk, account: Account, { path }: Wish): Lives {
  const leases = registry.read((view) => {
    const records = [path, directoryKey(path)].map((key) => view.entry(account, key));
    return leasesIn(
      view.account(account),
      records.flatMap((record) => record?.lease ?? []),
    );
  });
  const pulses = new Map(Array.from(leases.keys(), (lease) => [lease, registry.pulse(account, lease)]));
  return livesNow(leases, (lease) => pulses.get(lease), clock.now());
}

/** A heartbeat makes no commit, and one that makes one may leave the node as it is. */
function toEvent({ registry }: Desk, account: Account, receipt: Receipt, done: Done): Event {
  const { commit, revision } = receipt;
  const event =
    commit === null
      ? { ...done, revision, atMs: 0, before: undefined, after: undefined, within: [] }
      : answerOf(commit, done);
  if (event.before !== undefined || event.after !== undefined) return event;
  const key = done.isDirectory ? directoryKey(done.path) : done.path;
  const record: KeyRecord | undefined = registry.read((view) => view.entry(account, key));
  return record === undefined ? event : { ...event, before: record, after: record };
}
