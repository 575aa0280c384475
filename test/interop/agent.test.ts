/** An agent over long outages: of the registry for 30 s while everything beats, and of one that forgot everything. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { createClient } from "@rollcall/client";
import { idsOf, startAgent, startPair, untilStale } from "../agent/rig.ts";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";

const OUTAGE_MS = 30_000;
const STAYS = { address: "10.0.0.1", ttl: 0 } as const;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("a registry that is killed and away for 30 s empties nothing, and who beats at the agent stays", async (t) => {
  const { registry, local } = await startPair(t);
  // Longer than what the registry's own start may take on a busy machine, shorter than the outage.
  const spec = (id: string) => ({ service: "api", id, address: "10.0.0.1", port: Number(id), ttl: "15s" });
  const kept = await Promise.all(["1", "2", "3"].map((id) => local.register(spec(id))));
  t.after(() => Promise.all(kept.map((one) => one.close().catch(() => {}))));
  const counts: number[] = [];
  const asking = setInterval(() => void idsOf(local, "api").then((ids) => counts.push(ids.length)), 250);
  t.after(() => clearInterval(asking));
  await registry.kill("SIGKILL");
  await untilStale(local, true);
  await wait(OUTAGE_MS);
  await registry.restart();
  await untilStale(local, false);
  await until(() => kept.every(({ state }) => state === "registered"), { what: "the heartbeats to be heard again" });
  // Another ttl: nobody is let go afterwards.
  await wait(17_000);
  assert.deepEqual(await idsOf(createClient({ url: registry.url }), "api"), ["1", "2", "3"]);
  assert.ok(counts.length > 50);
  assert.deepEqual([...new Set(counts)], [3]);
});

test("what is held is let go in time, but never while the registry is away", async (t) => {
  const registry = await startRollcall(t);
  const agent = await startAgent(t, registry, { flags: ["--upstream-hold-ms", "8s"] });
  const [origin, local] = [createClient({ url: registry.url }), createClient({ url: agent.url })];
  await origin.registerOnce({ ...STAYS, service: "api", id: "a", port: 80 });
  await until(async () => (await idsOf(local, "api")).length === 1);
  await registry.kill();
  rmSync(registry.data, { recursive: true, force: true });
  await registry.restart();
  await until(async () => (await local.instance("api", "a"))?.held);
  await registry.kill();
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  assert.deepEqual(await idsOf(local, "api"), ["a"]);
  await registry.restart();
  await until(async () => (await idsOf(local, "api")).length === 0);
});
