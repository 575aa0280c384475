/** The map: columns by the longest way, circles as one, and who is behind whom. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Edge, layOut, reach } from "./layout.ts";

function edges(...texts: string[]): Edge[] {
  return texts.map((text) => ({ from: text.slice(0, 1), to: text.slice(1) }));
}

test("callers stand left of what they call, by the longest way", () => {
  const { columns } = layOut(["a", "b", "c", "d"], edges("ab", "bc", "ac", "cd"));
  assert.deepEqual(columns, [["a"], ["b"], ["c"], ["d"]]);
});

test("a circle stands in one column", () => {
  const { placeOf } = layOut(["a", "b", "c", "d"], edges("ab", "bc", "cb", "cd"));
  assert.deepEqual(
    ["a", "b", "c", "d"].map((name) => placeOf.get(name)?.column),
    [0, 1, 1, 2],
  );
});

test("every name has one place, whatever the edges are", () => {
  const name = fc.constantFrom(..."abcdefgh");
  const some = fc.array(fc.record({ from: name, to: name }), { maxLength: 30 });
  fc.assert(
    fc.property(some, (all) => {
      const { columns, placeOf } = layOut([..."abcdefgh"], all);
      assert.deepEqual(columns.flat().sort(), [..."abcdefgh"]);
      const back = (from: string, to: string) =>
        reach(from, all, "providers")
          .behind.concat(reach(from, all, "providers").direct)
          .includes(to);
      for (const { from, to } of all)
        if (from !== to && !back(to, from))
          assert.ok((placeOf.get(from)?.column ?? 0) < (placeOf.get(to)?.column ?? 0), `${from} ${to}`);
    }),
    { numRuns: 60 },
  );
});

test("200 services with 600 edges are laid out within a paint", () => {
  const names = Array.from({ length: 200 }, (_, index) => `s${index}`);
  const all = Array.from({ length: 600 }, (_, index) => ({
    from: `s${(index * 7) % 200}`,
    to: `s${(index * 13 + 5) % 200}`,
  }));
  layOut(names, all);
  const startMs = process.cpuUsage().user;
  for (let turn = 0; turn < 5; turn++) layOut(names, all);
  assert.ok((process.cpuUsage().user - startMs) / 5000 < 60);
});

test("who calls, and who stands behind those", () => {
  const all = edges("ab", "bc", "xc", "cd");
  assert.deepEqual(reach("c", all, "callers"), { direct: ["b", "x"], behind: ["a"] });
  assert.deepEqual(reach("a", all, "providers"), { direct: ["b"], behind: ["c", "d"] });
});
