/** What the overview says first, and in which order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instance, service } from "./made-rig.ts";
import { reasonOf, roughReason } from "./reasons.ts";
import { type Summary, toSummaryOf } from "./summary.ts";
import { compareServices, isTrouble, rankOf, toVerdict } from "./verdict.ts";

function said(services: readonly Summary[]): string {
  const { headline, rest } = toVerdict(services);
  return [headline, rest.map(({ text }) => text).join("")].join(" | ");
}

test("services are ranked from the worst to the best", () => {
  const inOrder = [
    service("down", "critical", "critical"),
    service("kept", "held", "held"),
    service("half", "critical", "passing"),
    service("warm", "warning", "passing"),
    service("some", "held", "passing"),
    service("odd", "unknown", "passing"),
    service("new", "starting", "starting"),
    service("old", "draining", "passing"),
    service("fine", "passing"),
  ];
  assert.deepEqual(
    [...inOrder]
      .reverse()
      .sort(compareServices)
      .map(({ service: name }) => name),
    inOrder.map(({ service: name }) => name),
  );
  assert.deepEqual(inOrder.map(isTrouble), [true, true, true, true, true, true, false, false, false]);
});

test("a service that only begins is not down, one that lost its last instance is", () => {
  assert.equal(rankOf(service("a", "starting")), "starting");
  assert.equal(rankOf(service("a", "starting", "critical")), "unusable");
  assert.equal(rankOf(service("a")), "unusable");
});

test("the verdict names the worst, the next, and counts the rest", () => {
  const fine = service("z", "passing");
  const cases: [Summary[], string][] = [
    [[fine], "z is fine | "],
    [[fine, service("y", "passing")], "All 2 services are fine | "],
    [[service("db", "critical"), fine], "db has no usable instance | The other one is fine."],
    [
      [service("db", "critical"), service("web", "critical"), fine],
      "db and web have no usable instance | The other one is fine.",
    ],
    [
      [service("db", "critical"), service("fx", "held"), service("pay", "critical", "passing"), fine],
      "db has no usable instance | fx rests on held instances alone. 1 more is degraded, 1 is fine.",
    ],
    [[service("db", "passing", "unknown")], "db has 1 instance nobody knows about | It is the only service."],
  ];
  for (const [services, text] of cases) assert.equal(said(services), text);
});

test("a row says why", () => {
  const db = {
    id: "db",
    kind: "reported",
    name: "",
    target: "",
    intervalMs: 0,
    timeoutMs: 0,
    reportedAt: null,
    since: "",
  } as const;
  const bad = (id: string, version = "2") =>
    instance(id, { version, status: "critical", checks: [{ ...db, status: "critical", output: "refused\nmore" }] });
  const all = [bad("a"), bad("b"), instance("c")];
  assert.equal(reasonOf(toSummaryOf("api", all), all), "2 critical, all on 2. Check db: refused");
  const none = [bad("a"), bad("b")];
  assert.equal(reasonOf(toSummaryOf("api", none), none), "No usable instance. Check db: refused, on all 2");
  const unknown = [instance("a", { status: "unknown" }), instance("b")];
  assert.equal(reasonOf(toSummaryOf("api", unknown), unknown), "1 unknown");
  assert.equal(roughReason(service("a", "held", "warning")), "1 warn; 1 held");
});
