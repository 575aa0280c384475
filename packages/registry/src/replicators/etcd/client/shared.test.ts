import assert from "node:assert/strict";
import { test } from "node:test";
import { Shared } from "./shared.ts";

test("who asks while a question is under way shares the next one, and gets no answer to an earlier one", async () => {
  const open: ((answer: number) => void)[] = [];
  const shared = new Shared(() => new Promise<number>((resolve) => open.push(resolve)));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const [a, b] = [shared.ask(), shared.ask()];
  await turn();
  assert.equal(open.length, 1);
  const [c, d] = [shared.ask(), shared.ask()];
  await turn();
  assert.equal(open.length, 1, "one is under way");
  open[0]?.(1);
  await turn();
  const e = shared.ask();
  open[1]?.(2);
  await turn();
  open[2]?.(3);
  assert.deepEqual(await Promise.all([a, b, c, d, e]), [1, 1, 2, 2, 3]);
  assert.equal(open.length, 3);
});
