/** Who stands in for whom, case by case. Times are seconds; a ttl is 30, a beat is overdue after 12. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isLooping, type Life, matchSuccessors, together } from "./turnover.ts";

interface Times {
  readonly born: number;
  readonly heard: number;
  readonly place?: string;
}

function life({ born, heard, place = "" }: Times, silent: boolean): Life {
  const overdueAt = heard + 12;
  return {
    place,
    bornAt: born,
    heardAt: heard,
    overdueAt,
    ttlMs: 30,
    silent,
    heardOnce: false,
    replaced: false,
    spent: false,
  };
}

const lost = (born: number, heard: number, place = ""): Life => life({ born, heard, place }, true);
const there = (born: number, heard: number, place = ""): Life => life({ born, heard, place }, false);

/** Which of them are replaced. */
function match(lives: readonly Life[], now: number, guardLeftAt = Number.POSITIVE_INFINITY): readonly boolean[] {
  matchSuccessors(lives, now, guardLeftAt);
  assert.equal(lives.filter((one) => one.replaced).length, lives.filter((one) => one.spent).length, "one for one");
  return lives.map((one) => one.replaced);
}

test("one that came after the last sign of another stands in for it; one that was there before does not", () => {
  assert.deepEqual(match([lost(0, 100), there(105, 125)], 130), [true, false]);
  assert.deepEqual(match([lost(0, 100), there(90, 125)], 130), [false, false]);
});

test("the one that was heard last is replaced, but first the one at the same place", () => {
  assert.deepEqual(match([lost(0, 90), lost(0, 100), there(105, 125)], 130), [false, true, false]);
  assert.deepEqual(match([lost(0, 90, "a"), lost(0, 100), there(105, 125, "a")], 130), [true, false, false]);
});

test("those that came one after the other, and fell silent together, replace none", () => {
  assert.deepEqual(match([lost(100, 100), lost(101, 101), lost(102, 102)], 130), [false, false, false]);
});

test("one that is silent itself replaces one that was overdue when it was heard", () => {
  assert.deepEqual(match([lost(90, 100), lost(105, 113)], 140), [true, false]);
});

test("one that came when all that were there for long had gone replaces one of them, though it is silent", () => {
  assert.deepEqual(match([lost(0, 100), lost(101, 101)], 130, 100), [true, false]);
  assert.deepEqual(match([lost(0, 100), lost(101, 101)], 130, 105), [false, false]);
});

test("the newcomers of a crash loop are not taken for those of long standing", () => {
  const loop = [lost(100, 103), there(121, 124)];
  assert.deepEqual(match([lost(0, 110), ...loop], 125), [false, true, false]);
  assert.deepEqual(match([lost(0, 110), there(121, 124)], 125), [true, false], "without a loop they are");
});

test("instances that die young and are replaced are a loop", () => {
  const replaced = { ...lost(100, 103), replaced: true };
  assert.equal(isLooping([replaced, lost(105, 108)]), true);
  assert.equal(isLooping([replaced, lost(105, 108), lost(110, 113)]), false);
  assert.equal(isLooping([lost(100, 103)]), false);
  assert.equal(isLooping([{ ...lost(0, 103), replaced: true }]), false, "it was there for long");
});

test("those whose silence may have begun at the same time fell silent together", () => {
  const span = { from: 100, to: 112, windowMs: 15 };
  assert.equal(together(80, 92, span), true);
  assert.equal(together(70, 82, span), false);
  assert.equal(together(127, 139, span), true);
  assert.equal(together(128, 140, span), false);
});
