/** Deltas: cut from the history, applied by a client, and always with the hash of the whole. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import fc from "fast-check";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import {
  beat,
  cancel,
  type Eureka,
  type Fetched,
  fetchAll,
  fetchDelta,
  getJson,
  leaseOf,
  register,
  type Shown,
  startEureka,
} from "./rig.ts";

const eureka = await startEureka({ after });

function override(app: string, id: string, query: string, method = "PUT") {
  return request(`${eureka.apps}/${app}/${id}/status${query}`, { method });
}

/** What Java's clients do with a delta. */
function apply(local: Map<string, Shown>, { instances }: Fetched): void {
  for (const [key, instance] of instances) {
    if (instance.actionType === "DELETED") local.delete(key);
    else local.set(key, instance);
  }
}

function hashOf(local: ReadonlyMap<string, Shown>): string {
  const counts = new Map<string, number>();
  for (const { status } of local.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts]
    .sort()
    .map(([status, count]) => `${status}_${count}_`)
    .join("");
}

/** Without what differs between two looks at the same instance. */
function bare(local: ReadonlyMap<string, Shown>): Record<string, unknown> {
  const rest: [string, unknown][] = [];
  for (const [key, { leaseInfo: _lease, actionType: _action, ...instance }] of local) rest.push([key, instance]);
  return Object.fromEntries(rest.sort());
}

test("a registration, the first or another, is ADDED", async () => {
  await register(eureka, "ACTIONS", "a1", { lastDirtyTimestamp: "1700000000001" });
  assert.equal((await fetchDelta(eureka)).instances.get("ACTIONS/a1")?.actionType, "ADDED");
  await register(eureka, "ACTIONS", "a1", { lastDirtyTimestamp: "1700000000002", status: "DOWN" });
  const delta = await fetchDelta(eureka);
  assert.equal(delta.instances.get("ACTIONS/a1")?.actionType, "ADDED");
  assert.equal(delta.instances.get("ACTIONS/a1")?.status, "DOWN");
});

test("an operator's word is MODIFIED, whatever it is", async () => {
  await register(eureka, "WORDS", "w1", { status: "OUT_OF_SERVICE" });
  for (const [query, method, status] of [
    ["?value=DOWN", "PUT", "DOWN"],
    ["?value=UP", "PUT", "UP"],
    ["?value=OUT_OF_SERVICE", "DELETE", "OUT_OF_SERVICE"],
  ] as const) {
    assert.equal((await override("WORDS", "w1", query, method)).status, 200);
    const shown = (await fetchDelta(eureka)).instances.get("WORDS/w1");
    assert.deepEqual([shown?.actionType, shown?.status], ["MODIFIED", status], `${method} ${query}`);
  }
});

test("what is gone is there once more, whole, as DELETED", async () => {
  await register(eureka, "GOING", "g1", { metadata: { last: "words" } });
  await cancel(eureka, "GOING", "g1");
  const delta = await fetchDelta(eureka);
  const shown = delta.instances.get("GOING/g1");
  assert.deepEqual([shown?.actionType, shown?.metadata.last, shown?.port.$], ["DELETED", "words", 8080]);
  assert.equal(delta.hashcode, (await fetchAll(eureka)).hashcode);
});

test("an instance whose lease ends is DELETED, and one that comes back is ADDED", async () => {
  await register(eureka, "LAPSING", "l1", leaseOf(1));
  const gone = await until(async () => {
    const shown = (await fetchDelta(eureka)).instances.get("LAPSING/l1");
    return shown?.actionType === "DELETED" && shown;
  });
  assert.equal(gone.hostName, "10.1.2.3");
  await register(eureka, "LAPSING", "l1");
  assert.equal((await fetchDelta(eureka)).instances.get("LAPSING/l1")?.actionType, "ADDED");
});

test("heartbeats are in no delta", async () => {
  await register(eureka, "QUIET", "q1");
  const before = await getJson(`${eureka.apps}/delta`);
  assert.equal((await beat(eureka, "QUIET", "q1")).status, 200);
  assert.deepEqual((await getJson(`${eureka.apps}/delta`)).bytes, before.bytes);
});

test("the version of a delta grows with what changes, and is never -1", async () => {
  const first = Number((await fetchDelta(eureka)).version);
  await register(eureka, "VERSIONS", "v1");
  const second = Number((await fetchDelta(eureka)).version);
  assert.ok(first >= 1 && second > first, `${first}, then ${second}`);
  assert.equal((await fetchAll(eureka)).version, "1");
});

