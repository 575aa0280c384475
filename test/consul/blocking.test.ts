/** Blocking queries: what wakes them, what does not, and that indexes only grow. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { until } from "../harness/scope.ts";
import { type Consul, indexOf, startConsul } from "./rig.ts";

const consul = await startConsul({ after });

interface Waiting {
  readonly answer: ReturnType<Consul["get"]>;
  done: boolean;
}

/** Asks, and resolves once the query waits. */
async function wait(path: string, index: number, time = "60s"): Promise<Waiting> {
  const open = await watchers();
  const waiting: Waiting = {
    done: false,
    answer: consul.get(`${path}${path.includes("?") ? "&" : "?"}index=${index}&wait=${time}`).then((answer) => {
      waiting.done = true;
      return answer;
    }),
  };
  await until(async () => waiting.done || (await watchers()) > open);
  return waiting;
}

async function watchers(): Promise<number> {
  const { text } = await fetchMetrics();
  return Number(/^rollcall_watchers\{dialect="consul"\} (\d+)/m.exec(text)?.[1] ?? 0);
}

async function fetchMetrics(): Promise<{ text: string }> {
  const answer = await fetch(`${consul.rollcall.url}/metrics`);
  return { text: await answer.text() };
}

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
