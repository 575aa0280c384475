/** Memory is given back after a burst: when the heap has grown by much, and only while nothing is written. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ownString } from "../../core/catalog/share.ts";
import { createSweeper, processMemory } from "./memory.ts";

const MB = 1024 * 1024;

function rig(isAgent = false) {
  const state = { heapBytes: 50 * MB, revision: 0, collected: 0, young: 0, youngBytes: 33 * MB };
  const memory = {
    heapBytes: () => state.heapBytes,
    progress: () => state.revision,
    collect: () => {
      state.collected++;
      state.heapBytes -= 30 * MB;
    },
    collectYoung: () => {
      state.young++;
      state.youngBytes -= 10 * MB;
    },
    youngBytes: () => state.youngBytes,
  };
  return { state, look: createSweeper(memory, isAgent) };
}

test("a quiet process whose heap grew by much is swept once", () => {
  const { state, look } = rig();
  state.heapBytes = 200 * MB;
  for (let i = 0; i < 10; i++) look();
  assert.equal(state.collected, 1);
  assert.equal(state.young, 3, "what is young is given back later, and then it is over");
});

test("a busy process is left alone, and so is one that grew by little", () => {
  const { state, look } = rig();
  state.heapBytes = 200 * MB;
  for (let i = 0; i < 10; i++) {
    state.revision++;
    look();
  }
  assert.deepEqual([state.collected, state.young], [0, 0]);
  const small = rig();
  small.state.heapBytes = 90 * MB;
  for (let i = 0; i < 10; i++) small.look();
  assert.equal(small.state.collected, 0);
  const agent = rig(true);
  agent.state.heapBytes = 90 * MB;
  for (let i = 0; i < 10; i++) {
    agent.state.revision++;
    agent.look();
  }
  assert.equal(agent.state.collected, 1, "an agent gives back less than that, and while there are few changes");
});

test("a sweep really gives the heap back", () => {
  const memory = processMemory(() => 0);
  let garbage: object[] | null = Array.from({ length: 1_000_000 }, (_, i) => ({ i, text: `n${i}` }));
  const full = memory.heapBytes();
  assert.equal(garbage.length, 1_000_000);
  garbage = null;
  memory.collect();
  assert.ok(memory.heapBytes() < full - 20 * MB, `${memory.heapBytes()} of ${full} are left`);
});

test("ids stand by themselves: the text they were cut out of is not kept", () => {
  for (const text of [
    "instance-0123456789",
    "é".repeat(20),
    "\u{1f600} smile and more",
    "lone \ud800 surrogate here",
  ]) {
    assert.equal(ownString(`x${text}y`.slice(1, -1)), text);
  }
  const memory = processMemory(() => 0);
  memory.collect();
  const before = process.memoryUsage().heapUsed;
  const ids = Array.from({ length: 1000 }, (_, i) =>
    ownString(`${"x".repeat(50_000)}instance-0123456789-${i}`.slice(50_000)),
  );
  memory.collect();
  assert.equal(ids.length, 1000);
  assert.ok(process.memoryUsage().heapUsed - before < 20 * MB, "the texts are still there");
});
