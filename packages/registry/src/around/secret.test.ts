/** Secrets that are made at a start, whatever the store is about then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openRig, replaceIn } from "../../../../test/harness/registry.ts";
import { type Refusal, refuse } from "../core/index.ts";
import { SECRET_BYTES, secretOf } from "./secret.ts";

test("a store that gives no answer is asked again, one that refuses is not", async () => {
  const { registry } = await openRig();
  const withAnswers = (...refusals: readonly Refusal[]) => {
    const left = [...refusals];
    return replaceIn(registry, {
      propose: (...asked) => {
        const next = left.shift();
        return next === undefined ? registry.propose(...asked) : Promise.resolve(refuse(next, "no leader"));
      },
    });
  };
  const full = await secretOf(withAnswers("limit"), "\0one");
  assert.deepEqual([full.ok, full.ok || full.refusal], [false, "limit"]);
  const made = await secretOf(withAnswers("unavailable", "unknown"), "\0one");
  assert.ok(made.ok && made.value().length === SECRET_BYTES);
  const again = await secretOf(withAnswers("limit"), "\0one");
  assert.ok(again.ok && again.value().equals(made.value()));
});
