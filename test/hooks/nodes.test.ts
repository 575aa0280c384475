/** Hooks and lingering sessions on two nodes over one etcd. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import type { Rollcall } from "../harness/program.ts";
import { openStream } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { etcd, startNodes } from "../nodes/rig.ts";
import { startReceiver } from "./receiver.ts";

const { skip } = etcd;
const scope = { after };
const [a, b] = (await startNodes(scope, 2)).nodes as [Rollcall, Rollcall];
const at = (node: Rollcall) => createClient({ url: node.url });

test("a session at another node than the lease's keeper lingers like one at the keeper", { skip }, async () => {
  for (const [keeper, other] of [
    [a, b],
    [b, a],
  ] as const) {
    for (const [nth, holder] of [keeper, other].entries()) {
      const id = `i-${keeper.pid}-${nth}`;
      await at(keeper).registerOnce({ service: "api", id, address: "h", ttl: "10m" });
      await until(async () => (await at(holder).instance("api", id)) !== null);
      const path = `/v2/default/leases/${encodeURIComponent(`api/${id}`)}/session?linger=200ms`;
      const open = async (node: Rollcall) => {
        const session = await openStream(scope, node.url + path);
        await session.find(({ event }) => event === "ready");
        return session;
      };
      const first = await open(holder);
      const second = await open(holder === a ? b : a);
      first.close();
      await new Promise((resolve) => setTimeout(resolve, 600));
      assert.ok(await at(a).instance("api", id), "another node holds it");
      const closedMs = performance.now();
      second.close();
      for (const node of [a, b]) await until(async () => (await at(node).instance("api", id)) === null);
      assert.ok(performance.now() - closedMs < 5000);
    }
  }
});

test("many sessions that end together are held, whichever nodes keep their leases", { skip }, async () => {
  const ids = Array.from({ length: 16 }, (_, nth) => `m${nth}`);
  const sessions = [];
  for (const [nth, id] of ids.entries()) {
    const node = nth % 2 === 0 ? a : b;
    await at(node).registerOnce({ service: "many", id, address: "h", ttl: "10m" });
    const path = `/v2/default/leases/${encodeURIComponent(`many/${id}`)}/session?linger=200ms`;
    const session = await openStream(scope, node.url + path);
    await session.find(({ event }) => event === "ready");
    sessions.push(session);
  }
  for (const session of sessions) session.close();
  await until(async () => (await at(a).service("many")).instances.filter(({ held }) => held !== null).length >= 9);
  assert.ok((await at(a).service("many")).instances.length >= 9);
});

test("the node on duty tells, and the next one goes on where it was", { skip }, async () => {
  const receiver = await startReceiver(scope);
  const atB = at(b);
  await atB.hooks.put("h", { url: receiver.url, types: ["key.*"] });
  for (let nth = 0; nth < 20; nth++) await atB.config.put(`k${nth}`, "v");
  await until(() => receiver.taken().length >= 20);
  assert.equal(receiver.taken().length, 20, "one of them tells");
  receiver.behave(503);
  for (let nth = 20; nth < 40; nth++) await atB.config.put(`k${nth}`, "v");
  await a.kill("SIGKILL");
  receiver.behave(204);
  for (let nth = 40; nth < 50; nth++) await until(() => atB.config.put(`k${nth}`, "v").catch(() => false));
  const ids = async () =>
    (await atB.eventsPage({ after: "0-0", types: ["key.*"], limit: 1000 })).events.map(({ id }) => id);
  await until(() => new Set(receiver.taken()).size >= 50);
  assert.deepEqual([...new Set(receiver.taken())], await ids());
});
