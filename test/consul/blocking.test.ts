/** Blocking queries: what wakes them, what does not, and that indexes only grow. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { indexOf, startConsul, waitAt } from "./rig.ts";

const consul = await startConsul({ after });

const wait = (path: string, index: number | string) => waitAt(consul, path, `index=${index}`);

test("a change wakes those that wait for it, and nobody else", async () => {
  await consul.put("/kv/wake/a", "1");
  await consul.put("/kv/wake/b", "1");
  const index = indexOf(await consul.get("/kv/wake/a"));
  const onKey = await wait("/kv/wake/a", index);
  const onPrefix = await wait("/kv/wake/?recurse", indexOf(await consul.get("/kv/wake/?recurse")));
  const onLoose = await wait("/kv/wak?keys", indexOf(await consul.get("/kv/wak?keys")));
  const onOther = await wait("/kv/wake/b", indexOf(await consul.get("/kv/wake/b")));
  const onAbsent = await wait("/kv/wake/c", indexOf(await consul.get("/kv/wake/c")));
  await consul.put("/kv/wake/a", "2");
  assert.equal((await onKey.answer).json()[0].Value, "Mg==");
  assert.ok(indexOf(await onKey.answer) > index);
  assert.equal((await onPrefix.answer).json().length, 2);
  assert.deepEqual((await onLoose.answer).json(), ["wake/a", "wake/b"]);
  assert.deepEqual([onOther.done, onAbsent.done], [false, false]);
  await consul.call("DELETE", "/kv/wake/b");
  assert.equal((await onOther.answer).status, 404);
  assert.equal(onAbsent.done, false);
  await consul.put("/kv/wake/c", "");
  assert.equal((await onAbsent.answer).status, 200);
  assert.ok(indexOf(await onAbsent.answer) > indexOf(await onOther.answer));
});

test("only changes of checks wake those that wait for a state", async () => {
  const body = (more: object) => ({ Name: "state", ID: "state", Check: { TTL: "60s", Status: "passing" }, ...more });
  await consul.put("/agent/service/register", body({}));
  const index = indexOf(await consul.get("/health/state/any"));
  const onAny = await wait("/health/state/any", index);
  const onPassing = await wait("/health/state/passing", index);
  const onCritical = await wait("/health/state/critical", index);
  await consul.put("/agent/service/register", body({ Meta: { other: "yes" }, Port: 81 }));
  await consul.put("/agent/service/register", { Name: "without-checks" });
  await consul.put("/catalog/register", { Node: "unchecked", Address: "10.0.0.1" });
  await consul.put("/agent/check/warn/service:state");
  const states = [await onAny.answer, await onPassing.answer].map(
    (answer) => answer.json().find(({ CheckID }: { CheckID: string }) => CheckID === "service:state")?.Status,
  );
  assert.deepEqual(states, ["warning", undefined]);
  assert.equal(onCritical.done, false);
  await consul.put("/catalog/register", {
    Node: "unchecked",
    Address: "10.0.0.1",
    Check: { Name: "of the node", Status: "critical" },
  });
  assert.equal((await onCritical.answer).json().length, 1);
});

test("a service of the agent is waited for by the hash of what is known of it", async () => {
  const body = { Name: "hashed", ID: "hashed", Port: 80 };
  await consul.put("/agent/service/register", body);
  const { ContentHash } = (await consul.get("/agent/service/hashed")).json();
  assert.equal((await consul.get("/agent/service/hashed?hash=other&wait=60s")).json().ContentHash, ContentHash);
  assert.equal((await consul.get(`/agent/service/hashed?hash=${ContentHash}&wait=50ms`)).json().Port, 80);
  const waiting = await waitAt(consul, "/agent/service/hashed", `hash=${ContentHash}`);
  await consul.put("/agent/service/register", { ...body, ID: "another" });
  assert.equal(waiting.done, false);
  await consul.put("/agent/service/register", { ...body, Port: 81 });
  const answer = await waiting.answer;
  assert.equal(answer.json().Port, 81);
  assert.notEqual(answer.headers["x-consul-contenthash"], ContentHash);
  const gone = await waitAt(consul, "/agent/service/hashed", `hash=${answer.json().ContentHash}`);
  await consul.put("/agent/service/deregister/hashed");
  assert.deepEqual([(await gone.answer).status, (await gone.answer).text], [404, "unknown service ID: hashed"]);
});

test("what changed between two queries is answered at once, and what others did is not", async () => {
  await consul.put("/kv/between/a", "1");
  const index = indexOf(await consul.get("/kv/between/a"));
  const absent = indexOf(await consul.get("/kv/between/none"));
  await consul.put("/kv/between/a", "2");
  assert.equal((await consul.get(`/kv/between/a?index=${index}`)).json()[0].Value, "Mg==");
  // Its neighbour has changed since; it has not.
  const waiting = await wait("/kv/between/none", absent);
  assert.equal(waiting.done, false);
  await consul.put("/kv/between/none", "x");
  assert.equal((await waiting.answer).status, 200);
});

test("the index of a prefix grows as its keys go, and over a restart", async () => {
  await consul.put("/kv/going/a", "1");
  const index = indexOf(await consul.get("/kv/going/?recurse"));
  const waiting = await wait("/kv/going/?recurse", index);
  await consul.call("DELETE", "/kv/going/a");
  const gone = await waiting.answer;
  assert.equal(gone.status, 404);
  assert.ok(indexOf(gone) > index);
  await consul.rollcall.restart();
  assert.equal(indexOf(await consul.get("/kv/going/?recurse")), indexOf(gone));
});

test("when the time is up the answer is the same with the same index", async () => {
  await consul.put("/kv/quiet/a", "1");
  const index = indexOf(await consul.get("/kv/quiet/a"));
  const same = await consul.get(`/kv/quiet/a?index=${index}&wait=60ms`);
  assert.equal(indexOf(same), index);
  assert.equal(same.json()[0].Value, "MQ==");
  const absent = indexOf(await consul.get("/kv/quiet/none"));
  await consul.put("/kv/quiet/b", "1");
  assert.equal(indexOf(await consul.get(`/kv/quiet/none?index=${absent}&wait=60ms`)), absent);
  // From the future: it waits, then tells the true one.
  assert.equal(indexOf(await consul.get(`/kv/quiet/a?index=${index + 1e6}&wait=60ms`)), index);
});

test("a stop answers those that wait", async () => {
  const waiting = await wait("/kv/stopped", indexOf(await consul.get("/kv/stopped")));
  const exit = consul.rollcall.stop();
  assert.equal((await waiting.answer).status, 404);
  await exit;
});
