/** What becomes of registrations, heartbeats and operators' words when they meet. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { beat, cancel, fetchAll, fetchInstance, post, register, registrationOf, startEureka } from "./rig.ts";

const eureka = await startEureka({ after });
const native = `${eureka.rollcall.url}/v2/default/services`;
const T = 1_700_000_000_000;

const at = (dirty: number, more: Record<string, unknown> = {}) => ({ lastDirtyTimestamp: String(T + dirty), ...more });

async function said(app: string, id: string, query: string, method: "PUT" | "DELETE" = "PUT"): Promise<void> {
  const answer = await request(`${eureka.apps}/${app}/${id}/status${query}`, { method });
  assert.deepEqual([answer.status, answer.text], [200, ""]);
}

async function statusOf(app: string, id: string): Promise<string> {
  return (await fetchInstance(eureka, app, id))?.status;
}

test("an older copy changes nothing, an equal or newer one replaces all of it", async () => {
  await register(eureka, "DIRTY", "d1", at(5, { metadata: { a: "1", b: "1" } }));
  await register(eureka, "DIRTY", "d1", at(4, { metadata: { a: "0" }, status: "DOWN" }));
  const kept = await fetchInstance(eureka, "DIRTY", "d1");
  assert.deepEqual([kept?.metadata, kept?.status, kept?.lastDirtyTimestamp], [{ a: "1", b: "1" }, "UP", String(T + 5)]);
  await register(eureka, "DIRTY", "d1", at(5, { metadata: { a: "2" } }));
  assert.deepEqual((await fetchInstance(eureka, "DIRTY", "d1"))?.metadata, { a: "2" });
  await register(eureka, "DIRTY", "d1", at(6, { metadata: { a: "3" }, ipAddr: "10.9.9.9" }));
  const newer = await fetchInstance(eureka, "DIRTY", "d1");
  assert.deepEqual([newer?.metadata, newer?.ipAddr], [{ a: "3" }, "10.9.9.9"]);
});

test("of many registrations at once the newest is what stays", async () => {
  for (let round = 0; round < 5; round++) {
    const order = [3, 9, 1, 7, 5, 8, 2, 6, 4, 0].map((nth) => nth + round * 10);
    await Promise.all(order.map((nth) => register(eureka, "RACE", "r1", at(nth, { metadata: { nth: String(nth) } }))));
    const { metadata, lastDirtyTimestamp } = (await fetchInstance(eureka, "RACE", "r1")) as never;
    assert.deepEqual([metadata, lastDirtyTimestamp], [{ nth: String(9 + round * 10) }, String(T + 9 + round * 10)]);
  }
});

test("a heartbeat with a newer time asks for a registration, one with an older time does not", async () => {
  await register(eureka, "BEATS", "b1", at(5));
  assert.equal((await beat(eureka, "BEATS", "b1", `?status=UP&lastDirtyTimestamp=${T + 5}`)).status, 200);
  assert.equal((await beat(eureka, "BEATS", "b1", `?status=UP&lastDirtyTimestamp=${T + 4}`)).status, 200);
  assert.equal((await beat(eureka, "BEATS", "b1", `?status=UP&lastDirtyTimestamp=${T + 6}`)).status, 404);
  assert.equal((await beat(eureka, "BEATS", "b1", "?status=DOWN")).status, 200);
  assert.equal(await statusOf("BEATS", "b1"), "UP", "a heartbeat says nothing of the status");
});

test("a client that is OUT_OF_SERVICE can say that it is UP again", async () => {
  await register(eureka, "BACK", "b1", at(1, { status: "OUT_OF_SERVICE" }));
  assert.equal(await statusOf("BACK", "b1"), "OUT_OF_SERVICE");
  await register(eureka, "BACK", "b1", at(2, { status: "UP" }));
  assert.equal(await statusOf("BACK", "b1"), "UP");
});

test("an operator's OUT_OF_SERVICE stands against every UP, over registrations and restarts, until it is removed", async (t) => {
  const own = await startEureka(t);
  await register(own, "HELD", "h1", at(1));
  const url = `${own.apps}/HELD/h1/status`;
  assert.equal((await request(`${url}?value=OUT_OF_SERVICE`, { method: "PUT" })).status, 200);
  await register(own, "HELD", "h1", at(2));
  assert.equal((await fetchInstance(own, "HELD", "h1"))?.status, "OUT_OF_SERVICE");
  await own.rollcall.restart();
  await register(own, "HELD", "h1", at(3));
  const shown = await fetchInstance(own, "HELD", "h1");
  assert.deepEqual([shown?.status, shown?.overriddenStatus], ["OUT_OF_SERVICE", "OUT_OF_SERVICE"]);
  assert.equal((await request(`${url}?value=UP`, { method: "DELETE" })).status, 200);
  const free = await fetchInstance(own, "HELD", "h1");
  assert.deepEqual([free?.status, free?.overriddenStatus], ["UP", "UNKNOWN"]);
});

test("an operator's UP hides no DOWN of the instance itself", async () => {
  await register(eureka, "HONEST", "h1", at(1));
  await said("HONEST", "h1", "?value=UP");
  for (const word of ["DOWN", "STARTING", "UP"]) {
    await register(eureka, "HONEST", "h1", at(2, { status: word }));
    assert.equal(await statusOf("HONEST", "h1"), word);
  }
});

test("an operator's OUT_OF_SERVICE is shown at once, whatever the instance says, here as everywhere", async () => {
  for (const word of ["STARTING", "DOWN", "UP"]) {
    await register(eureka, "AT-ONCE", "a1", at(1, { status: word }));
    await said("AT-ONCE", "a1", "?value=OUT_OF_SERVICE");
    assert.equal(await statusOf("AT-ONCE", "a1"), "OUT_OF_SERVICE", word);
    assert.equal((await request(`${native}/at-once/instances/a1`)).json().status, "draining");
    assert.equal((await beat(eureka, "AT-ONCE", "a1")).status, 200);
    await said("AT-ONCE", "a1", `?value=${word}`, "DELETE");
  }
});

test("an operator's UNKNOWN takes back the override that is there", async () => {
  await register(eureka, "TAKEN-BACK", "t1", at(1));
  await said("TAKEN-BACK", "t1", "?value=OUT_OF_SERVICE");
  await said("TAKEN-BACK", "t1", "?value=UNKNOWN");
  const shown = await fetchInstance(eureka, "TAKEN-BACK", "t1");
  assert.deepEqual([shown?.status, shown?.overriddenStatus], ["UP", "UNKNOWN"]);
});

test("an operator's UNKNOWN of the native API sends no client into registering for ever", async () => {
  await register(eureka, "UNSURE", "u1", at(1));
  const url = `${native}/unsure/instances/u1/override`;
  assert.equal((await request(url, { method: "PUT", body: { status: "unknown" } })).status, 200);
  assert.equal(await statusOf("UNSURE", "u1"), "UNKNOWN");
  assert.equal((await beat(eureka, "UNSURE", "u1")).status, 200);
  await said("UNSURE", "u1", "?value=UP", "DELETE");
  assert.equal(await statusOf("UNSURE", "u1"), "UP");
});

test("the operator's UP lets an instance serve that says OUT_OF_SERVICE", async () => {
  await register(eureka, "FORCED", "f1", at(1, { status: "OUT_OF_SERVICE" }));
  await said("FORCED", "f1", "?value=UP");
  await register(eureka, "FORCED", "f1", at(2, { status: "OUT_OF_SERVICE" }));
  const shown = await fetchInstance(eureka, "FORCED", "f1");
  assert.deepEqual([shown?.status, shown?.overriddenStatus], ["UP", "UP"]);
  await said("FORCED", "f1", "?value=OUT_OF_SERVICE", "DELETE");
  assert.equal(await statusOf("FORCED", "f1"), "OUT_OF_SERVICE");
});

test("without a word in its place a removed override leaves UNKNOWN, and the next heartbeat asks for a registration", async () => {
  await register(eureka, "BLANK", "b1", at(1));
  await said("BLANK", "b1", "?value=OUT_OF_SERVICE");
  await said("BLANK", "b1", "", "DELETE");
  assert.equal(await statusOf("BLANK", "b1"), "UNKNOWN");
  assert.equal((await beat(eureka, "BLANK", "b1")).status, 404);
  await register(eureka, "BLANK", "b1", at(1));
  assert.equal(await statusOf("BLANK", "b1"), "UP");
  assert.equal((await beat(eureka, "BLANK", "b1")).status, 200);
});

test("where no override was, its removal renews and changes nothing", async () => {
  await register(eureka, "NEVER", "n1", at(5, { leaseInfo: { durationInSecs: 2 } }));
  const before = await fetchInstance(eureka, "NEVER", "n1");
  for (const query of ["", "?value=DOWN", `?value=UP&lastDirtyTimestamp=${T + 9}`]) {
    // Longer than the lease all together.
    await new Promise((resolve) => setTimeout(resolve, 800));
    await said("NEVER", "n1", query, "DELETE");
  }
  const { leaseInfo: lease, ...rest } = (await fetchInstance(eureka, "NEVER", "n1")) ?? {};
  const { leaseInfo: leaseBefore, ...expected } = before ?? {};
  assert.deepEqual(rest, expected);
  assert.ok(lease.lastRenewalTimestamp > leaseBefore.lastRenewalTimestamp);
  assert.equal((await beat(eureka, "NEVER", "n1")).status, 200);
});

test("a removed override leaves an instance of another dialect with what its client said", async () => {
  const url = `${native}/Nightly/instances/n1`;
  const body = { address: "10.0.0.7", port: 1, ttl: "20s", status: "warning" };
  await request(url, { method: "PUT", body });
  await said("NIGHTLY", "n1", "", "DELETE");
  assert.equal((await request(url)).json().status, "warning");
  await said("NIGHTLY", "n1", `?value=OUT_OF_SERVICE&lastDirtyTimestamp=${T}`);
  assert.equal((await request(url)).json().status, "draining");
  await said("NIGHTLY", "n1", `?lastDirtyTimestamp=${T}`, "DELETE");
  const { status, meta } = (await request(url)).json();
  assert.deepEqual([status, meta], ["warning", {}]);
});

test("an override sets no copy's time back", async () => {
  await register(eureka, "BACKWARD", "b1", at(5));
  await said("BACKWARD", "b1", `?value=OUT_OF_SERVICE&lastDirtyTimestamp=${T + 1}`);
  await said("BACKWARD", "b1", `?value=UP&lastDirtyTimestamp=${T + 2}`, "DELETE");
  assert.equal((await fetchInstance(eureka, "BACKWARD", "b1"))?.lastDirtyTimestamp, String(T + 5));
  await register(eureka, "BACKWARD", "b1", at(4, { status: "DOWN" }));
  assert.equal(await statusOf("BACKWARD", "b1"), "UP");
});

test("an override may carry the time of the copy it made", async () => {
  await register(eureka, "TIMED", "t1", at(1));
  await said("TIMED", "t1", `?value=OUT_OF_SERVICE&lastDirtyTimestamp=${T + 9}`);
  assert.equal((await fetchInstance(eureka, "TIMED", "t1"))?.lastDirtyTimestamp, String(T + 9));
  assert.equal((await beat(eureka, "TIMED", "t1", `?lastDirtyTimestamp=${T + 9}`)).status, 200);
});

test("changes at once to one instance are all made", async () => {
  await register(eureka, "CROWD", "c1", at(1, { metadata: {} }));
  const keys = Array.from({ length: 6 }, (_, i) => `k${i}`);
  const answers = await Promise.all(
    keys.map((key) => request(`${eureka.apps}/CROWD/c1/metadata?${key}=v`, { method: "PUT" })),
  );
  for (const { status } of answers) assert.equal(status, 200);
  assert.deepEqual(Object.keys((await fetchInstance(eureka, "CROWD", "c1"))?.metadata).sort(), keys);
});

test("a cancel is final until the next registration", async () => {
  await register(eureka, "FINAL", "f1");
  const [first, second] = await Promise.all([cancel(eureka, "FINAL", "f1"), cancel(eureka, "FINAL", "f1")]);
  assert.deepEqual([first.status, second.status].sort(), [200, 404]);
  assert.equal((await beat(eureka, "FINAL", "f1")).status, 404);
  assert.equal(await fetchInstance(eureka, "FINAL", "f1"), undefined);
});

test("an instance of another dialect can be kept alive, overridden, described and cancelled", async () => {
  const url = `${native}/Search/instances/s1`;
  const put = await request(url, {
    method: "PUT",
    body: { address: "10.0.0.7", port: 9200, ttl: "20s", meta: { x: "1" } },
  });
  assert.equal(put.status, 201, put.text);
  assert.equal((await beat(eureka, "SEARCH", "s1", `?status=UP&lastDirtyTimestamp=${T}`)).status, 200);
  await said("SEARCH", "s1", "?value=OUT_OF_SERVICE");
  assert.equal((await request(url)).json().status, "draining");
  await said("SEARCH", "s1", "?value=UP", "DELETE");
  assert.equal((await request(`${eureka.apps}/SEARCH/s1/metadata?x=2&y=3`, { method: "PUT" })).status, 200);
  const { meta, via, ttl } = (await request(url)).json();
  assert.deepEqual([meta, via], [{ x: "2", y: "3" }, "http"], ttl);
  assert.equal((await cancel(eureka, "SEARCH", "s1")).status, 200);
  assert.equal((await request(url)).status, 404);
});

test("a registration replaces an instance of another dialect with the same name", async () => {
  const url = `${native}/Moving/instances/m1`;
  await request(url, { method: "PUT", body: { address: "10.0.0.7", port: 1, ttl: "3600s" } });
  await register(eureka, "MOVING", "m1", { leaseInfo: { durationInSecs: 45 } });
  const { via, address, ports } = (await request(url)).json();
  assert.deepEqual([via, address, ports], ["eureka", "10.1.2.3", { default: 8080 }]);
  const { ids, instances } = await fetchAll(eureka);
  assert.equal(ids.filter((id) => id === "MOVING/m1").length, 1);
  assert.equal(instances.get("MOVING/m1")?.leaseInfo.durationInSecs, 45);
});

test("a peer's copy neither replaces nor keeps alive what lives here by another dialect", async () => {
  const body = { address: "10.0.0.7", port: 80, tags: ["blue"], ttl: "1s" };
  assert.equal((await request(`${native}/mixed/instances/m1`, { method: "PUT", body })).status, 201);
  const fromPeer = { "content-type": "application/json", "x-netflix-discovery-replication": "true" };
  const copy = registrationOf("MIXED", "m1", at(9, { ipAddr: "10.9.9.9" }));
  const sent = await request(`${eureka.apps}/MIXED`, { method: "POST", headers: fromPeer, body: copy });
  assert.equal(sent.status, 204);
  assert.equal((await fetchInstance(eureka, "MIXED", "m1"))?.ipAddr, "10.0.0.7");
  // The peer beats on and on: the lease ends all the same, and then it is told to bring its copy.
  await until(async () => {
    const beaten = await request(`${eureka.apps}/MIXED/m1`, { method: "PUT", headers: fromPeer });
    return beaten.status === 404;
  });
});

test("a registration that another dialect made later is what Eureka's clients see", async () => {
  await register(eureka, "LATER", "l1", at(1));
  await request(`${native}/later/instances/l1`, { method: "PUT", body: { address: "10.0.0.8", port: 2 } });
  const shown = await fetchInstance(eureka, "LATER", "l1");
  assert.deepEqual([shown?.ipAddr, shown?.port.$], ["10.0.0.8", 2]);
});

test("an operator's word over the native API is one here as well", async () => {
  await register(eureka, "ELSEWHERE", "e1", at(1));
  const answer = await request(`${native}/elsewhere/instances/e1/override`, {
    method: "PUT",
    body: { status: "draining" },
  });
  assert.equal(answer.status, 200, answer.text);
  const shown = await fetchInstance(eureka, "ELSEWHERE", "e1");
  assert.deepEqual([shown?.status, shown?.overriddenStatus], ["OUT_OF_SERVICE", "OUT_OF_SERVICE"]);
});

test("zone, region and data center come back as they were sent", async () => {
  const dataCenterInfo = {
    "@class": "com.netflix.appinfo.AmazonInfo",
    name: "Amazon",
    metadata: { "availability-zone": "us-east-1c", "instance-id": "i-0a", "public-hostname": "ec2.example.com" },
  };
  const metadata = { region: "us-east-1", "eureka.own": "kept" };
  await register(eureka, "CLOUD", "i-0a", { dataCenterInfo, metadata });
  const shown = await fetchInstance(eureka, "CLOUD", "i-0a");
  assert.deepEqual([shown?.dataCenterInfo, shown?.metadata], [dataCenterInfo, metadata]);
  assert.equal((await request(`${native}/cloud/instances/i-0a`)).json().zone, "us-east-1c");
});

test("a key named __proto__ is a key like any other, over a restart, too", async (t) => {
  const own = await startEureka(t);
  const texts = JSON.parse('{"__proto__":"x","constructor":"y"}');
  const dataCenterInfo = { "@class": "com.netflix.appinfo.AmazonInfo", name: "Amazon", metadata: texts };
  await register(own, "PROTO", "p1", { metadata: texts, dataCenterInfo });
  await register(own, "PROTO", "__proto__", { metadata: {} });
  const at = `${own.apps}/PROTO/__proto__`;
  await request(`${at}/metadata?__proto__=x&constructor=y`, { method: "PUT" });
  await request(`${at}/status?value=DOWN`, { method: "PUT" });
  await own.rollcall.restart();
  const first = await fetchInstance(own, "PROTO", "p1");
  assert.deepEqual([first?.metadata, first?.dataCenterInfo.metadata], [texts, texts]);
  assert.deepEqual((await fetchInstance(own, "PROTO", "__proto__"))?.metadata, texts);
  const overrides = await request(`${own.base}/serverinfo/statusoverrides`);
  assert.equal(overrides.text, '{"__proto__":"DOWN"}');
});

test("what is left out is filled in as the original does", async () => {
  const { instanceId, hostName, ipAddr, dataCenterInfo } = registrationOf("BARE", "bare-1");
  const answer = await post(eureka, "BARE", {
    instance: { instanceId, hostName, ipAddr, dataCenterInfo, app: "bare" },
  });
  assert.equal(answer.status, 204, answer.text);
  const shown = await fetchInstance(eureka, "BARE", "bare-1");
  assert.deepEqual([shown?.status, shown?.overriddenStatus, shown?.countryId], ["UP", "UNKNOWN", 1]);
  assert.deepEqual([shown?.leaseInfo.durationInSecs, shown?.leaseInfo.renewalIntervalInSecs], [90, 30]);
  assert.deepEqual(shown?.metadata, { "@class": "java.util.Collections$EmptyMap" });
  assert.ok(Number(shown?.lastDirtyTimestamp) > T);
});
