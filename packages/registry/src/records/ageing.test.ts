/** How old history is: in time that passed while a registry ran. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Ageing, type Ages } from "./ageing.ts";

const DAY_MS = 86_400_000;
const AGE_MS = 64 * DAY_MS;
const NEW: Ages = { ranMs: 0, marks: [] };

test("history is due when it is as old as it may get, and at most a 64th part later", () => {
  const ageing = new Ageing(NEW, AGE_MS, 500);
  const born: number[] = [];
  let floor = 0;
  for (let day = 0; day < 200; day += 0.25) {
    const nowMs = 500 + day * DAY_MS;
    born.push(day);
    ageing.note(born.length, floor, nowMs);
    floor = Math.max(floor, ageing.dueAt(nowMs));
    for (const [i, at] of born.entries()) {
      if (i + 1 <= floor) assert.ok(day - at >= 64, `${day}: of day ${at}`);
      else assert.ok(day - at <= 65, `${day}: of day ${at}`);
    }
  }
});

test("what has passed goes on over restarts, and stops do not count", () => {
  let ages = NEW;
  let due = 0;
  for (let start = 0; start < 70; start++) {
    // Each process has another origin of its time.
    const originMs = start * 12_345;
    const ageing = new Ageing(ages, AGE_MS, originMs);
    assert.equal(ageing.dueAt(originMs), due);
    ageing.note(1, 0, originMs);
    ages = ageing.end(1, 0, originMs + DAY_MS) as Ages;
    due = ageing.dueAt(originMs + DAY_MS);
    assert.equal(due, start + 1 >= 64 ? 1 : 0);
  }
});

test("it is written down now and then, and never when there is no history", () => {
  const ageing = new Ageing(NEW, AGE_MS, 0);
  assert.equal(ageing.note(7, 7, 0), undefined);
  assert.deepEqual(ageing.note(8, 7, 100), { ranMs: 100, marks: [[8, 100]] });
  assert.equal(ageing.note(9, 7, 200), undefined);
  assert.deepEqual(ageing.note(9, 7, 600_100), { ranMs: 600_100, marks: [[8, 100]] });
  assert.equal(ageing.note(9, 7, 700_000), undefined);
  assert.deepEqual(ageing.note(9, 8, DAY_MS + 100), { ranMs: DAY_MS + 100, marks: [[9, DAY_MS + 100]] });
});

test("there are few marks, whatever the age and the commits", () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 * AGE_MS }), fc.array(fc.nat({ max: DAY_MS }), { maxLength: 300 }), (ageMs, steps) => {
      const ageing = new Ageing(NEW, ageMs, 0);
      let [nowMs, last, floor] = [0, 0, 0];
      for (const step of steps) {
        nowMs += step;
        last += 3;
        const ages = ageing.note(last, floor, nowMs);
        assert.ok((ages?.marks.length ?? 0) <= 66, `${ages?.marks.length}`);
        const due = ageing.dueAt(nowMs);
        assert.ok(due <= last);
        floor = Math.max(floor, due);
      }
    }),
  );
});
