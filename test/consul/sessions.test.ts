/** Sessions and locks: begun, renewed, lost; what that does to keys, and for how long nobody else gets them. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { until } from "../harness/scope.ts";
import { beginSession, indexOf, startConsul } from "./rig.ts";

const consul = await startConsul({ after }, { settings: { sessionTtlMin: "1s", node: "here" } });

async function keyAt(key: string): Promise<{ Session?: string; LockIndex: number; Value: string | null } | undefined> {
  const answer = await consul.get(`/kv/${key}`);
  return answer.status === 404 ? undefined : answer.json()[0];
}

test("a session is shown as it was asked for, and by its defaults", async () => {
  const plain = await beginSession(consul);
  const asked = await beginSession(consul, {
    name: "mine",
    Node: "here",
    TTL: "30s",
    lockdelay: 5,
    Behavior: "delete",
    Checks: [],
    Unknown: 1,
  });
  const [shown] = (await consul.get(`/session/info/${asked}`)).json();
  const { CreateIndex, ModifyIndex, ...rest } = shown;
  assert.deepEqual(rest, {
    ID: asked,
    Name: "mine",
    Node: "here",
    LockDelay: 5_000_000_000,
    Behavior: "delete",
    TTL: "30s",
    NodeChecks: [],
    ServiceChecks: null,
  });
  assert.ok(CreateIndex > 0 && ModifyIndex === CreateIndex);
  const [byDefault] = (await consul.get(`/session/info/${plain}`)).json();
  assert.deepEqual(
    [byDefault.LockDelay, byDefault.Behavior, byDefault.TTL, byDefault.NodeChecks],
    [15_000_000_000, "release", "", ["serfHealth"]],
  );
  const ids = (answer: { json(): { ID: string }[] }) => answer.json().map(({ ID }) => ID);
  for (const path of ["/session/list", "/session/node/HERE"]) {
    const found = ids(await consul.get(path));
    assert.ok(found.includes(plain) && found.includes(asked), path);
  }
  assert.deepEqual((await consul.get("/session/node/none")).json(), []);
  assert.deepEqual((await consul.get("/session/info/none")).json(), []);
  assert.equal((await consul.put(`/session/renew/${asked}`)).json()[0].ID, asked);
  assert.equal((await consul.put("/session/renew/none")).text, "Session id 'none' not found");
  const before = indexOf(await consul.get("/session/list"));
  assert.equal((await consul.put(`/session/destroy/${asked}`)).text, "true");
  assert.equal((await consul.put(`/session/destroy/${asked}`)).text, "true");
  assert.ok(indexOf(await consul.get("/session/list")) > before);
  assert.deepEqual((await consul.get(`/session/info/${asked}`)).json(), []);
});

test("what no session can be is refused", async () => {
  const cases: readonly (readonly [body: unknown, status: number, says: RegExp])[] = [
    [{ TTL: "500ms" }, 500, /Invalid Session TTL/],
    [{ TTL: "25h" }, 500, /Invalid Session TTL/],
    [{ TTL: "soon" }, 400, /Session TTL 'soon' invalid/],
    [{ Behavior: "vanish" }, 400, /Invalid Behavior setting 'vanish'/],
    [{ Node: "elsewhere" }, 500, /Missing node registration/],
    [{ NodeChecks: ["none"] }, 500, /Missing check 'none' registration/],
    [{ Name: 1 }, 400, /Name must be a text/],
    [[], 400, /must be an object/],
    ["{", 400, /Request decode failed/],
  ];
  for (const [body, status, says] of cases) {
    const answer = await consul.put("/session/create", body);
    assert.equal(answer.status, status, JSON.stringify(body));
    assert.match(answer.text, says);
  }
});

test("a lock has one holder; it is released by word, and again free at once", async () => {
  const [one, other] = [await beginSession(consul), await beginSession(consul)];
  const lock = (verb: string, session: string, value: string) =>
    consul.put(`/kv/lock/a?${verb}=${session}`, value).then(({ text }) => text);
  assert.equal(await lock("acquire", one, "1"), "true");
  assert.equal(await lock("acquire", other, "2"), "false");
  assert.deepEqual([(await keyAt("lock/a"))?.Session, (await keyAt("lock/a"))?.LockIndex], [one, 1]);
  assert.equal(await lock("acquire", one, "again"), "true");
  assert.equal((await keyAt("lock/a"))?.LockIndex, 1);
  // A lock is advice: who just puts is let through, and it stays.
  assert.equal((await consul.put("/kv/lock/a", "by nobody")).text, "true");
  assert.equal((await keyAt("lock/a"))?.Session, one);
  assert.equal(await lock("release", other, "2"), "false");
  assert.equal(await lock("release", one, "left"), "true");
  assert.deepEqual([(await keyAt("lock/a"))?.Session, (await keyAt("lock/a"))?.LockIndex], [undefined, 1]);
  assert.equal(await lock("acquire", other, "2"), "true");
  assert.equal((await keyAt("lock/a"))?.LockIndex, 2);
});

test("a lost session lets its keys go, and nobody gets them before the delay is over", async () => {
  for (const Behavior of ["release", "delete"]) {
    const key = `delayed/${Behavior}`;
    const lost = await beginSession(consul, { Behavior, LockDelay: "2s" });
    const next = await beginSession(consul);
    await consul.put(`/kv/${key}?acquire=${lost}`, "x");
    const startMs = performance.now();
    await consul.put(`/session/destroy/${lost}`);
    const left = await keyAt(key);
    if (Behavior === "delete") assert.equal(left, undefined);
    else assert.deepEqual([left?.Session, left?.LockIndex, left?.Value], [undefined, 1, "eA=="]);
    const first = await consul.put(`/kv/${key}?acquire=${next}`, "y");
    if (performance.now() - startMs < 1500) assert.equal(first.text, "false", Behavior);
    await until(async () => (await consul.put(`/kv/${key}?acquire=${next}`, "y")).text === "true");
    assert.ok(performance.now() - startMs >= 1900, Behavior);
  }
});

test("without delay the lock is free with its session, also in a transaction", async () => {
  const lost = await beginSession(consul, { LockDelay: 0 });
  const next = await beginSession(consul, { LockDelay: "0s" });
  await consul.put(`/kv/undelayed?acquire=${lost}`, "x");
  await consul.put(`/session/destroy/${lost}`);
  const body = [
    { KV: { Verb: "lock", Key: "undelayed", Value: "eQ==", Session: next } },
    { KV: { Verb: "check-session", Key: "undelayed", Session: next } },
    { KV: { Verb: "unlock", Key: "undelayed", Value: "eg==", Session: next } },
  ];
  const answer = await consul.put("/txn", body);
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([(await keyAt("undelayed"))?.Session, (await keyAt("undelayed"))?.Value], [undefined, "eg=="]);
});

test("a lock that is given back has no delay, whoever lost it before", async () => {
  const lost = await beginSession(consul, { Behavior: "delete", LockDelay: "0s" });
  const [next, third] = [await beginSession(consul), await beginSession(consul)];
  assert.equal((await consul.put(`/kv/passed?acquire=${lost}`, "a")).text, "true");
  await consul.put(`/session/destroy/${lost}`);
  assert.equal((await consul.put(`/kv/passed?acquire=${next}`, "b")).text, "true");
  assert.equal((await consul.put(`/kv/passed?release=${next}`, "b")).text, "true");
  assert.equal((await consul.put(`/kv/passed?acquire=${third}`, "c")).text, "true");
});

test("a leader that falls silent loses the lock, and who waits for it hears of it", async () => {
  const [dead, heir] = [await beginSession(consul, { TTL: "1s", LockDelay: "0s" }), await beginSession(consul)];
  await consul.put(`/kv/service/leader?acquire=${dead}`, "old");
  const held = await consul.get("/kv/service/leader");
  assert.equal(held.json()[0].Session, dead);
  const freed = await consul.get(`/kv/service/leader?index=${indexOf(held)}&wait=60s`);
  assert.equal(freed.json()[0].Session, undefined);
  assert.deepEqual((await consul.get(`/session/info/${dead}`)).json(), []);
  assert.equal((await consul.put(`/kv/service/leader?acquire=${heir}`, "new")).text, "true");
});
