/** What nodes say to each other over a link, with and without a key. */
import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { until } from "../../harness/scope.ts";
import { answerOf, openNode, openPair, reach, WITH_KEY } from "./rig.ts";

const TIMEOUT = { timeout: 60_000 };

for (const [how, trust] of [
  ["on loopback", "loopback"],
  ["with a key", WITH_KEY],
] as const)
  test(`questions are answered and messages arrive in order, ${how}`, TIMEOUT, async (t) => {
    const { b, peer } = await openPair(t, { trust });
    const heard: string[] = [];
    b.link.on("echo", (payload, from) => Buffer.from(`${from}: ${payload}`));
    b.link.on("later", async (payload) => {
      await new Promise((resolve) => setImmediate(resolve));
      return Buffer.concat([payload, payload]);
    });
    b.link.on("nothing", () => undefined);
    b.link.on("told", (payload) => {
      heard.push(payload.toString());
      return undefined;
    });
    assert.equal(await answerOf(peer, "echo", "ä"), "a: ä");
    const large = Buffer.alloc(3_000_000, "0123456789");
    const [first, twice, none] = await Promise.all([
      answerOf(peer, "echo", "1"),
      peer.ask("later", large, 10_000),
      answerOf(peer, "nothing", "x"),
    ]);
    assert.deepEqual([first, none], ["a: 1", ""]);
    assert.ok(twice.ok && twice.value.equals(Buffer.concat([large, large])));

    const many = Array.from({ length: 5000 }, (_, i) => String(i));
    const answers = many.map((text) => answerOf(peer, "echo", text));
    for (const text of many) assert.equal(peer.tell("told", Buffer.from(text)), true);
    assert.deepEqual(
      await Promise.all(answers),
      many.map((text) => `a: ${text}`),
    );
    await until(() => heard.length === many.length);
    assert.deepEqual(heard, many);
    assert.deepEqual(b.link.visitors, ["a"]);
  });

test("what is asked in one turn leaves in one write", TIMEOUT, async (t) => {
  const { b, peer } = await openPair(t);
  b.link.on("echo", (payload) => payload);
  const { write } = Socket.prototype;
  let writes = 0;
  Socket.prototype.write = function (this: Socket, ...given: unknown[]): boolean {
    writes += 1;
    return (write as (...all: unknown[]) => boolean).apply(this, given);
  } as typeof write;
  t.after(() => {
    Socket.prototype.write = write;
  });
  await Promise.all(Array.from({ length: 1000 }, (_, i) => answerOf(peer, "echo", String(i))));
  assert.ok(writes <= 8, `${writes} writes for 1000 questions and their answers`);
});

test("a refusal tells what was not done from what may have been", TIMEOUT, async (t) => {
  const { b, peer } = await openPair(t, { limits: { workMax: 1, silenceMs: 1000, messageBytesMax: 1000 } });
  let finish: (answer: Buffer) => void = () => {};
  b.link.on("slow", () => new Promise<Buffer>((resolve) => (finish = resolve)));
  b.link.on("echo", (payload) => payload);
  b.link.on("broken", () => {
    throw new Error("it is broken");
  });
  b.link.on("rejected", async () => {
    throw new Error("it is rejected");
  });
  assert.equal(await answerOf(peer, "other", "x"), "unavailable: the node has no such channel");
  assert.equal(await answerOf(peer, "broken", "x"), "unknown: it is broken");
  assert.equal(await answerOf(peer, "rejected", "x"), "unknown: it is rejected");
  assert.equal(b.logged.filter((line) => /could not be handled/.test(line)).length, 2);
  assert.match(await answerOf(peer, "echo", "x".repeat(1001)), /^unavailable: .*too large/);
  const slow = answerOf(peer, "slow", "x", 300);
  assert.equal(await answerOf(peer, "echo", "x"), "unavailable: the node is busy");
  assert.equal(await slow, 'unknown: node "b" gave no answer in time');
  finish(Buffer.from("late"));
  await until(async () => (await answerOf(peer, "echo", "x")) === "x");
});

test(
  "questions to a node that is not reached are refused at once; it is found when it comes, and again",
  TIMEOUT,
  async (t) => {
    const a = await openNode(t, "a");
    const first = await openNode(t, "b");
    const { port } = first.link;
    const told: boolean[] = [];
    await first.link.close();
    const peer = a.link.dial({ name: "b", host: "127.0.0.1", port, changed: (isUp) => told.push(isUp) });
    await until(async () => (await answerOf(peer, "echo", "x")).includes("ECONNREFUSED"));
    assert.equal(peer.tell("echo", Buffer.from("x")), false);
    for (let times = 0; times < 2; times += 1) {
      const b = await openNode(t, "b", { port });
      b.link.on("echo", (payload) => payload);
      b.link.on("slow", () => new Promise(() => {}));
      await until(() => peer.isUp);
      assert.equal(await answerOf(peer, "echo", "x"), "x");
      const slow = answerOf(peer, "slow", "x");
      await answerOf(peer, "echo", "x");
      await b.link.close();
      assert.match(await slow, /^unknown: the connection to node "b" broke/);
      assert.match(await answerOf(peer, "echo", "x"), /^unavailable: node "b" is not reached/);
    }
    assert.deepEqual(told, [true, false, true, false]);
  },
);

test("both ways at once, each over a connection of its own", TIMEOUT, async (t) => {
  const { a, b, peer } = await openPair(t);
  const back = await reach(b, a);
  a.link.on("who", (_payload, from) => Buffer.from(`${from} asks a`));
  b.link.on("who", (_payload, from) => Buffer.from(`${from} asks b`));
  assert.deepEqual(await Promise.all([answerOf(peer, "who", ""), answerOf(back, "who", "")]), ["a asks b", "b asks a"]);
  back.close();
  await until(() => a.link.visitors.length === 0);
  assert.equal(await answerOf(peer, "who", ""), "a asks b");
});

test("a connection over which nothing is said stays", TIMEOUT, async (t) => {
  const { a, b } = await openPair(t, { limits: { silenceMs: 200 } });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.deepEqual([a.logged, b.logged, b.link.visitors], [["another node is reached"], [], ["a"]]);
});
