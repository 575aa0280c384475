/** Callbacks of SkyDNS 1: told once when a watched service ends, over restarts, and to nobody who must not be called. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { openReceiver, SERVICE, type SkyRig, startSky, watch } from "./rig.ts";

const sky = await startSky({ after });

/** All commits of the account: what was written, and that nothing else was. */
async function revision(rig: SkyRig): Promise<number> {
  return (await request(`${rig.rollcall.url}/v2/default/services`)).json().revision;
}

test("the end of each watched service is told once, with the service", async (t) => {
  const receiver = await openReceiver(t);
  const Region = "told";
  for (const uuid of ["a", "b"]) await sky.add(uuid, { Region, TTL: 100 });
  const answer = await watch(sky, "cb%201", receiver.port, { Region });
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.text, "");
  // One that came later is not watched, nor is one that differs.
  await sky.add("later", { Region });
  await sky.add("other", { Region, Name: "Other" });
  for (const uuid of ["later", "other", "a"]) assert.equal((await sky.call("DELETE", `/services/${uuid}`)).status, 200);
  await until(() => receiver.received.length === 1);
  const [first] = receiver.received;
  assert.equal(first?.method, "DELETE");
  assert.equal(first?.url, "/skydns/callbacks/cb%201");
  assert.equal(first?.headers.host, `127.0.0.1:${receiver.port}`);
  const { Expires } = JSON.parse(first?.body ?? "");
  assert.equal(
    first?.body,
    `{"UUID":"a","Name":"TestService","Version":"1.0.0","Environment":"Production","Region":"told",` +
      `"Host":"web1.site.com","Port":9000,"TTL":0,"Expires":"${Expires}","NoExpire":false}`,
  );
  assert.ok(Math.abs(Date.parse(Expires) - Date.now()) < 5000, Expires);
  assert.equal((await sky.call("DELETE", "/services/b")).status, 200);
  await until(() => receiver.received.length === 2);
  assert.equal(JSON.parse(receiver.received[1]?.body ?? "").UUID, "b");
  // Nothing is watched any more: neither of them is told again.
  await sky.add("a", { Region });
  await watch(sky, "probe", receiver.port, { Region });
  assert.equal((await sky.call("DELETE", "/services/a")).status, 200);
  await until(() => receiver.received.length === 3);
  assert.equal(receiver.received[2]?.url, "/skydns/callbacks/probe");
});

test("the end of a TTL is told as well, and so is a removal through another protocol", async (t) => {
  const receiver = await openReceiver(t);
  await sky.add("lapses", { Region: "lapse", TTL: 1 });
  await sky.add("taken", { Region: "lapse", TTL: 100 });
  assert.equal((await watch(sky, "cb", receiver.port, { Region: "lapse" })).status, 201);
  const gone = await request(`${sky.rollcall.url}/v2/default/services/TestService/instances/taken`, {
    method: "DELETE",
  });
  assert.ok(gone.status < 300, gone.text);
  await until(() => receiver.received.length === 2, { timeoutMs: 5000 });
  assert.deepEqual(
    receiver.received.map(({ body }) => JSON.parse(body).UUID),
    ["taken", "lapses"],
  );
});

test("what is watched is found by all four fields, in any case, with * for any", async (t) => {
  const receiver = await openReceiver(t);
  await sky.add("w1", { Region: "Fields", Version: "1.2.3" });
  const NOT_EXISTS = "Service does not exist in registry\n";
  for (const wrong of [{ Region: "" }, { Version: "1.2" }, { Environment: "dev" }, { Name: "Test" }]) {
    const answer = await watch(sky, "w", receiver.port, { Region: "Fields", Version: "1.2.3", ...wrong });
    assert.equal(answer.text, NOT_EXISTS);
    assert.equal(answer.status, 404);
  }
  const right = { Name: "TESTSERVICE", Region: "*", Version: "1-2-3", Environment: "production" };
  assert.equal((await watch(sky, "w", receiver.port, right)).status, 201);
  await sky.call("DELETE", "/services/w1");
  await until(() => receiver.received.length === 1);
});

test("asked for again, a callback goes to where it was asked for last", async (t) => {
  const [old, young] = [await openReceiver(t), await openReceiver(t)];
  await sky.add("again", { Region: "again" });
  for (const { port } of [old, young]) assert.equal((await watch(sky, "cb", port, { Region: "again" })).status, 201);
  await sky.call("DELETE", "/services/again");
  await until(() => young.received.length === 1);
  assert.equal(old.received.length, 0);
});

