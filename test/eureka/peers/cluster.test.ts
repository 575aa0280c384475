/** Rollcalls as peers of one another: what happens at one is seen at all, and one that goes takes nothing with it. */
import assert from "node:assert/strict";
import { after, before, suite, type TestContext, test } from "node:test";
import type { Rollcall } from "../../harness/program.ts";
import { request } from "../../harness/requests.ts";
import { until } from "../../harness/scope.ts";
import { beat, cancel, type Eureka, fetchAll, fetchInstance, register } from "../rig.ts";
import { startCluster, startNode, untilGone, untilShown } from "./rig.ts";

let a: Eureka;
let b: Eureka;
let c: Eureka;

/** Most of their time passes in waiting. */
suite("peers", { concurrency: true }, () => {
  suite("three Rollcalls", { concurrency: true }, () => {
    const ends: (() => void | Promise<void>)[] = [];
    before(async () => {
      [a, b, c] = (await startCluster({ after: (end) => void ends.push(end) }, 3)) as [Eureka, Eureka, Eureka];
    });
    after(async () => {
      for (const end of ends.reverse()) await end();
    });
    test("instances of other dialects live at the others as long as they do here", keepsNatives);
    test("what happens at one of them is seen at the others, whole", () => seesAll().finally(() => allSeen.resolve()));
    test("a client beats at one server only, and goes on at another when that one is gone", movesOver);
  });
  test("what is cancelled at one stays gone, whatever another was told just before", staysGone);
  test("a server that joins has everything when it opens", joins);
});

/** One server may go now. */
const allSeen = toDeferred();

function toDeferred(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const TIMES = ["leaseInfo", "lastUpdatedTimestamp", "actionType"];

function withoutTimes(shown: Record<string, unknown> | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(shown ?? {}).filter(([key]) => !TIMES.includes(key)));
}

function put({ apps }: Eureka, path: string) {
  return request(`${apps}/${path}`, { method: "PUT" });
}

async function seesAll(): Promise<void> {
  assert.match(JSON.stringify(a.rollcall.logs), /is this server itself/);
  await register(a, "api", "api:1", {
    metadata: { zone: "eu-1", "some.key": "ä & <b>", "eureka.odd": "x" },
    securePort: { $: 8443, "@enabled": "true" },
    asgName: "group",
    dataCenterInfo: {
      "@class": "com.netflix.appinfo.AmazonInfo",
      name: "Amazon",
      metadata: { "availability-zone": "us-east-1c", "instance-id": "i-1" },
    },
  });
  const copy = await untilShown(b, "API", "api:1");
  assert.deepEqual(withoutTimes(copy), withoutTimes(await fetchInstance(a, "API", "api:1")));
  assert.equal(copy.leaseInfo.durationInSecs, 90);

  assert.equal((await put(b, "API/api%3A1/status?value=OUT_OF_SERVICE")).status, 200);
  await untilShown(a, "API", "api:1", (shown) => shown.overriddenStatus === "OUT_OF_SERVICE");
  assert.equal((await fetchInstance(a, "API", "api:1"))?.status, "OUT_OF_SERVICE");
  const removed = await request(`${a.apps}/API/api:1/status?value=UP`, { method: "DELETE" });
  assert.equal(removed.status, 200);
  await untilShown(b, "API", "api:1", (shown) => shown.status === "UP" && shown.overriddenStatus === "UNKNOWN");

  assert.equal((await put(b, "API/api%3A1/metadata?color=green")).status, 200);
  await untilShown(a, "API", "api:1", (shown) => shown.metadata.color === "green");
  assert.equal((await cancel(b, "API", "api:1")).status, 200);
  await untilGone(a, "API", "api:1");
  await untilGone(c, "API", "api:1");
}

/** Clients that choose a server by chance, as fargo, say a word here and the end there, in one moment. */
async function staysGone(t: TestContext): Promise<void> {
  const [one, two, three] = (await startCluster(t, 3)) as [Eureka, Eureka, Eureka];
  const words = {
    beaten: () => beat(two, "GOING", "beaten"),
    overridden: () => put(two, "GOING/overridden/status?value=OUT_OF_SERVICE"),
  };
  for (const [id, say] of Object.entries(words)) {
    await register(one, "going", id);
    for (const server of [two, three]) await untilShown(server, "GOING", id);
    assert.equal((await say()).status, 200);
    assert.equal((await cancel(one, "GOING", id)).status, 200);
    for (const server of [two, three, one]) await untilGone(server, "GOING", id);
    // What a server says later arrives later: once this is there, nothing about the other one is under way.
    await register(two, "going", `${id}-after`);
    for (const server of [one, three]) {
      await untilShown(server, "GOING", `${id}-after`);
      assert.equal(await fetchInstance(server, "GOING", id), undefined);
    }
    // It may come back at once, at any of them.
    await register(three, "going", id);
    for (const server of [one, two]) await untilShown(server, "GOING", id);
  }
}

/** An instance by the native API. */
function putNative({ url }: Rollcall, id: string, more: object) {
  return request(`${url}/v2/default/services/billing/instances/${id}`, {
    method: "PUT",
    body: { address: "10.9.8.7", port: 9000, ...more },
  });
}

