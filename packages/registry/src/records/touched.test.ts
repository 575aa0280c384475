/** The index of the changes of keys: what it finds, and that damage is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Change, type Commit, type FirstChange, isInRange, type KeyRecord } from "../core/index.ts";
import { ByteWriter } from "./bytes.ts";
import { firstIn, Touches, type Visit } from "./touched.ts";

const key = fc.oneof(
  fc.constantFrom("", "a", "a\0", "a/", "ab", "\0", "\xff\xff", "b".repeat(4000)),
  fc.string({ unit: fc.constantFrom("\0", "a", "\xff"), maxLength: 3 }),
);
const account = fc.constantFrom("a", "a-b", "ab");
const change = fc.record({ key, existed: fc.boolean(), isGone: fc.boolean() });
const commits = fc
  .array(
    fc.record({ gap: fc.integer({ min: 1, max: 2 ** 40 }), account, changes: fc.array(change, { maxLength: 4 }) }),
    {
      maxLength: 12,
    },
  )
  .map((some) => {
    let revision = 1000;
    return some.map(({ gap, account: name, changes }): Commit => {
      revision += gap;
      return { revision, account: name, atMs: 0, orderMs: 0, nth: 0, changes: changes.map(toChange) };
    });
  });

function toChange(one: { key: string; existed: boolean; isGone: boolean }): Change {
  const record = { key: one.key } as KeyRecord;
  const isGone = one.isGone && one.existed;
  return { kind: "key", cause: "put", before: one.existed ? record : null, after: isGone ? null : record };
}

function found(read: (visit: Visit) => unknown): [string, FirstChange][] {
  const keys: [string, FirstChange][] = [];
  read((name, first) => keys.push([name, first]));
  return keys.sort(([a], [b]) => (a < b ? -1 : 1));
}

test("the first change of each key after a revision is found, in a range of any account", () => {
  fc.assert(
    fc.property(
      commits,
      account,
      key,
      fc.option(key, { nil: undefined }),
      fc.nat({ max: 12 }),
      (some, name, from, to, nth) => {
        const touches = new Touches(1000);
        for (const commit of some) touches.add(commit);
        const bytes = touches.encode(new ByteWriter());
        const after = some[nth]?.revision ?? 0;
        const range = to === undefined ? { from } : { from, to };
        const expected = new Map<string, FirstChange>();
        for (const { revision, account: of, changes } of some)
          for (const { before, after: now } of revision > after && of === name ? changes : []) {
            const one = ((now ?? before) as KeyRecord).key;
            if (isInRange(range, one) && !expected.has(one)) expected.set(one, { revision, existed: before !== null });
          }
        const sorted = [...expected].sort(([a], [b]) => (a < b ? -1 : 1));
        assert.deepEqual(
          found((visit) => touches.first(name, range, after, visit)),
          sorted,
        );
        assert.deepEqual(
          found((visit) => assert.ok(firstIn(bytes, name, range, after, visit).ok)),
          sorted,
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("damaged bytes are refused or answer something, and never throw", () => {
  const touches = new Touches(0);
  for (let i = 1; i <= 20; i++)
    touches.add({
      revision: i,
      account: "a",
      atMs: 0,
      orderMs: 0,
      nth: 0,
      changes: [toChange({ key: `k${i % 7}`, existed: true, isGone: false })],
    });
  const good = Buffer.from(touches.encode(new ByteWriter()));
  fc.assert(
    fc.property(
      fc.nat({ max: good.length - 1 }),
      fc.nat({ max: 255 }),
      fc.nat({ max: good.length }),
      (at, value, end) => {
        const bad = Buffer.from(good);
        bad[at] = value;
        firstIn(bad, "a", { from: "", to: "" }, 3, () => {});
        firstIn(bad.subarray(0, end), "a", { from: "k3" }, 3, () => {});
      },
    ),
  );
  assert.ok(!firstIn(good.subarray(0, 9), "a", { from: "" }, 0, () => {}).ok);
});