test("wrong ones are refused in words", async () => {
  await sky.add("refusals", { Region: "refusals" });
  const put = (more: object) => watch(sky, "bad", 5441, { Region: "refusals", ...more });
  const words: readonly [object, number, RegExp][] = [
    [{ Reply: "" }, 400, /^Reply and Port required\n$/],
    [{ Port: 0 }, 400, /^Reply and Port required\n$/],
    [{ Port: -1 }, 500, /^json: cannot unmarshal number -1 into Go struct field Callback.Port of type uint16\n$/],
    [{ Reply: "10.0.0.1" }, 403, /callbackHosts/],
    [{ Reply: "169.254.169.254" }, 403, /callbackHosts/],
    [{ Reply: "2130706433" }, 403, /callbackHosts/],
    [{ Reply: "127.1" }, 403, /callbackHosts/],
    [{ Reply: "::" }, 403, /callbackHosts/],
    [{ Reply: "127.0.0.1:80/x?" }, 403, /callbackHosts/],
    [{ Reply: "user@127.0.0.1" }, 403, /callbackHosts/],
    [{ Reply: "no-such-host.invalid" }, 403, /callbackHosts/],
  ];
  for (const [more, status, text] of words) {
    const answer = await put(more);
    assert.equal(answer.status, status, `${JSON.stringify(more)}: ${answer.text}`);
    assert.match(answer.text, text);
  }
  const long = await watch(sky, "u".repeat(300), 5441, { Region: "refusals" });
  assert.equal(long.status, 400, long.text);
  // The asker's own address, however it is written.
  for (const Reply of ["localhost", "LOCALHOST.", "::ffff:127.0.0.1", "[::ffff:7f00:1]"]) {
    assert.equal((await put({ Reply })).status, 201, Reply);
  }
});

test("callbackHosts and callbacksMax are obeyed", async (t) => {
  const receiver = await openReceiver(t);
  const settings = { callbackHosts: ["10.1.0.0/16", "LOCALHOST", "*.example.nl"], callbacksMax: 2 };
  const own = await startSky(t, { settings });
  for (const uuid of ["1", "2"]) await own.add(uuid);
  const status = async (uuid: string, Reply: string) => (await watch(own, uuid, receiver.port, { Reply })).status;
  assert.equal(await status("c1", "10.2.0.1"), 403);
  assert.equal(await status("c1", "localhost"), 201);
  assert.equal(await status("c2", "10.1.2.3"), 429);
  await own.call("DELETE", "/services/1");
  await until(() => receiver.received.length === 1);
  await until(async () => (await status("c2", "10.1.2.3")) === 201);
  assert.equal(await status("c3", "10.1.2.3"), 429);
});

test("a slow place holds up only itself", async (t) => {
  const [slow, quick] = [await openReceiver(t), await openReceiver(t)];
  let release = () => {};
  slow.hold(
    new Promise<void>((resolve) => {
      release = resolve;
    }),
  );
  for (let index = 0; index < 40; index++) await sky.add(`many-${index}`, { Region: "many" });
  assert.equal((await watch(sky, "slow", slow.port, { Region: "many" })).status, 201);
  assert.equal((await watch(sky, "quick", quick.port, { Region: "many" })).status, 201);
  const before = await revision(sky);
  for (let index = 0; index < 40; index++) await sky.call("DELETE", `/services/many-${index}`);
  await until(() => quick.received.length === 40);
  assert.ok(slow.received.length <= 4, `${slow.received.length} were sent to the slow one`);
  release();
  await until(() => slow.received.length === 40);
  assert.ok(slow.atOnceMax <= 4);
  assert.ok((await revision(sky)) > before);
});

test("a redirect is not followed, and an error is an answer", async (t) => {
  for (const status of [302, 500]) {
    const receiver = await openReceiver(t, 0, status);
    await sky.add("redirect", { Region: "redirect" });
    assert.equal((await watch(sky, "cb", receiver.port, { Region: "redirect" })).status, 201);
    await sky.call("DELETE", "/services/redirect");
    await until(() => receiver.received.length === 1);
    await sky.add("redirect", { Region: "redirect" });
    await watch(sky, "next", receiver.port, { Region: "redirect" });
    await sky.call("DELETE", "/services/redirect");
    await until(() => receiver.received.length === 2);
    assert.deepEqual(
      receiver.received.map(({ url }) => url),
      ["/skydns/callbacks/cb", "/skydns/callbacks/next"],
    );
  }
});

test("who cannot be reached at first is tried again", async (t) => {
  const port = await freePort();
  await sky.add("retry", { Region: "retry" });
  assert.equal((await watch(sky, "retry", port, { Region: "retry" })).status, 201);
  await sky.call("DELETE", "/services/retry");
  const receiver = await openReceiver(t, port);
  await until(() => receiver.received.length === 1, { timeoutMs: 8000 });
  assert.equal(SERVICE.Name, JSON.parse(receiver.received[0]?.body ?? "").Name);
});
