/** The clock of the house, with a system's clock that jumps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HouseClock } from "./clock.ts";

const RIGHT = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;

class Rig {
  readonly jumps: number[] = [];
  readonly followed: number[] = [];
  readonly clock: HouseClock;
  /** How far the system's clock is off. */
  wrongMs: number;
  #passedMs = 0;

  constructor(wrongMs = 0) {
    this.wrongMs = wrongMs;
    this.clock = new HouseClock(
      { wall: () => RIGHT + this.#passedMs + this.wrongMs, monotonic: () => 5000.25 + this.#passedMs },
      { onJump: (byMs) => this.jumps.push(byMs), onFollowed: (byMs) => this.followed.push(byMs) },
    );
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 100) {
      this.#passedMs += Math.min(left, 100);
      this.clock.look();
    }
  }

  /** How far the house's clock is off. */
  get errorMs(): number {
    return this.clock.now() - RIGHT - this.#passedMs;
  }
}

test("it goes as the system's clock goes", () => {
  const rig = new Rig();
  rig.pass(60_000);
  assert.ok(Math.abs(rig.errorMs) <= 1);
  assert.ok(Number.isInteger(rig.clock.now()));
  assert.deepEqual([rig.jumps, rig.followed], [[], []]);
});

test("a jump for seconds, in any direction, is told and not followed, not even between two looks", () => {
  for (const byMs of [400 * DAY_MS, 3_600_000, 2000, -2000, -400 * DAY_MS]) {
    const rig = new Rig();
    rig.wrongMs = byMs;
    assert.ok(Math.abs(rig.errorMs) <= 1);
    rig.pass(5000);
    assert.ok(Math.abs(rig.errorMs) <= 1);
    rig.wrongMs = 0;
    rig.pass(20_000);
    assert.ok(Math.abs(rig.errorMs) <= 1);
    assert.deepEqual([rig.jumps, rig.followed], [[byMs, -byMs], []]);
  }
});

test("a jump that stays is followed after ten seconds, and its end at once", () => {
  const rig = new Rig();
  rig.wrongMs = 3_600_000;
  rig.pass(9900);
  assert.ok(Math.abs(rig.errorMs) <= 1);
  rig.pass(1000);
  assert.ok(Math.abs(rig.errorMs - 3_600_000) <= 1);
  rig.pass(60_000);
  rig.wrongMs = 0;
  rig.pass(100);
  assert.ok(Math.abs(rig.errorMs) <= 1);
  assert.deepEqual(rig.followed, [3_600_000, -3_600_000]);
});

test("one that jumps about is followed only where it stays", () => {
  const rig = new Rig();
  for (let i = 1; i <= 20; i++) {
    rig.wrongMs = i * DAY_MS;
    rig.pass(9000);
  }
  assert.ok(Math.abs(rig.errorMs) <= 1);
  assert.equal(rig.jumps.length, 20);
  rig.pass(2000);
  assert.ok(Math.abs(rig.errorMs - 20 * DAY_MS) <= 1);
});

test("a machine that starts in 2002 is right as soon as its clock is", () => {
  const wrongMs = Date.UTC(2002, 0, 1) - RIGHT;
  const rig = new Rig(wrongMs);
  rig.pass(3000);
  assert.ok(Math.abs(rig.errorMs - wrongMs) <= 1);
  rig.wrongMs = 0;
  rig.pass(100);
  assert.ok(Math.abs(rig.errorMs) <= 1);
  assert.deepEqual([rig.jumps, rig.followed], [[-wrongMs], [-wrongMs]]);
});

test("small steps and slow drift are followed silently, however far they lead", () => {
  const rig = new Rig();
  for (let i = 0; i < 100; i++) {
    rig.wrongMs += 900;
    rig.pass(100);
  }
  assert.ok(Math.abs(rig.errorMs - 90_000) <= 3);
  assert.deepEqual(rig.jumps, []);
});

test("whatever the system's clock does, it is right again at most ten seconds after that one is", () => {
  const step = fc.record({ wrongMs: fc.integer({ min: -1e11, max: 1e11 }), ms: fc.nat({ max: 30_000 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const rig = new Rig();
      for (const { wrongMs, ms } of steps) {
        rig.wrongMs = wrongMs;
        rig.pass(ms);
      }
      rig.wrongMs = 0;
      rig.pass(10_200);
      assert.ok(Math.abs(rig.errorMs) <= 1000);
    }),
    { numRuns: 50 },
  );
});
