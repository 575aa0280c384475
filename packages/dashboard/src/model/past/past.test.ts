/** Events, folded and counted; differences in groups. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetChangeBody } from "@rollcall/client";
import { failingCheck, HELD, instance } from "../made-rig.ts";
import { groupText, toGroups, writersOf } from "./difference.ts";
import { type Event, eventText, foldEvents, lookOfEvent, showTimes, subjectOf } from "./events.ts";
import { kindOf, toBucket, totals } from "./histogram.ts";
import { lengths, toSpans } from "./spans.ts";

const at = (second: number) => new Date(Date.parse("2026-01-01T00:00:00Z") + second * 1000).toISOString();

function event(second: number, type: string, id: string, change: Partial<Event> = {}): Event {
  return {
    id: `${second}-0`,
    revision: second,
    at: at(second),
    type,
    service: "api",
    instance: id,
    reason: "",
    by: null,
    ...change,
  };
}

test("equal events within ten seconds are one row, and a lease does not repeat its instance", () => {
  const silent = (second: number) => ({ reason: `no heartbeat since ${at(second)}` });
  const { service: _, instance: __, ...lease } = event(20, "lease.expired", "c");
  const rows = foldEvents([
    event(20, "instance.expired", "c", silent(10)),
    { ...lease, lease: "api/c" },
    event(14, "instance.expired", "b", silent(4)),
    event(9, "instance.expired", "a", silent(0)),
    event(8, "instance.registered", "a"),
  ]);
  assert.deepEqual(
    rows.map(({ events }) => events.length),
    [3, 1],
  );
  assert.deepEqual(rows.map(subjectOf), ["api", "a"]);
});

test("events say what happened", () => {
  const bad = instance("a", failingCheck("refused"));
  const cases: [Event, string, string][] = [
    [
      event(1, "instance.reported", "a", { before: instance("a"), after: bad }),
      "Check db became critical: refused",
      "critical",
    ],
    [
      event(1, "instance.updated", "a", {
        before: instance("a"),
        after: instance("a", { declaredStatus: "draining", status: "draining" }),
      }),
      "Said of itself: draining",
      "draining",
    ],
    [
      event(1, "instance.registered", "a", { before: null, after: instance("a", { ttlMs: 30_000 }) }),
      "Registered through http, ttl 30 s, version 1",
      "passing",
    ],
    [event(1, "instance.expired", "a", { reason: "silent", before: instance("a"), after: null }), "Silent", "gone"],
    [event(1, "instance.held", "a", { reason: "many" }), "Many", "held"],
  ];
  for (const [one, text, look] of cases) assert.deepEqual([eventText(one), lookOfEvent(one)], [text, look]);
  assert.equal(showTimes(`since ${at(5)}, ttl`, { nowMs: Date.parse(at(9)), isLocal: false }), "since 00:00:05, ttl");
});

test("what the registry counts by type is counted by kind, and what comes with its records by what became", () => {
  const buckets = [
    toBucket({ "instance.registered": 3, "instance.reported": 1, "key.put": 2 }),
    toBucket({ "instance.expired": 1, "instance.deregistered": 1, "instance.held": 4 }),
  ];
  const sum = totals(buckets);
  assert.deepEqual([sum.came, sum.left, sum.held, sum.config, sum.other], [3, 2, 4, 2, 1]);
  assert.equal(kindOf(event(1, "instance.reported", "a", { after: instance("a", { status: "critical" }) })), "worse");
  assert.equal(kindOf(event(1, "instance.reported", "a", { after: instance("a") })), "other");
});

test("spans are cut to what is shown, and added up", () => {
  const spans = toSpans(
    [
      { status: "starting", held: false, from: at(0), to: at(10) },
      { status: "passing", held: true, from: at(10), to: null },
    ],
    Date.parse(at(5)),
    Date.parse(at(30)),
  );
  assert.deepEqual(lengths(spans), [
    { look: "starting", ms: 5000, isNow: false },
    { look: "held", ms: 20_000, isNow: true },
  ]);
});

test("differences are grouped: keys alone, services together, held ones by zone, what changed first is first", () => {
  const net = { cause: "updated", reason: "many", revision: 1, firstRevision: 1, times: 1, by: null } as const;
  const changed = (
    second: number,
    id: string,
    before: ReturnType<typeof instance> | null,
    after: ReturnType<typeof instance> | null,
  ): NetChangeBody => {
    const what = before === null ? "came" : after === null ? "left" : "changed";
    return {
      ...net,
      kind: "instance",
      what,
      service: "api",
      id,
      fields: [],
      at: at(second),
      firstAt: at(second),
      before,
      after,
    };
  };
  const key: NetChangeBody = {
    ...net,
    kind: "key",
    what: "came",
    key: "k",
    at: at(1),
    firstAt: at(1),
    before: null,
    after: null,
    by: { token: { id: "1", name: "bot" }, dialect: "http", address: null },
  };
  const changes = [
    changed(5, "new", null, instance("new", { version: "2", ...failingCheck("x") })),
    changed(4, "old", instance("old"), null),
    changed(6, "h", instance("h"), instance("h", { held: HELD, zone: "b" })),
    key,
  ];
  const groups = toGroups(changes);
  assert.deepEqual(
    groups.map(({ kind }) => kind),
    ["key", "service", "held"],
  );
  const [, group, held] = groups;
  assert.ok(group?.kind === "service" && held?.kind === "held");
  assert.equal(groupText(group), "1 came on 2, 1 left on 1");
  assert.deepEqual([group.isWorse, held.zone, held.instances], [true, "b", 1]);
  assert.deepEqual(
    writersOf(changes).map(({ who, instances, keys }) => [who, instances, keys]),
    [
      ["http clients", 3, 0],
      ["token bot", 0, 1],
    ],
  );
});
