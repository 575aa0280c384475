/** Leases end after one duration, not two, and nothing but a heartbeat keeps them. */
import assert from "node:assert/strict";
import { after, describe, type TestContext, test } from "node:test";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { beat, type Eureka, fetchAll, fetchInstance, leaseOf, register, registrationOf, startEureka } from "./rig.ts";

const eureka = await startEureka({ after });

/** Most of their time passes in waiting: they wait together. */
const CASES: [string, (t: TestContext) => Promise<void>][] = [];

function timed(name: string, run: (t: TestContext) => Promise<void>): void {
  CASES.push([name, run]);
}

/** How long after `startMs` the instance left the list. */
async function goneAfter(of: Eureka, key: string, startMs: number): Promise<number> {
  await until(async () => !(await fetchAll(of)).instances.has(key), { timeoutMs: 8000 });
  return performance.now() - startMs;
}

/** What a busy machine may add to the second within which a lease ends. */
const SLACK_MS = 700;

timed("without a heartbeat it is gone after its duration and within a second of it", async () => {
  const startMs = performance.now();
  await register(eureka, "ONCE", "o1", leaseOf(2));
  const tookMs = await goneAfter(eureka, "ONCE/o1", startMs);
  assert.ok(tookMs >= 1950 && tookMs <= 3000 + SLACK_MS, `${tookMs} ms`);
});

timed(
  "after its last heartbeat it is gone after one duration, where the original takes two and an eviction",
  async () => {
    await register(eureka, "BEATEN", "b1", leaseOf(2));
    let lastMs = 0;
    for (let beats = 0; beats < 4; beats++) {
      await new Promise((resolve) => setTimeout(resolve, 800));
      lastMs = performance.now();
      assert.equal((await beat(eureka, "BEATEN", "b1", "?status=UP&lastDirtyTimestamp=1700000000000")).status, 200);
    }
    const tookMs = await goneAfter(eureka, "BEATEN/b1", lastMs);
    assert.ok(tookMs >= 1950 && tookMs <= 3000 + SLACK_MS, `${tookMs} ms`);
    assert.equal((await beat(eureka, "BEATEN", "b1")).status, 404);
  },
);

timed("registering the same again, or an older copy, is a sign of life", async () => {
  await register(eureka, "AGAIN", "a1", leaseOf(2));
  await register(eureka, "AGAIN", "a2", { ...leaseOf(2), lastDirtyTimestamp: "1700000000009" });
  for (let times = 0; times < 4; times++) {
    await new Promise((resolve) => setTimeout(resolve, 800));
    await register(eureka, "AGAIN", "a1", leaseOf(2));
    await register(eureka, "AGAIN", "a2", { ...leaseOf(2), lastDirtyTimestamp: "1700000000001" });
  }
  const { instances } = await fetchAll(eureka);
  assert.ok(instances.has("AGAIN/a1") && instances.has("AGAIN/a2"));
});

timed("an operator's word and metadata renew as well; looking does not", async () => {
  await register(eureka, "TOUCHED", "t1", leaseOf(2));
  await register(eureka, "TOUCHED", "t2", leaseOf(2));
  const startMs = performance.now();
  for (let times = 0; performance.now() - startMs < 3600; times++) {
    await new Promise((resolve) => setTimeout(resolve, 700));
    const change = times % 2 === 0 ? "status?value=OUT_OF_SERVICE" : `metadata?n=${times}`;
    assert.equal((await request(`${eureka.apps}/TOUCHED/t1/${change}`, { method: "PUT" })).status, 200);
    await fetchInstance(eureka, "TOUCHED", "t2");
  }
  const { instances } = await fetchAll(eureka);
  assert.deepEqual([instances.has("TOUCHED/t1"), instances.has("TOUCHED/t2")], [true, false]);
});

timed("a new duration counts from the registration that says it", async () => {
  await register(eureka, "SHORTER", "s1", leaseOf(900));
  const startMs = performance.now();
  await register(eureka, "SHORTER", "s1", { ...leaseOf(1), lastDirtyTimestamp: "1700000000001" });
  const tookMs = await goneAfter(eureka, "SHORTER/s1", startMs);
  assert.ok(tookMs >= 950 && tookMs <= 2000 + SLACK_MS, `${tookMs} ms`);
});

timed("what the lease says is shown: its duration, its interval, and the last heartbeat", async () => {
  await register(eureka, "LEASE", "l1", leaseOf(60, 20));
  const before = Date.now();
  assert.equal((await beat(eureka, "LEASE", "l1")).status, 200);
  const { leaseInfo } = (await fetchInstance(eureka, "LEASE", "l1")) as never as {
    leaseInfo: Record<string, number>;
  };
  assert.deepEqual([leaseInfo.durationInSecs, leaseInfo.renewalIntervalInSecs], [60, 20]);
  const sinceMs = (leaseInfo.lastRenewalTimestamp as number) - before;
  assert.ok(Math.abs(sinceMs) < 1500, `${sinceMs} ms`);
  assert.equal(leaseInfo.evictionTimestamp, 0);
});

timed("after a restart every lease has its full duration again", async (t) => {
  const own = await startEureka(t);
  await register(own, "RESTART", "r1", leaseOf(2));
  await own.rollcall.kill("SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 2500));
  await own.rollcall.restart();
  const startMs = performance.now();
  assert.ok((await fetchAll(own)).instances.has("RESTART/r1"), "it was away for longer than the lease");
  const tookMs = await goneAfter(own, "RESTART/r1", startMs);
  assert.ok(tookMs >= 1000, `${tookMs} ms`);
});

timed("where many lapse at once they are held, and a heartbeat lets each go", async (t) => {
  const own = await startEureka(t);
  const ids = Array.from({ length: 12 }, (_, i) => `h${i}`);
  await Promise.all(ids.map((id) => register(own, "HELD", id, leaseOf(1))));
  const url = `${own.rollcall.url}/v2/default/held`;
  await until(async () => (await request(url)).json().leases.length === 12);
  assert.equal((await fetchAll(own)).ids.length, 12);
  assert.equal((await beat(own, "HELD", "h0")).status, 200);
  await until(async () => (await request(url)).json().leases.length === 11);
});

timed("ten thousand seconds and a registration without a lease are both possible", async () => {
  await register(eureka, "LONG", "l1", leaseOf(10_000));
  const { leaseInfo: _none, ...rest } = registrationOf("LONG", "l2");
  const answer = await request(`${eureka.apps}/LONG`, { body: { instance: rest } });
  assert.equal(answer.status, 204);
  const { instances } = await fetchAll(eureka);
  assert.equal(instances.get("LONG/l1")?.leaseInfo.durationInSecs, 10_000);
  assert.equal(instances.get("LONG/l2")?.leaseInfo.durationInSecs, 90);
});

describe("leases", { concurrency: true }, () => {
  for (const [name, run] of CASES) test(name, run);
});
