/** node-zookeeper-client, as Node's users have it: against ours, through a restart. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { CreateMode, createClient } from "node-zookeeper-client";
import { until } from "../harness/scope.ts";
import { startZookeeper } from "./rig.ts";

const rollcall = await startZookeeper({ after }, { dialects: "zookeeper" });

async function open() {
  const client = createClient(`127.0.0.1:${rollcall.port("zookeeper")}`, {
    sessionTimeout: 10_000,
    spinDelay: 50,
  });
  after(() => client.close());
  const states: string[] = [];
  client.on("state", ({ name }) => states.push(name));
  client.connect();
  await until(() => states.includes("SYNC_CONNECTED"));
  return {
    client,
    states,
    create: promisify(client.create.bind(client)),
    mkdirp: promisify(client.mkdirp.bind(client)),
    setData: promisify(client.setData.bind(client)),
    getChildren: promisify(client.getChildren.bind(client)),
    exists: promisify(client.exists.bind(client)),
    remove: promisify(client.remove.bind(client)),
  };
}

test("it elects, watches and changes many at once, and goes on after a restart", async () => {
  const [one, two] = [await open(), await open()];
  await one.mkdirp("/app/election");
  await assert.rejects(one.create("/app", null, CreateMode.PERSISTENT), { name: "NODE_EXISTS" });
  const events: string[] = [];
  const watch = ({ type, path }: { type: number; path: string }): number => events.push(`${type} ${path}`);
  const first = await one.create("/app/election/n-", Buffer.from("one"), CreateMode.EPHEMERAL_SEQUENTIAL);
  const second = await two.create("/app/election/n-", Buffer.from("two"), CreateMode.EPHEMERAL_SEQUENTIAL);
  assert.deepEqual([first, second], ["/app/election/n-0000000000", "/app/election/n-0000000001"]);
  assert.ok(await two.exists(first, watch));
  await promisify((done: (error: Error | null, value: unknown) => void) =>
    one.client
      .transaction()
      .create("/app/x", Buffer.from("1"))
      .check("/app", -1)
      .setData("/app", Buffer.from("2"))
      .commit(done),
  )();
  assert.deepEqual([...(await one.getChildren("/app", watch))].sort(), ["election", "x"]);

  const session = one.client.getSessionId().toString("hex");
  await rollcall.restart();
  for (const { states } of [one, two])
    await until(() => states.filter((state) => state === "SYNC_CONNECTED").length === 2);
  assert.equal(one.client.getSessionId().toString("hex"), session);
  assert.deepEqual([...(await two.getChildren("/app/election", watch))].sort(), ["n-0000000000", "n-0000000001"]);
  one.client.close();
  await until(() => events.includes(`2 ${first}`));
  await until(() => events.includes("4 /app/election"));
  assert.deepEqual(await two.getChildren("/app/election", () => {}), ["n-0000000001"]);
  await two.getChildren("/app", watch);
  await two.remove("/app/x", -1);
  await until(() => events.includes("4 /app"));
});
