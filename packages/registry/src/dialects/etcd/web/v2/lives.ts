/** @live Until when nodes live: by the leases that keep them. */
import {
  type Account,
  type AccountView,
  type Commit,
  isTimeless,
  type KeyRecord,
  type LeaseId,
  type LeaseRecord,
} from "../../../../core/index.ts";
import type { Heard } from "../../../../net/routes/heard.ts";
import type { Desk } from "../../desk.ts";
import { leasesOf } from "./changes/event.ts";
import { isOfV2, keeps } from "./changes/working.ts";
import type { Lifetime, Lives } from "./shown.ts";

const SECOND_MS = 1000;

export function lifeFor(ttlMs: number, fromMs: number): Lifetime {
  return { untilMs: fromMs + ttlMs, ttl: Math.ceil(ttlMs / SECOND_MS) };
}

/** Those of these that are there, while the view is. */
export function leasesIn(view: AccountView | undefined, ids: Iterable<LeaseId>): ReadonlyMap<LeaseId, LeaseRecord> {
  const leases = new Map<LeaseId, LeaseRecord>();
  for (const id of ids) {
    const lease = view?.lease(id);
    if (lease !== undefined) leases.set(id, lease);
  }
  return leases;
}

/** As it is now, by what was heard of the leases; of one that nobody was heard of, from its beginning. */
export function livesNow(leases: ReadonlyMap<LeaseId, LeaseRecord>, heard: Heard, nowMs: number): Lives {
  return livesBy(
    (id) => leases.get(id),
    ({ id, grantedAtMs, ttlMs }) => {
      const untilMs = heard(id)?.deadlineMs ?? grantedAtMs + ttlMs;
      return { untilMs, ttl: Math.max(0, Math.ceil((untilMs - nowMs) / SECOND_MS)) };
    },
  );
}

/** As it was when a commit was made that wrote it: its time began then. */
export function livesAt({ registry }: Desk, account: Account, commit: Commit): Lives {
  const changed = leasesOf(commit);
  return livesBy(
    (id) => changed.get(id) ?? registry.read((view) => view.lease(account, id)),
    ({ ttlMs }) => lifeFor(ttlMs, commit.atMs),
  );
}

/** Of what went when its time was over. */
export function livesEnded({ changes }: Commit): Lives {
  const ended = new Map<LeaseId, number>();
  for (const change of changes)
    if (change.kind === "lease" && change.silence !== null && change.before !== null)
      ended.set(change.before.id, change.silence.deadlineMs);
  return ({ lease }) => {
    const untilMs = lease === null ? undefined : ended.get(lease);
    return untilMs === undefined ? undefined : { untilMs, ttl: 0 };
  };
}

/** What lives by the time of the directory that it lies in has none of its own. */
function livesBy(find: (id: LeaseId) => LeaseRecord | undefined, lifeOf: (lease: LeaseRecord) => Lifetime): Lives {
  return (record: KeyRecord, path) => {
    const lease = record.lease === null ? undefined : find(record.lease);
    if (lease === undefined || isTimeless(lease) || (isOfV2(lease) && !keeps(lease, path))) return undefined;
    return lifeOf(lease);
  };
}
