/** Events that commits are told as. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { recordOf } from "../../../../../../test/harness/registry.ts";
import type { Commit, LeaseRecord } from "../../../core/index.ts";
import { toInstance } from "../services/instances.ts";
import { toTicks } from "../wire/uuid.ts";
import { toEvents } from "./commits.ts";

const lease: LeaseRecord = {
  id: "svc/id-1",
  ttlMs: 30_000,
  via: "rackspace",
  own: true,
  meta: {},
  held: null,
  createRevision: 7,
  modRevision: 7,
  grantedAtMs: 0,
  origin: "node",
};

test("changes of other dialects stand in the feed as far as they fit", () => {
  const instance = toInstance("id-1", ["www"], {});
  const record = recordOf(instance.service, instance.id, { ...instance, via: "http", lease: "shared" });
  const commit = (changes: Commit["changes"]): Commit => ({
    revision: 9,
    account: "acme",
    atMs: 1000,
    orderMs: 2000,
    nth: 3,
    changes,
  });
  const shared = { ...lease, id: "shared", own: false, via: "http", ttlMs: 10_000 };
  const join = commit([{ kind: "instance", cause: "registered", before: null, after: record }]);
  assert.deepEqual(
    toEvents(join, () => shared),
    [
      {
        type: "service.join",
        timestamp: 1000,
        payload: { id: "id-1", heartbeat_timeout: 10, tags: ["www"], metadata: {} },
        ticks: toTicks(2000, 3),
      },
    ],
  );
  const silence = { deadlineMs: 900, lastBeatMs: 0, beats: 0 };
  const end = commit([
    { kind: "lease", cause: "expired", before: shared, after: null, silence },
    { kind: "instance", cause: "expired", before: record, after: null },
    { kind: "instance", cause: "expired", before: { ...record, id: "not legal here!" }, after: null },
  ]);
  const found = toEvents(end, () => undefined);
  assert.deepEqual(
    found.map(({ type, timestamp, ticks }) => [type, timestamp, ticks]),
    [["service.timeout", 900, toTicks(2000, 4)]],
  );
  const moved = commit([
    { kind: "instance", cause: "updated", before: record, after: { ...record, service: "other" } },
  ]);
  assert.deepEqual(
    toEvents(moved, () => shared),
    [],
  );
});
