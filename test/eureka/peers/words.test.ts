/** What Rollcall says to a peer, word by word, and what it makes of the answers: the peer's every answer is chosen. */
import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { request } from "../../harness/requests.ts";
import { until } from "../../harness/scope.ts";
import { beat, cancel, type Eureka, leaseOf, register, registrationOf } from "../rig.ts";
import { findInstance, type ScriptedPeer, startNode, startScriptedPeer, untilShown } from "./rig.ts";

/** Most of their time passes in waiting. */
suite("a peer", { concurrency: true }, () => {
  test("it greets as a server of Eureka, takes over what the peer has, and passes on what clients say", greets);
  test("what came from a peer goes no further, nor what is another account's, nor the end of a lease", keepsToItself);
  test("a peer without the instance gets the whole; one with a newer copy gives it", heals);
  test("a busy peer is asked again after a second, and hears the latest word only", waits);
  test("a stop comes after the last word", lastWord);
  test("old servers may send each word by itself", single);
  test("what a peer misses while it is away it hears when it is back", catchesUp);
});

interface Pair {
  readonly peer: ScriptedPeer;
  readonly node: Eureka;
}

async function startPair(t: TestContext): Promise<Pair> {
  const peer = await startScriptedPeer(t);
  const node = await startNode(t, [`http://127.0.0.1:${peer.port}/eureka/`]);
  return { peer, node };
}

/** Registers one more instance and waits until the peer has heard of it: it has heard of all before, too. */
let marks = 0;
async function mark({ peer, node }: Pair): Promise<void> {
  const id = `mark-${marks++}`;
  await register(node, "mark", id);
  await peer.line((line) => line.id === id);
}

const REPLICATED = { headers: { "x-netflix-discovery-replication": "true" } };

async function greets(t: TestContext): Promise<void> {
  const peer = await startScriptedPeer(t);
  peer.instances = [registrationOf("job", "j:1", { lastDirtyTimestamp: "1700000000123", hostName: "job.test" })];
  const node = await startNode(t, [`http://us%40er:p%3Ass@127.0.0.1:${peer.port}/eureka/v2`]);
  assert.equal((await findInstance(node, "JOB", "j:1"))?.hostName, "job.test");
  await register(node, "api", "a:1");
  const said = await peer.line((line) => line.id === "a:1");
  assert.equal(said.action, "Register");
  assert.equal(said.appName, "API");
  assert.equal(said.instanceInfo?.metadata["management.port"], "8081");

  assert.deepEqual([...new Set(peer.paths)], ["GET /eureka/v2/apps/", "POST /eureka/v2/peerreplication/batch/"]);
  for (const headers of [peer.headers.fetch[0], peer.headers.batch[0]]) {
    assert.equal(headers?.authorization, `Basic ${Buffer.from("us@er:p:ss").toString("base64")}`);
    assert.equal(headers?.["discoveryidentity-name"], "DefaultServer");
    assert.match(String(headers?.accept), /json/);
  }
  assert.doesNotMatch(JSON.stringify(node.rollcall.logs), /p%3Ass|p:ss/);

  // The client of an instance that came from the peer has switched over: now its heartbeats are heard from here.
  assert.equal((await beat(node, "JOB", "j:1")).status, 200);
  const heard = await peer.line((line) => line.id === "j:1");
  assert.equal(heard.action, "Heartbeat");
  assert.equal(heard.lastDirtyTimestamp, 1_700_000_000_123);
  assert.equal(heard.status, "UP");
}

async function keepsToItself(t: TestContext): Promise<void> {
  const pair = await startPair(t);
  const { node, peer } = pair;
  await register(node, "api", "single", {}, REPLICATED);
  const batch = {
    replicationList: [
      { appName: "API", id: "batched", action: "Register", instanceInfo: registrationOf("api", "batched") },
      { appName: "API", id: "batched", action: "Heartbeat", lastDirtyTimestamp: 1_700_000_000_000, status: "UP" },
      { appName: "API", id: "batched", action: "StatusUpdate", status: "OUT_OF_SERVICE" },
      { appName: "API", id: "single", action: "Cancel" },
    ],
  };
  const answer = await request(`${node.base}/eureka/peerreplication/batch/`, { body: batch });
  assert.deepEqual(
    answer.json().responseList.map(({ statusCode }: { statusCode: number }) => statusCode < 300),
    [true, true, true, true],
  );
  const native = `${node.rollcall.url}/v2/other/services/api/instances/foreign`;
  assert.equal((await request(native, { method: "PUT", body: { address: "10.0.0.1" } })).status, 201);
  await register(node, "api", "short", leaseOf(1));
  await until(async () => (await findInstance(node, "API", "short")) === undefined, { what: "the lease to end" });
  await mark(pair);
  assert.deepEqual(["single", "batched", "foreign"].flatMap(peer.actions), []);
  assert.deepEqual(peer.actions("short"), ["Register"]);
}

async function heals(t: TestContext): Promise<void> {
  const { node, peer } = await startPair(t);
  await register(node, "api", "lost");
  await register(node, "api", "old", { lastDirtyTimestamp: "1700000000000" });
  await peer.line((line) => line.id === "old");
  const newer = registrationOf("api", "old", { lastDirtyTimestamp: "1700000099999", hostName: "newer.test" });
  peer.script = ({ action, id }) => {
    if (action !== "Heartbeat") return 200;
    return id === "lost" ? 404 : { statusCode: 409, responseEntity: newer };
  };
  await beat(node, "API", "lost");
  await beat(node, "API", "old");
  await until(() => peer.actions("lost").length === 3, { what: "the whole of what was lost" });
  assert.deepEqual(peer.actions("lost"), ["Register", "Heartbeat", "Register"]);
  await untilShown(node, "API", "old", (shown) => shown.hostName === "newer.test");
}

