/** Charts of a process: rates of sums, quantiles of what came since, gaps where nothing was measured. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry as MetricRegistry } from "prom-client";
import { addCounter, addGauge, addHistogram } from "./gauges.ts";
import { Histogram } from "./histogram.ts";
import { Sampler, STEP_MS } from "./samples.ts";

test("points come once a step, the day's in averages of twelve", async (t) => {
  const metrics = new MetricRegistry();
  const numbers = { keys: 1, commits: 1000 };
  const flushes = new Histogram([0.001, 0.002, 0.004]);
  addGauge(metrics, "rollcall_keys", "keys", [], (gauge) => gauge.set(numbers.keys));
  addCounter(metrics, "rollcall_commits_total", "commits", [], (add) => add({}, numbers.commits));
  addHistogram(metrics, "rollcall_flush_duration_seconds", "flushes", () =>
    flushes.values("rollcall_flush_duration_seconds", {}),
  );
  let nowMs = 1_000_000;
  const sampler = new Sampler(metrics, () => nowMs);
  t.after(() => sampler.close());
  const step = async (steps = 1): Promise<void> => {
    nowMs += steps * STEP_MS;
    await sampler.sample();
  };
  // The sample that the start began is over by then.
  await new Promise((resolve) => setImmediate(resolve));
  numbers.commits += 10;
  for (let nth = 0; nth < 100; nth++) flushes.observe(0.0015);
  await step();
  numbers.keys = 4;
  await step(3);
  const of = (name: string, isCoarse = false) => {
    const { series, stepMs, lastMs } = sampler.read(isCoarse);
    assert.equal(stepMs, isCoarse ? 12 * STEP_MS : STEP_MS);
    assert.equal(lastMs, nowMs);
    return [...(series.find((one) => one.name === name)?.points ?? [])];
  };
  assert.deepEqual(of("rollcall_keys"), [1, 1, Number.NaN, Number.NaN, 4]);
  assert.deepEqual(of("rollcall_commits_total"), [Number.NaN, 2, Number.NaN, Number.NaN, 0]);
  assert.deepEqual(of("rollcall_keys", true), [2]);
  const [, p50 = 0] = of("rollcall_flush_duration_seconds_p50");
  const [, p99 = 0] = of("rollcall_flush_duration_seconds_p99");
  assert.ok(p50 >= 0.001 && p50 < p99 && p99 <= 0.002, `${p50} ${p99}`);
  for (let nth = 0; nth < 800; nth++) {
    nowMs += STEP_MS;
    await sampler.sample();
  }
  assert.equal(of("rollcall_keys").length, 720);
  assert.ok(of("rollcall_keys", true).length >= 67);
});
