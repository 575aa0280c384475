/** Nodes that tell one another: two Rollcalls and a node that plays the original from its wire format alone. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { clusterOf, type HeraNode, type Node, Original, startNode } from "./rig.ts";

const list = async (node: Node, service = "s") => (await node.call("GET", `/${service}`)).json();
const put = async (node: Node, id: string, entry: unknown, service = "s") =>
  assert.equal((await node.call("PUT", `/${service}/${id}`, JSON.stringify(entry))).status, 204);

/** Waits until all show these entries of a service. */
async function agree(nodes: readonly Node[], entries: Readonly<Record<string, unknown>>, service = "s"): Promise<void> {
  for (const node of nodes)
    await until(async () => {
      assert.deepEqual(await list(node, service), entries);
      return true;
    });
}

test("what is put, beaten, moved and deleted at one node is so at all, an original one among them", async (t) => {
  const cluster = await clusterOf("a", "b", "old");
  const [a, b] = [await startNode(t, "a", cluster), await startNode(t, "b", cluster)];
  const old = await new Original("old", cluster).start(t);
  const all = [a, b, old];
  await put(a, "x", { host: "ha", n: 1.5 });
  await put(old, "y", { host: "ho", updated_at: "t1" });
  await agree(all, { x: { host: "ha", n: 1.5 }, y: { host: "ho", updated_at: "t1" } });
  // Heartbeats move the time at all nodes, and write nothing.
  const revisions = [await a.revision(), await b.revision()];
  await put(old, "y", { host: "ho", updated_at: "t2" });
  await agree(all, { x: { host: "ha", n: 1.5 }, y: { host: "ho", updated_at: "t2" } });
  assert.deepEqual([await a.revision(), await b.revision()], revisions);
  // A client goes to another node.
  await put(b, "x", { host: "hb" });
  await agree(all, { x: { host: "hb" }, y: { host: "ho", updated_at: "t2" } });
  await put(old, "x", { host: "hc" });
  await put(a, "y", { host: "hd" });
  await agree(all, { x: { host: "hc" }, y: { host: "hd" } });
  // Instances of other dialects are told, too, by what they are.
  const native = `${a.rollcall.url}/v2/default/services/web/instances/w`;
  await request(native, { method: "PUT", body: { address: "10.0.0.1", port: 80 } });
  for (const node of [b, old])
    await until(async () => {
      const { w } = await list(node, "web");
      assert.deepEqual([w.host, w.port], ["10.0.0.1", 80]);
      return true;
    });
  assert.equal((await request(native)).json().via, "http");
  // The original knows no ends: it forgets in its own time. All others do at once.
  assert.equal((await b.call("DELETE", "/s/y")).status, 204);
  await agree([a, b], { x: { host: "hc" } });
  await request(native, { method: "DELETE" });
  await agree([a, b], {}, "web");
  await put(b, "y", { host: "again" });
  await agree(all, { x: { host: "hc" }, y: { host: "again" } });
});

test("third nodes pass on between two that cannot reach each other, whatever their clocks say", async (t) => {
  const cluster = await clusterOf("a", "b", "old");
  const [dead] = Object.values(await clusterOf("dead"));
  const a = await startNode(t, "a", { ...cluster, b: dead as never });
  const b = await startNode(t, "b", { ...cluster, a: dead as never });
  const old = await new Original("old", cluster, 3_600_000).start(t);
  await put(a, "x", 1);
  await put(b, "y", 2);
  await put(old, "z", 3);
  await agree([a, b, old], { x: 1, y: 2, z: 3 });
  // The original's clock is an hour ahead: whoever writes after it writes later all the same.
  await put(a, "z", 4);
  await agree([a, b, old], { x: 1, y: 2, z: 4 });
});

test("an entry ends once where nobody beats it, and nodes keep none alive for one another", async (t) => {
  const cluster = await clusterOf("a", "b");
  const nodes: HeraNode[] = [];
  for (const name of ["a", "b"]) nodes.push(await startNode(t, name, cluster, { hera: { liveness: 1 } }));
  const [a, b] = nodes as [HeraNode, HeraNode];
  await put(a, "silent", 1);
  await put(a, "beaten", 1);
  await agree([a, b], { silent: 1, beaten: 1 });
  let beats = 0;
  for (const node of [a, b])
    await until(async () => {
      await put(a, "beaten", 1);
      beats++;
      const { silent, beaten } = await list(node);
      assert.equal(beaten, 1);
      return silent === undefined;
    });
  await put(a, "beaten", 1);
  await agree([a, b], { beaten: 1 });
  assert.ok(beats > 5, String(beats));
  await agree([a, b], {});
});

