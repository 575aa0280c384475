/** Commits folded into services come to what the registry would have answered. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChangeBody, CommitBody, InstanceBody } from "@rollcall/client";
import fc from "fast-check";
import { HELD, instance } from "./made-rig.ts";
import { foldCommit, type Summary, toSummaryOf } from "./summary.ts";

function commit(revision: number, ...changes: [before: InstanceBody | null, after: InstanceBody | null][]): CommitBody {
  const bodies = changes.map(([before, after]): ChangeBody => {
    const { service, id } = (after ?? before) as InstanceBody;
    return {
      kind: "instance",
      cause: after === null ? "expired" : "updated",
      service,
      id,
      reason: "silent",
      before,
      after,
    };
  });
  return { revision, at: "2026-01-01T00:00:01.000Z", account: "default", by: null, changes: bodies };
}

const facts = ({ all, usable, counts, zones, versions, via, overrides }: Summary) => ({
  all,
  usable,
  counts,
  zones,
  versions,
  via,
  overrides,
});

test("folding comes to the same as counting", () => {
  const one = fc.record({
    id: fc.constantFrom("a", "b", "c", "d"),
    status: fc.constantFrom("passing" as const, "critical" as const, "warning" as const, "unknown" as const),
    zone: fc.constantFrom("", "x", "y"),
    version: fc.constantFrom("", "1", "2"),
    held: fc.constantFrom(null, HELD),
    isGone: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 40 }), (steps) => {
      const services = new Map<string, Summary>();
      const now = new Map<string, InstanceBody>();
      for (const [index, { isGone, id, ...rest }] of steps.entries()) {
        const before = now.get(id) ?? null;
        const after = isGone ? null : instance(id, rest);
        if (before === null && after === null) continue;
        foldCommit(services, commit(index + 1, [before, after]));
        if (after === null) now.delete(id);
        else now.set(id, after);
      }
      const folded = services.get("api");
      if (folded !== undefined) assert.deepEqual(facts(folded), facts(toSummaryOf("api", [...now.values()])));
    }),
    { numRuns: 60 },
  );
});

test("a commit that the list was read with is not counted twice, and one with two changes is counted whole", () => {
  const services = new Map([["api", { ...toSummaryOf("api", [instance("a")]), revision: 5 }]]);
  assert.deepEqual([...foldCommit(services, commit(5, [null, instance("a")]))], []);
  foldCommit(services, commit(6, [null, instance("b")], [null, instance("c")]));
  assert.equal(services.get("api")?.all, 3);
});

test("the last one that went is remembered with its reason", () => {
  const services = new Map<string, Summary>();
  foldCommit(services, commit(1, [null, instance("a")]));
  foldCommit(services, commit(2, [instance("a"), null]));
  const left = services.get("api");
  assert.deepEqual([left?.all, left?.lost?.id, left?.lost?.reason], [0, "a", "silent"]);
});
