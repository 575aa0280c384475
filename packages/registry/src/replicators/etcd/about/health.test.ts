/** Whether a node is behind, and for how long, and what it says of an etcd that gives no answer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMeta } from "../../../records/meta.ts";
import { CallFailed } from "../client/channel.ts";
import type { Client } from "../client/client.ts";
import { Keys } from "../keys.ts";
import { Health } from "./health.ts";

/** An etcd whose order ends with `top`, or that does not answer (null), and a node that knows it up to `known`. */
function rig() {
  const at = { ms: 0, top: 0 as number | null, known: 0 };
  const logged: string[] = [];
  const client = {
    async peek() {
      if (at.top === null) throw new CallFailed(14, "http://e1:2379 did not answer", false);
      const value = encodeMeta({ revision: at.top, orderMs: 0, nth: 0, group: "g" });
      return { entries: [{ key: Buffer.alloc(0), value, modRevision: 1 }], more: false, revision: 1 };
    },
    statuses: async () => [{ url: "http://e1:2379", error: new CallFailed(14, "http://e1:2379: refused", false) }],
    members: async () => [{ id: 1, name: "e1", clientUrls: ["http://e1:2379"] }],
  } as unknown as Client;
  const note = (text: unknown): void => void logged.push(String(text));
  const health = new Health({
    client,
    keys: new Keys("/test/"),
    clock: { now: () => at.ms, monotonic: () => at.ms },
    log: { info: note, warn: note, error: note } as never,
    patienceMs: 10_000,
    known: () => at.known,
  });
  /** A second later, with the order there and the node here. */
  const second = async (top: number | null, known: number) => {
    at.ms += 1000;
    [at.top, at.known] = [top, known];
    await health.round();
  };
  return { health, at, logged, second };
}

test("a node that keeps up is not behind, however busy; one that stands still is, since it did", async () => {
  const { health, second } = rig();
  for (let i = 1; i <= 30; i++) {
    await second(1000 * i, 1000 * i - 5);
    assert.deepEqual(health.behind, { revisions: 5, ms: 0 });
  }
  assert.equal(health.lagging, null);
  for (let i = 1; i <= 10; i++) await second(30_000 + i, 29_995);
  assert.deepEqual(health.behind, { revisions: 15, ms: 10_000 });
  assert.equal(health.lagging, "this node is 15 revisions behind the registry's order in etcd, for 10 s by now");
  // It moves again, some seconds late, and gets there.
  await second(30_020, 30_005);
  assert.deepEqual(health.behind, { revisions: 15, ms: 5000 });
  await second(30_020, 30_020);
  assert.deepEqual(health.behind, { revisions: 0, ms: 0 });
});

test("an hour behind takes no more memory than ten minutes", async () => {
  const { health, second } = rig();
  for (let i = 1; i <= 3600; i++) await second(i, 0);
  assert.deepEqual(health.behind, { revisions: 3600, ms: 3_599_000 });
});

test("an etcd that gives no answer is a reason after a while, and none once it does", async () => {
  const { health, second, logged } = rig();
  for (let i = 0; i < 10; i++) await second(null, 0);
  assert.equal(health.refusing, null);
  await second(null, 0);
  assert.equal(health.refusing, "etcd gives no answer: http://e1:2379 did not answer");
  await second(0, 0);
  assert.equal(health.refusing, null);
  assert.equal(logged.length, 2, logged.join("\n"));
  const [member] = health.members;
  assert.deepEqual([member?.name, member?.version, member?.error], ["e1", null, "refused"]);
});
