/** The numbers of a process in Prometheus' text format. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceOf, openRig } from "../../../../test/harness/registry.ts";
import { createMetrics, type ProcessMetrics } from "./metrics.ts";

/** Every sample by its name and labels, as written. */
async function samples(metrics: ProcessMetrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

test("requests are counted by dialect and outcome, their times in buckets", async () => {
  const metrics = createMetrics(Date.now);
  const observe = metrics.observer("http");
  metrics.observer("http")(200, 0.0002);
  observe(201, 0.003);
  observe(404, 100);
  observe(499, 1);
  metrics.observer("rackspace")(500, 0.001);
  const found = await samples(metrics);
  const requests = (dialect: string, outcome: string): number | undefined =>
    found.get(`rollcall_requests_total{dialect="${dialect}",outcome="${outcome}"}`);
  assert.equal(requests("http", "2xx"), 2);
  assert.equal(requests("http", "4xx"), 1);
  assert.equal(requests("http", "aborted"), 1);
  assert.equal(requests("http", "5xx"), undefined);
  assert.equal(requests("rackspace", "5xx"), 1);
  const bucket = (le: string): number | undefined =>
    found.get(`rollcall_request_duration_seconds_bucket{dialect="http",le="${le}"}`);
  assert.deepEqual(["0.0001", "0.00025", "0.005", "30", "+Inf"].map(bucket), [0, 1, 2, 3, 4]);
  assert.equal(found.get('rollcall_request_duration_seconds_count{dialect="http"}'), 4);
  assert.ok(Math.abs((found.get('rollcall_request_duration_seconds_sum{dialect="http"}') ?? 0) - 101.0032) < 1e-9);
  assert.deepEqual(
    await samples(metrics).then((again) => again.get('rollcall_requests_total{dialect="http",outcome="2xx"}')),
    2,
  );
});

test("groups, expiries and watchers", async () => {
  const metrics = createMetrics(Date.now);
  metrics.groupFlushed(3, 1.5);
  metrics.groupFlushed(1, 0.1);
  metrics.expired(2);
  metrics.dialects.watchers("http", 1);
  metrics.dialects.watchers("http", 1);
  metrics.dialects.watchers("http", -1);
  const found = await samples(metrics);
  assert.equal(found.get("rollcall_commits_total"), 4);
  assert.equal(found.get('rollcall_group_size_commits_bucket{le="1"}'), 1);
  assert.equal(found.get('rollcall_group_size_commits_bucket{le="4"}'), 2);
  assert.equal(found.get('rollcall_flush_duration_seconds_bucket{le="0.00025"}'), 1);
  assert.equal(found.get("rollcall_flush_duration_seconds_count"), 2);
  assert.equal(found.get("rollcall_expiries_total"), 2);
  assert.equal(found.get('rollcall_watchers{dialect="http"}'), 1);
  assert.ok((found.get("process_resident_memory_bytes") ?? 0) > 1_000_000);
});

test("gauges show the catalog as it is when they are asked for", async () => {
  const rig = await openRig();
  const metrics = createMetrics(rig.clock.now);
  const startedMs = rig.clock.monotonic();
  metrics.watch({ core: rig.core, uptimeMs: () => rig.clock.monotonic() - startedMs }).close();
  const put = async (service: string, id: string, status: "passing" | "critical"): Promise<void> => {
    const instance = { ...instanceOf(service, id), status };
    const outcome = await rig.registry.propose("shop", {
      kind: "register",
      instance,
      life: { ttlMs: 60_000 },
    });
    assert.ok(outcome.ok);
  };
  assert.equal((await samples(metrics)).get("rollcall_leases"), 0);
  await put("api", "a", "passing");
  await put("api", "b", "passing");
  await put("db", "a", "critical");
  rig.pause(5000);
  const found = await samples(metrics);
  assert.equal(found.get("rollcall_accounts"), 1);
  assert.equal(found.get("rollcall_services"), 2);
  assert.equal(found.get("rollcall_leases"), 3);
  assert.equal(found.get('rollcall_instances{status="passing"}'), 2);
  assert.equal(found.get('rollcall_instances{status="critical"}'), 1);
  assert.equal(found.get('rollcall_instances{status="draining"}'), 0);
  assert.equal(found.get("rollcall_revision"), 3);
  assert.equal(found.get("rollcall_history_revisions"), 3);
  assert.equal(found.get("rollcall_history_seconds"), 5);
  assert.equal(found.get("rollcall_leases_held"), 0);
  assert.equal(found.get("rollcall_uptime_seconds"), 5);
});
