/** Changes that rest on what was read: nobody's is lost, and nobody tries for ever. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, openRig } from "../../../../../test/harness/registry.ts";
import { type Guard, ok, refuse, succeeded, untilDecided } from "../index.ts";

test("of many that add to one value at once, each is counted", async () => {
  const { registry } = await openRig();
  let attempts = 0;
  const add = (): Promise<unknown> =>
    untilDecided(async () => {
      attempts++;
      const record = registry.read((view) => view.entry("default", "k"));
      const guard: Guard = { on: "mod", key: "k", is: "=", than: record?.modRevision ?? 0 };
      const put = { kind: "put", key: "k", value: String(Number(record?.value ?? 0) + 1) } as const;
      const outcome = await registry.propose("default", { kind: "when", guards: [guard], then: [put], otherwise: [] });
      return outcome.ok && !succeeded(outcome.value) ? null : outcome;
    });
  await Promise.all(Array.from({ length: 30 }, add));
  assert.equal(
    registry.read((view) => view.entry("default", "k")?.value),
    "30",
  );
  assert.ok(attempts > 30, "none was in the way of another");
});

test("the first decision counts, a refusal is one, and after a thousand tries it is a conflict", async () => {
  const answers = [ok(1), refuse("forbidden", "no"), null, null];
  assert.deepEqual(await untilDecided(async () => answers.pop() ?? null), refuse("forbidden", "no"));
  assert.deepEqual(await untilDecided(async () => ok(2)), ok(2));
  let attempts = 0;
  const outcome = await untilDecided(async () => {
    attempts++;
    return null;
  });
  assert.ok(!outcome.ok && outcome.refusal === "conflict");
  assert.equal(attempts, 1000);
});

test("only a transaction whose guards do not hold has not succeeded", async () => {
  const { registry } = await openRig();
  const run = async (exists: boolean): Promise<boolean> =>
    succeeded(
      accepted(
        await registry.propose("default", {
          kind: "when",
          guards: [{ on: "lease-exists", lease: "l", exists }],
          then: [],
          otherwise: [],
        }),
      ),
    );
  assert.equal(await run(false), true);
  assert.equal(await run(true), false);
  assert.equal(succeeded(accepted(await registry.propose("default", { kind: "delete", from: "k" }))), true);
});