async function keepsNatives(t: TestContext): Promise<void> {
  assert.equal((await putNative(c.rollcall, "b1", { ttl: "3s" })).status, 201);
  assert.equal((await putNative(c.rollcall, "b2", {})).status, 201);
  const url = `${c.rollcall.url}/v2/default/services/billing/instances`;
  const keep = () => request(`${url}/b1/heartbeat`, { method: "POST" });
  assert.ok((await keep()).status < 300);
  const timer = setInterval(() => void keep().catch(() => undefined), 400);
  t.after(() => clearInterval(timer));

  const copy = await untilShown(b, "BILLING", "b1");
  const seen = [copy.ipAddr, copy.port.$, copy.vipAddress, copy.leaseInfo.durationInSecs];
  assert.deepEqual(seen, ["10.9.8.7", 9000, "billing", 3]);
  await untilShown(b, "BILLING", "b2");
  assert.equal((await putNative(c.rollcall, "b2", { status: "draining" })).status, 200);
  await untilShown(b, "BILLING", "b2", (shown) => shown.status === "OUT_OF_SERVICE");
  assert.deepEqual(await watchFor(3200, [b], "BILLING", "b1"), []);

  clearInterval(timer);
  assert.ok((await request(`${url}/b2`, { method: "DELETE" })).status < 300);
  // Here it is gone after its lease; there a little later, and not another lease later.
  await Promise.all([untilGone(c, "BILLING", "b1"), untilGone(b, "BILLING", "b1"), untilGone(b, "BILLING", "b2")]);
}

/** Names the servers that did not show the instance at some time. */
async function watchFor(ms: number, servers: readonly Eureka[], app: string, id: string): Promise<readonly string[]> {
  const untilMs = performance.now() + ms;
  const away = new Set<string>();
  while (performance.now() < untilMs) {
    for (const server of servers) if ((await fetchInstance(server, app, id)) === undefined) away.add(server.apps);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return [...away];
}

async function movesOver(t: TestContext): Promise<void> {
  await register(a, "pay", "p1", { leaseInfo: { durationInSecs: 3, renewalIntervalInSecs: 1 } });
  let home = a;
  const timer = setInterval(() => void beat(home, "PAY", "p1").catch(() => undefined), 400);
  t.after(() => clearInterval(timer));
  await Promise.all([untilShown(b, "PAY", "p1"), untilShown(c, "PAY", "p1")]);
  assert.deepEqual(await watchFor(3200, [b, c], "PAY", "p1"), []);

  home = c;
  await allSeen.promise;
  await a.rollcall.kill("SIGKILL");
  assert.deepEqual(await watchFor(3200, [b, c], "PAY", "p1"), []);
  clearInterval(timer);
  const gone = Promise.all([untilGone(b, "PAY", "p1"), untilGone(c, "PAY", "p1")]);
  await t.test("one that was away hears what it missed, and its absence is one sentence", comesBack);
  await gone;
}

/** `a` was killed. */
async function comesBack(): Promise<void> {
  await register(b, "two", "y");
  const peer = `${a.base}/eureka/`;
  // At the start they may have been out of one another's reach already.
  const all = b.rollcall.logs.filter((line) => line.peer === peer).map((line) => String(line.msg));
  const begin = all.findLastIndex((msg) => /is reached/.test(msg)) + 1;
  const said = (what: RegExp) => {
    const now = b.rollcall.logs.filter((line) => line.peer === peer).map((line) => String(line.msg));
    return now.slice(begin).filter((msg) => what.test(msg)).length;
  };
  await until(() => said(/out of reach/) === 1, { what: "b to see that a is away" });
  await a.rollcall.restart();
  await untilShown(a, "TWO", "y");
  await until(() => said(/is reached again/) === 1, { what: "b to see that a is back" });
  assert.equal(said(/out of reach/), 1, "one sentence for each change, not for each failure");
}

async function joins(t: TestContext): Promise<void> {
  const old = await startNode(t, []);
  const ids = Array.from({ length: 300 }, (_, index) => `web-${index}`);
  for (let from = 0; from < ids.length; from += 50)
    await Promise.all(ids.slice(from, from + 50).map((id) => register(old, "web", id)));
  assert.equal((await put(old, "WEB/web-7/status?value=OUT_OF_SERVICE")).status, 200);
  await register(old, "own", "o1", { status: "STARTING", lastDirtyTimestamp: "1700000005000" });

  const first = await startNode(t, []);
  await register(first, "own", "o1", { lastDirtyTimestamp: "1700000009000" });
  await register(first, "web", "web-3", { lastDirtyTimestamp: "1600000000000", hostName: "old" });
  const { data } = first.rollcall;
  await first.rollcall.stop();

  const joined = await startNode(t, [`${old.base}/eureka`], { data });
  const [there, here] = await Promise.all([fetchAll(old), fetchAll(joined)]);
  assert.deepEqual(here.ids, there.ids);
  assert.equal(here.instances.get("WEB/web-7")?.overriddenStatus, "OUT_OF_SERVICE");
  assert.equal(here.instances.get("WEB/web-7")?.status, "OUT_OF_SERVICE");
  assert.equal(here.instances.get("OWN/o1")?.status, "UP", "the newer copy is the one here");
  assert.equal(here.instances.get("WEB/web-3")?.hostName, "10.1.2.3", "the newer copy is the peer's");
  const took = joined.rollcall.logs.find(({ msg }) => /^took over/.test(String(msg)));
  assert.equal(took?.taken, 301);
}
