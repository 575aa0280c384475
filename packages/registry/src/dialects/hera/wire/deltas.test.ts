/** What nodes tell one another, read back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseQuery } from "../../../net/http/query.ts";
import { type Delta, readCursors, readTold, type Told, writeTold } from "./deltas.ts";
import { compact } from "./text.ts";

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 });
const delta = fc.record(
  {
    service: name,
    id: name,
    stampMs: fc.integer({ min: 1, max: 9e13 }),
    blob: fc.option(fc.json({ maxDepth: 3 }).map(compact), { nil: null }),
  },
  { noNullPrototype: true },
);
const node = fc.constantFrom("a", "b-2", "c.3");
const everybody = () => true;

function told(deltas: ReadonlyMap<string, readonly Delta[]>, more: boolean): Told {
  return { deltas, more };
}

test("an answer is JSON in the original's shape, and is read as it was written", () => {
  fc.assert(
    fc.property(fc.dictionary(node, fc.array(delta, { maxLength: 5 })), fc.boolean(), (byNode, more) => {
      const all = new Map(Object.entries(byNode));
      const text = [...writeTold(told(all, more), true)].join("");
      const shown = JSON.parse([...writeTold(told(all, more), false)].join("")) as Record<string, unknown[]>;
      const read = readTold(text, everybody);
      assert.ok(read.ok);
      assert.equal(read.value.more, more);
      for (const [from, list] of all) {
        const there = list.filter(({ blob }) => blob !== null);
        const rows = there.map(({ service, id, blob, stampMs }) => [service, id, JSON.parse(blob as string), stampMs]);
        assert.deepEqual(shown[from], rows.reverse());
        const gone = list.filter(({ blob }) => blob === null);
        assert.deepEqual(read.value.deltas.get(from), [...there.reverse(), ...gone.reverse()]);
      }
    }),
  );
});

test("rows that say nothing are left out, and so is who is not known", () => {
  const read = readTold(
    `{"a": [["s","i",{},5],["s","i",{},0],["s","i",{},-1],["s","i",{},1.5],["s","i",{},1e15],["s","i",{}],["s",1,{},5],
      {"0":"s"},7,["s","i",{"x":},5],["s","i",{},"5"],["s","j",  null , 6 ]],
      "b": [["s","i",{},5]], "c": 5, "_rollcall": {"version": 2, "more": "true", "gone": {"a": [["s","i",9],[1]], "b": 5}}}`,
    (one) => one !== "b",
  );
  assert.ok(read.ok);
  assert.equal(read.value.more, false);
  assert.deepEqual([...read.value.deltas.keys()].sort(), ["a", "c"]);
  assert.deepEqual(read.value.deltas.get("a"), [
    { service: "s", id: "i", stampMs: 5, blob: "{}" },
    { service: "s", id: "j", stampMs: 6, blob: "null" },
    { service: "s", id: "i", stampMs: 9, blob: null },
  ]);
  for (const text of ["", "[]", "5", "{", '{"a":[}', "<html>"]) assert.equal(readTold(text, everybody).ok, false, text);
  fc.assert(fc.property(fc.string({ maxLength: 100 }), (text) => void readTold(text, everybody)));
});

test("stamps of known nodes are whole numbers, those of others are not looked at", () => {
  const cursors = (search: string) => {
    const query = parseQuery(search);
    assert.ok(query.ok);
    return readCursors(query.value, (one) => one === "a");
  };
  assert.deepEqual(cursors("a=5&b=x&_rollcall=1"), { ok: true, value: new Map([["a", 5]]) });
  assert.deepEqual(cursors("a=5&a=-7"), { ok: true, value: new Map([["a", -7]]) });
  for (const wrong of ["a", "a=", "a=x", "a=1.5", "a=1e3", "a=9999999999999999"])
    assert.equal(cursors(wrong).ok, false, wrong);
});