test("a node that lost everything gets its own entries back, and is heard again", async (t) => {
  const cluster = await clusterOf("a", "b");
  const b = await startNode(t, "b", cluster);
  const first = await startNode(t, "a", cluster);
  await put(first, "x", { v: 1 });
  await put(b, "y", { v: 2 });
  await agree([first, b], { x: { v: 1 }, y: { v: 2 } });
  // As if its clock had been ahead in that life: its stamps go on above those that others know.
  const ahead = (await b.call("GET", "/_deltas?a=0")).json().a[0][3] + 5000;
  await first.close();
  await until(() => Date.now() > ahead - 5000);
  const again = await startNode(t, "a", cluster);
  await agree([again, b], { x: { v: 1 }, y: { v: 2 } });
  await put(again, "x", { v: 3 });
  await agree([again, b], { x: { v: 3 }, y: { v: 2 } });
});

test("what was deleted before a restart does not come back from others that never heard of it", async (t) => {
  const cluster = await clusterOf("a", "old");
  const data = temporaryDirectory(t, "hera");
  const first = await startNode(t, "a", cluster, { data });
  const old = await new Original("old", cluster).start(t);
  await put(first, "x", 1);
  await put(old, "y", 2);
  await agree([first, old], { x: 1, y: 2 });
  for (const id of ["x", "y"]) assert.equal((await first.call("DELETE", `/s/${id}`)).status, 204);
  await first.close();
  const again = await startNode(t, "a", cluster, { data });
  await put(old, "z", 3);
  await agree([again], { z: 3 });
  assert.deepEqual(await list(old), { x: 1, y: 2, z: 3 });
  // Its next heartbeat is later than the end.
  await put(old, "y", 2);
  await agree([again], { y: 2, z: 3 });
});

test("stamps that others know from before are passed by", async (t) => {
  const cluster = await clusterOf("a", "old");
  const old = await new Original("old", cluster).start(t);
  const ahead = Date.now() + 3_600_000;
  old.rows.get("a")?.unshift(["s", "x", 1, ahead]);
  const a = await startNode(t, "a", cluster);
  await put(a, "y", 2);
  await agree([a, old], { x: 1, y: 2 });
  await put(a, "x", 3);
  await agree([a, old], { x: 3, y: 2 });
});

test("nodes that hang, lie or are not there hold up nobody", async (t) => {
  const cluster = await clusterOf("a", "b", "hangs", "lies", "absent");
  const serve = (port: number | undefined, answer: string | undefined) =>
    new Promise<void>((resolve) => {
      const server = createServer((_, response) => {
        if (answer !== undefined) response.end(answer);
      });
      server.listen(port, "127.0.0.1", resolve);
      t.after(() => {
        server.closeAllConnections();
        server.close();
      });
    });
  await serve(cluster.hangs?.port, undefined);
  const rows = ["s", "lie", { a: 1 }, 1e300];
  await serve(cluster.lies?.port, JSON.stringify({ lies: [rows, rows, 5], b: { x: 1 }, c: [["s", "no", 1, 5]] }));
  const [a, b] = [await startNode(t, "a", cluster), await startNode(t, "b", cluster)];
  await put(a, "x", 1);
  await agree([a, b], { x: 1 });
  const metrics = (await request(`${a.rollcall.url}/metrics`)).text;
  assert.match(metrics, /rollcall_hera_polls_total\{outcome="unreached"\} [1-9]/);
});

test("a long story is told in several answers, and none of it is lost", async (t) => {
  const cluster = await clusterOf("a", "b");
  const a = await startNode(t, "a", cluster);
  const text = "x".repeat(30_000);
  const ids = Array.from({ length: 300 }, (_, at) => `i${at}`);
  await Promise.all(ids.map((id) => put(a, id, { id, text })));
  const first = (await a.call("GET", "/_deltas?a=0&_rollcall=1")).json();
  assert.equal(first._rollcall.more, true);
  assert.ok(first.a.length < 150, String(first.a.length));
  const b = await startNode(t, "b", cluster);
  await until(async () => Object.keys(await list(b)).length === ids.length);
});
