/** Callbacks of SkyDNS 1 over kills and stops of the registry. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "../harness/ports.ts";
import { until } from "../harness/scope.ts";
import { openReceiver, startSky, watch } from "./rig.ts";

test("a callback outlives a kill, and tells what ended while nothing ran", async (t) => {
  const port = await freePort();
  const own = await startSky(t, { settings: { callbacksMax: 5 } });
  await own.add("killed", { TTL: 1 });
  await own.add("stays", { TTL: 1000 });
  await own.add("waits", { TTL: 1000, Region: "<&>" });
  assert.equal((await watch(own, "cb-1", port)).status, 201);
  assert.equal((await watch(own, "cb-2", port, { Region: "*" })).status, 201);
  // Nobody listens there yet: the callbacks of this one are on their way when the process is killed.
  await own.call("DELETE", "/services/waits");
  await own.rollcall.kill();
  const receiver = await openReceiver(t, port);
  await own.rollcall.restart();
  // Both tell of `killed`, whose TTL runs out again from the start; one tells of `waits`.
  await until(() => receiver.received.length === 3, { timeoutMs: 8000 });
  const told = receiver.received.map(({ url, body }) => `${url.slice(-4)} ${JSON.parse(body).UUID}`).sort();
  assert.deepEqual(told, ["cb-1 killed", "cb-2 killed", "cb-2 waits"]);
  const waits = receiver.received.find(({ body }) => body.includes("waits"));
  assert.ok(waits?.body.includes('"Region":"\\u003c\\u0026\\u003e"'));
  // What was told was forgotten: another start tells nothing of it.
  for (const uuid of ["p1", "p2", "p3"]) await own.add(uuid, { Region: "probe" });
  await until(async () => (await watch(own, "probe", port, { Region: "probe" })).status === 201);
  await own.rollcall.restart();
  await own.call("DELETE", "/services/stays");
  await until(() => receiver.received.length === 5);
  assert.ok(receiver.received.slice(3).every(({ body }) => body.includes('"UUID":"stays"')));
});

test("a stop does not wait for a slow place, which is told again after the start", async (t) => {
  const receiver = await openReceiver(t);
  const own = await startSky(t);
  receiver.hold(new Promise(() => {}));
  await own.add("slow");
  assert.equal((await watch(own, "cb", receiver.port)).status, 201);
  await own.call("DELETE", "/services/slow");
  await until(() => receiver.received.length === 1);
  const startMs = performance.now();
  assert.deepEqual(await own.rollcall.stop(), { code: 0, signal: null });
  assert.ok(performance.now() - startMs < 4000, "the stop took too long");
  receiver.hold(Promise.resolve());
  await own.rollcall.restart();
  await until(() => receiver.received.length === 2);
  assert.equal(receiver.received[0]?.url, receiver.received[1]?.url);
});
