/** What waits for a node that is behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Registry } from "../../core/index.ts";
import { ok, refuse } from "../../outcome.ts";
import { catchUp, findSurely } from "./catch-up.ts";

/** A node at this revision, which hears that the order has reached another. */
function nodeAt(revision: number, head: number | undefined) {
  const node = {
    revision,
    asked: 0,
    read: (query: (view: { readonly revision: number }) => unknown) => query(node),
    async barrier() {
      node.asked++;
      if (head === undefined) return refuse("unavailable", "nobody can be asked");
      node.revision = Math.max(node.revision, head);
      return ok(head);
    },
  };
  return node as typeof node & Pick<Registry, "read" | "barrier">;
}

test("a position that a node has is waited for not at all, a later one until the node has it", async () => {
  const node = nodeAt(5, 9);
  assert.equal(catchUp(node, 5), undefined);
  assert.equal(catchUp(node, 0), undefined);
  assert.equal(node.asked, 0);
  assert.equal(await catchUp(node, 8), undefined);
  assert.deepEqual([node.revision, node.asked], [9, 1]);
  // One that nobody has: whoever asks finds that the node is still not there.
  assert.equal(await catchUp(node, 12), undefined);
  assert.equal(node.revision, 9);
  assert.equal((await catchUp(nodeAt(5, undefined), 6))?.refusal, "unavailable");
});

test("what is not found is looked for again once the node has everything, and then there is surely none", async () => {
  const node = nodeAt(5, 9);
  const from = (revision: number) => () => (node.revision >= revision ? "it" : undefined);
  assert.deepEqual(await findSurely(node, from(5)), ok("it"));
  assert.equal(node.asked, 0);
  assert.deepEqual(await findSurely(node, from(9)), ok("it"));
  assert.deepEqual(await findSurely(node, from(10)), ok(undefined));
  const cut = await findSurely(nodeAt(5, undefined), () => undefined);
  assert.ok(!cut.ok && cut.refusal === "unavailable");
});