async function waits(t: TestContext): Promise<void> {
  const pair = await startPair(t);
  const { node, peer } = pair;
  await register(node, "api", "changes");
  await register(node, "api", "goes");
  await peer.line((line) => line.id === "goes");
  peer.status = 503;
  await beat(node, "API", "goes");
  for (let i = 0; i < 20; i++) await request(`${node.apps}/API/changes/metadata?round=${i}`, { method: "PUT" });
  assert.equal((await cancel(node, "API", "goes")).status, 200);
  await register(node, "api", "back", { lastDirtyTimestamp: "1700000005000" });
  await cancel(node, "API", "back");
  await register(node, "api", "back", { lastDirtyTimestamp: "1700000001000" });
  await until(() => peer.refusals.length > 0, { what: "the first try" });
  // Then it takes the batch, but is too busy for some of its lines.
  peer.script = ({ id }) => (id === "back" && peer.actions("back").length <= 2 ? 503 : 200);
  peer.status = 200;
  await mark(pair);
  assert.deepEqual(peer.actions("goes"), ["Register", "Cancel"], "a heartbeat of what is gone is worth nothing");
  assert.deepEqual(peer.actions("changes"), ["Register", "Register"]);
  const last = peer.lines.filter(({ id }) => id === "changes").at(-1);
  assert.equal(last?.instanceInfo?.metadata.round, "19");
  const pauseMs = (last?.atMs ?? 0) - (peer.refusals.at(-1) ?? 0);
  assert.ok(pauseMs > 700, `it is left in peace for a second, not for ${pauseMs} ms`);
  const both = ["Cancel", "Register"];
  await until(() => peer.actions("back").length >= 4, { what: "what it was too busy for" });
  assert.deepEqual(peer.actions("back"), [...both, ...both], "the peer would keep the copy that seems newer");
}

async function catchesUp(t: TestContext): Promise<void> {
  const { node, peer } = await startPair(t);
  const { port } = peer;
  await register(node, "api", "a");
  await peer.line((line) => line.id === "a");
  await peer.close();
  const native = `${node.rollcall.url}/v2/default/services/billing/instances/b`;
  assert.equal((await request(native, { method: "PUT", body: { address: "10.0.0.1" } })).status, 201);
  await request(`${node.apps}/API/a/status?value=DOWN`, { method: "PUT" });
  await until(() => /out of reach/.test(JSON.stringify(node.rollcall.logs)), { what: "its absence to be seen" });
  const back = await startScriptedPeer(t, port);
  await back.line((line) => line.action === "Register" && line.id === "b", 8000);
  const said = await back.line((line) => line.id === "a");
  assert.deepEqual([said.action, said.status], ["StatusUpdate", "DOWN"]);
}

async function lastWord(t: TestContext): Promise<void> {
  const { node, peer } = await startPair(t);
  await register(node, "api", "a");
  await peer.line((line) => line.id === "a");
  await cancel(node, "API", "a");
  assert.equal((await node.rollcall.stop()).code, 0);
  assert.deepEqual(peer.actions("a"), ["Register", "Cancel"]);
}

async function single(t: TestContext): Promise<void> {
  const pair = await startPair(t);
  const { node, peer } = pair;
  await register(node, "api", "s", { lastDirtyTimestamp: "1700000000500" }, REPLICATED);
  const put = (query: string) => request(`${node.apps}/API/s${query}`, { method: "PUT", ...REPLICATED });
  assert.equal((await put("?status=UP&lastDirtyTimestamp=1700000000500")).status, 200);
  const newer = await put("?status=UP&lastDirtyTimestamp=1700000000900&overriddenstatus=OUT_OF_SERVICE");
  assert.deepEqual([newer.status, newer.text], [404, ""], "it must send the whole");
  assert.equal(
    (await findInstance(node, "API", "s"))?.overriddenStatus,
    "OUT_OF_SERVICE",
    "the operator's word is kept",
  );
  const headers = { ...REPLICATED.headers, accept: "application/json" };
  const older = await request(`${node.apps}/API/s?lastDirtyTimestamp=1700000000100`, { method: "PUT", headers });
  assert.equal(older.status, 409);
  assert.equal(older.json().instance.lastDirtyTimestamp, "1700000000500");
  assert.equal((await put("/status?value=DOWN&lastDirtyTimestamp=1700000000500")).status, 200);
  assert.equal((await findInstance(node, "API", "s"))?.status, "DOWN");
  const undo = `${node.apps}/API/s/status?value=UP&lastDirtyTimestamp=1700000000500`;
  assert.equal((await request(undo, { method: "DELETE", ...REPLICATED })).status, 200);
  assert.equal((await findInstance(node, "API", "s"))?.status, "UP");
  assert.equal((await request(`${node.apps}/API/s`, { method: "DELETE", ...REPLICATED })).status, 200);
  assert.equal(await findInstance(node, "API", "s"), undefined);
  await mark(pair);
  assert.deepEqual(peer.actions("s"), []);
}
