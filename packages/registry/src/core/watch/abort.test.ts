/** A signal that outlives what listens to it holds nothing of that. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { openRig } from "../../../../../test/harness/registry.ts";

test("what is settled listens to its signal no more", async () => {
  const { registry } = await openRig();
  const gone = new AbortController();
  const listeners = (): number => getEventListeners(gone.signal, "abort").length;
  const reached = registry.reached(20, gone.signal);
  for (let nth = 0; nth < 20; nth++)
    await registry.propose("default", { kind: "put", key: `k${nth}`, value: "" }, gone.signal);
  await reached;
  assert.equal(listeners(), 0);
  const never = registry.reached(1000, gone.signal);
  assert.equal(listeners(), 1);
  gone.abort(new Error("gone"));
  await assert.rejects(never, /gone/);
});
