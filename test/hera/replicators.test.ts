/** An original node beside two of ours that have their store in common, or copy each other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "../harness/ports.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { clusterOf, type Node, Original, startNode } from "./rig.ts";

const put = async (node: Node, id: string, entry: unknown) =>
  assert.equal((await node.call("PUT", `/s/${id}`, JSON.stringify(entry))).status, 204);

async function agree(nodes: readonly Node[], entries: Readonly<Record<string, unknown>>): Promise<void> {
  for (const node of nodes)
    await until(async () => {
      assert.deepEqual((await node.call("GET", "/s")).json(), entries);
      return true;
    });
}

test("an original node is a member beside nodes that gossip, and is asked by one of them or by both", async (t) => {
  const cluster = await clusterOf("a", "b", "old");
  const link = await freePort();
  const open = (name: string, known: readonly string[], gossip: object, port: number) =>
    startNode(t, name, Object.fromEntries(Object.entries(cluster).filter(([node]) => known.includes(node))), {
      replicator: "gossip",
      data: temporaryDirectory(t, name),
      gossip,
      link: { port },
    });
  const old = await new Original("old", cluster).start(t);
  const [a, b] = await Promise.all([
    open("a", ["a", "b", "old"], {}, link),
    open("b", ["b", "old"], { peers: `127.0.0.1:${link}` }, 0),
  ]);
  await put(old, "x", { v: 1 });
  await put(b, "y", { v: 2, updated_at: "t1" });
  await agree([a, b, old], { x: { v: 1 }, y: { v: 2, updated_at: "t1" } });
  // Beats of either side are no writes, though both of ours hear them.
  const revisions = [await a.revision(), await b.revision()];
  await put(old, "x", { v: 1, updated_at: "t2" });
  await put(b, "y", { v: 2, updated_at: "t2" });
  await agree([a, b, old], { x: { v: 1, updated_at: "t2" }, y: { v: 2, updated_at: "t2" } });
  assert.deepEqual([await a.revision(), await b.revision()], revisions);
  await put(old, "y", { v: 3 });
  await put(a, "x", { v: 4 });
  await agree([a, b, old], { x: { v: 4 }, y: { v: 3 } });
  assert.equal((await b.call("DELETE", "/s/y")).status, 204);
  await agree([a, b], { x: { v: 4 } });
});
