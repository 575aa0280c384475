/** When which check runs, over a clock that the test moves. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Runner, type Task } from "./runner.ts";

/** A runner whose timer and clock the test moves; runs last until they are ended. */
function open({ parallelMax = 4, isOnDuty = (): boolean => true } = {}) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval", "setImmediate"] });
  const time = { ms: 1_000_000 };
  const runner = new Runner({ clock: { monotonic: () => time.ms }, parallelMax, isOnDuty });
  const running: { task: Task; end: () => void; isAborted: () => boolean }[] = [];
  const begun: string[] = [];
  const add = (account: string, name: string, phase = 0, everyMs = 1000, timeoutMs = 400): Task => {
    const task: Task = {
      ...{ account, everyMs, timeoutMs, phase },
      run: (signal) =>
        new Promise((resolve) => {
          begun.push(name);
          const end = (): void => {
            running.splice(running.indexOf(one), 1);
            resolve();
          };
          const one = { task, end, isAborted: () => signal.aborted };
          running.push(one);
          signal.addEventListener("abort", end);
        }),
    };
    runner.add(task, false);
    return task;
  };
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 50) {
      time.ms += 50;
      mock.timers.tick(50);
      await settle();
    }
  };
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 8; i++) {
      await Promise.resolve();
      mock.timers.tick(0);
    }
  };
  const close = (): void => {
    runner.close();
    mock.timers.reset();
  };
  return { runner, running, begun, add, pass, settle, close, time };
}

test("each runs at its time within its interval, over and over", async () => {
  const rig = open();
  for (let i = 0; i < 10; i++) rig.add("a", `${i}`, i / 10);
  const counts: number[] = [];
  for (let i = 0; i < 20; i++) {
    await rig.pass(100);
    counts.push(rig.begun.length);
    for (const { end } of [...rig.running]) end();
    await rig.settle();
  }
  assert.deepEqual(
    counts,
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
  assert.deepEqual(rig.begun.slice(0, 10).sort(), rig.begun.slice(10).sort());
  rig.close();
});

test("only so many run at once, the others wait, and nothing piles up", async () => {
  const rig = open({ parallelMax: 4 });
  for (let i = 0; i < 50; i++) rig.add("a", `${i}`, 0, 1000, 100_000);
  await rig.pass(5000);
  // An account's take half of the places.
  assert.deepEqual([rig.running.length, rig.begun.length], [2, 2]);
  const { waiting, running, passedOver } = rig.runner.numbers;
  assert.deepEqual([waiting, running], [48, 2]);
  assert.ok(passedOver >= 4 * 50, String(passedOver));
  rig.add("b", "other", 0.5, 1000, 100_000);
  await rig.pass(1000);
  assert.equal(rig.begun.at(-1), "other", "another account's check does not wait for the many of one");
  for (let i = 0; i < 49; i++) {
    rig.running[0]?.end();
    await rig.settle();
  }
  assert.equal(new Set(rig.begun).size, 51, "whoever waits gets its turn");
  rig.close();
  assert.deepEqual([rig.runner.numbers.waiting, rig.running.length], [0, 0]);
});

test("what takes too long is ended, and so is what goes", async () => {
  const rig = open();
  const slow = rig.add("a", "slow", 0, 10_000, 400);
  await rig.pass(10_000);
  assert.deepEqual([rig.begun.length, rig.running.length], [1, 1]);
  await rig.pass(500);
  assert.equal(rig.running.length, 0, "ended by its time");
  await rig.pass(9000);
  const gone = rig.add("a", "gone", 0, 1000, 5000);
  await rig.pass(500);
  assert.deepEqual(rig.begun.slice(1).sort(), ["gone", "slow"]);
  const one = rig.running.find(({ task }) => task === gone);
  rig.runner.remove(gone);
  assert.equal(one?.isAborted(), true);
  rig.runner.remove(slow);
  await rig.pass(20_000);
  assert.equal(rig.begun.length, 3);
  rig.close();
});

test("nothing begins at a node that is not on duty, and what another was at goes on there", async () => {
  const duty = { is: true };
  const rig = open({ parallelMax: 2, isOnDuty: () => duty.is });
  for (let i = 0; i < 10; i++) rig.add("a", `${i}`, 0, 1000, 100_000);
  await rig.pass(1000);
  assert.equal(rig.running.length, 1);
  duty.is = false;
  await rig.pass(3000);
  assert.deepEqual([rig.running.length, rig.runner.numbers.waiting, rig.begun.length], [0, 0, 1]);
  duty.is = true;
  await rig.pass(1000);
  assert.equal(rig.running.length, 1, "within one interval");
  rig.close();
});

test("a process that was stopped for long does what is due once", async () => {
  const rig = open();
  rig.add("a", "one");
  await rig.pass(1000);
  rig.running[0]?.end();
  await rig.settle();
  rig.time.ms += 24 * 3_600_000;
  await rig.pass(50);
  assert.equal(rig.begun.length, 2);
  rig.running[0]?.end();
  await rig.pass(1000);
  assert.equal(rig.begun.length, 3);
  rig.close();
});
