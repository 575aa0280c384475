/** Calls in turns: few at once, fewer to one target, and those that failed never in all places. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Queue } from "./queue.ts";

/** A queue whose jobs run until they are let go. */
function open() {
  const queue = new Queue();
  const running: { readonly name: string; readonly end: () => void }[] = [];
  const add = (name: string, again: boolean): void =>
    queue.add(name, again, () => new Promise<void>((end) => running.push({ name, end })));
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { queue, running, add, turn };
}

test("one target has four places, and what waits there follows in order", async () => {
  const { running, add, turn } = open();
  for (let nth = 0; nth < 6; nth++) add("slow", false);
  add("quick", false);
  assert.deepEqual(
    running.map(({ name }) => name),
    ["slow", "slow", "slow", "slow", "quick"],
  );
  running[0]?.end();
  await turn();
  assert.equal(running.length, 6);
});

test("those that failed before have half of the places, and get more turns as theirs end", async () => {
  const { running, add, turn } = open();
  for (let nth = 0; nth < 40; nth++) add(`hangs${nth}`, true);
  assert.equal(running.length, 32);
  for (let nth = 0; nth < 40; nth++) add(`well${nth}`, false);
  assert.equal(running.length, 64);
  running[0]?.end();
  await turn();
  assert.equal(running.length, 65);
  assert.equal(running.at(-1)?.name, "hangs32");
  running[33]?.end();
  await turn();
  assert.equal(running.at(-1)?.name, "well32");
});

test("a queue that is closed drops what waits, and ends with what runs", async () => {
  const { queue, running, add, turn } = open();
  for (let nth = 0; nth < 5; nth++) add("one", false);
  let isClosed = false;
  const closing = queue.close().then(() => {
    isClosed = true;
  });
  await turn();
  assert.equal(isClosed, false);
  for (const { end } of running) end();
  await closing;
  assert.equal(running.length, 4);
});
