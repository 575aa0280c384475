/** What is said of an instance by what its checks found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "../../core/index.ts";
import type { LocalCheck } from "../config.ts";
import { standingOf } from "./standing.ts";

function check(id: string, kind: LocalCheck["kind"] = "tcp"): LocalCheck {
  const fresh = { status: "unknown", output: "", reportedAtMs: 0 } as const;
  return { ...fresh, id, kind, name: "", target: ":1", intervalMs: 1000, timeoutMs: 100 };
}

const CHECKS = [check("a"), check("b"), check("t", "ttl")];
const CASES: readonly (readonly [
  found: Record<string, Status>,
  withdraw: Status | null | undefined,
  mark: Status | undefined,
])[] = [
  [{}, undefined, undefined],
  [{ a: "passing" }, undefined, undefined],
  [{ a: "critical" }, null, "critical"],
  [{ a: "passing", b: "passing" }, "passing", "passing"],
  [{ a: "passing", b: "warning" }, "warning", "warning"],
  [{ a: "warning", b: "critical" }, null, "critical"],
];

for (const [found, withdraw, mark] of CASES)
  test(`checks that found ${JSON.stringify(found)}`, () => {
    const known = new Map(Object.entries(found));
    assert.equal(standingOf({ checks: CHECKS, status: "passing", failing: "withdraw" }, known), withdraw);
    assert.equal(standingOf({ checks: CHECKS, status: "passing", failing: "mark" }, known), mark);
  });

test("without a check of the agent's own an instance is what it says", () => {
  const none = { checks: [check("t", "ttl")], failing: "mark" } as const;
  assert.equal(standingOf({ ...none, status: "starting" }, new Map()), "starting");
});