test("XML and gzip say the same", async () => {
  await register(eureka, "FORMS", "f1");
  const xml = await request(`${eureka.apps}/delta`);
  assert.match(xml.text, /<apps__hashcode>[A-Z_0-9]+<\/apps__hashcode><application><name>/);
  assert.match(xml.text, /<actionType>ADDED<\/actionType>/);
  const packed = await request(`${eureka.apps}/delta`, { headers: { "accept-encoding": "gzip" } });
  assert.equal(packed.headers["content-encoding"], "gzip");
});

test("services that differ by their letters' case: the other one takes over, and nothing is DELETED", async () => {
  const put = (service: string, address: string) =>
    request(`${eureka.rollcall.url}/v2/default/services/${service}/instances/t1`, { method: "PUT", body: { address } });
  await put("twin", "10.0.0.1");
  await put("Twin", "10.0.0.2");
  await request(`${eureka.rollcall.url}/v2/default/services/twin/instances/t1`, { method: "DELETE" });
  const delta = await fetchDelta(eureka);
  const shown = delta.instances.get("TWIN/t1");
  assert.deepEqual([shown?.ipAddr, shown?.actionType === "DELETED"], ["10.0.0.2", false]);
  assert.equal(delta.hashcode, (await fetchAll(eureka)).hashcode);
});

const step = fc.record({
  act: fc.constantFrom("register", "register", "cancel", "out", "up", "fetch", "fetch"),
  app: fc.constantFrom("P", "Q"),
  id: fc.constantFrom("1", "2", "3"),
  status: fc.constantFrom("UP", "DOWN", "STARTING", "OUT_OF_SERVICE"),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

let dirty = 1_700_000_001_000;

async function take(local: Map<string, Shown>, { act, app, id, status }: Step): Promise<void> {
  if (act === "register") await register(eureka, app, id, { status, lastDirtyTimestamp: String(++dirty) });
  else if (act === "cancel") await cancel(eureka, app, id);
  else if (act === "out") await override(app, id, "?value=OUT_OF_SERVICE");
  else if (act === "up") await override(app, id, "?value=UP", "DELETE");
  else {
    const delta = await fetchDelta(eureka);
    apply(local, delta);
    assert.equal(hashOf(local), delta.hashcode);
  }
}

test("a client that applies deltas knows what a full fetch knows, whatever happened between", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const local = new Map((await fetchAll(eureka)).instances);
      for (const one of steps) await take(local, one);
      const delta = await fetchDelta(eureka);
      apply(local, delta);
      // Again: clients get the same changes for three minutes.
      apply(local, await fetchDelta(eureka));
      const full = await fetchAll(eureka);
      assert.deepEqual(bare(local), bare(full.instances));
      assert.equal(delta.hashcode, full.hashcode);
    }),
    { numRuns: 25 },
  );
});

test("changes leave the delta when they are old enough", async (t) => {
  const short = await startEureka(t, { settings: { deltaMs: 1500 } });
  await register(short, "AGES", "a1");
  assert.deepEqual((await fetchDelta(short)).ids, ["AGES/a1"]);
  const emptied = await until(async () => {
    const delta = await fetchDelta(short);
    return delta.ids.length === 0 && delta;
  });
  assert.equal(emptied.hashcode, "UP_1_");
  await register(short, "AGES", "a2");
  assert.deepEqual((await fetchDelta(short)).ids, ["AGES/a2"]);
});

test("after kill -9 everything is there, and the delta reaches back over the restart", async (t) => {
  const own: Eureka = await startEureka(t);
  await register(own, "KEPT", "k1", { status: "DOWN", metadata: { a: "b" } });
  await register(own, "KEPT", "k2");
  await cancel(own, "KEPT", "k2");
  const [all, delta] = [await fetchAll(own), await fetchDelta(own)];
  await own.rollcall.restart();
  const [allAfter, deltaAfter] = [await fetchAll(own), await fetchDelta(own)];
  assert.deepEqual(bare(allAfter.instances), bare(all.instances));
  assert.deepEqual(bare(deltaAfter.instances), bare(delta.instances));
  assert.equal(deltaAfter.instances.get("KEPT/k2")?.actionType, "DELETED");
  assert.deepEqual([deltaAfter.hashcode, deltaAfter.version], [delta.hashcode, delta.version]);
  assert.equal((await beat(own, "KEPT", "k1")).status, 200);
  assert.equal((await beat(own, "KEPT", "k2")).status, 404);
});
