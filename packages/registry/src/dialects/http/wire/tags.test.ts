/** Entity tags and conditions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeCondition, encodeTag, latestOf, matchesTag } from "./tags.ts";

const MARK = "~abc";

test("entity tags match as RFC 9110 says", () => {
  assert.equal(encodeTag(7, MARK), '"7~abc"');
  for (const list of ['"7~abc"', '"7"', "*", '"1", "7"', '"1~abc", W/"7~abc"', 'W/"7"', ' "7" '])
    assert.ok(matchesTag(list, 7, MARK), list);
  for (const list of ['"8"', "7", "", '"77"', '"7~abd"', '"7~"', '\xa0"7"', '"1",\xa0"7"', "*\xa0", "\xa0*"])
    assert.ok(!matchesTag(list, 7, MARK), list);
});

test("the latest revision among tags is found, of this order only", () => {
  const cases = [
    ['"7~abc"', 7],
    ['"3", W/"12~abc", "5"', 12],
    ['"9~other"', 0],
    ["*", 0],
    ["", 0],
    ['"x"', 0],
  ] as const;
  for (const [list, latest] of cases) assert.equal(latestOf(list, MARK), latest, list);
});

test("a condition is a star or one revision, of one header", () => {
  const cases: readonly (readonly [match: string | undefined, none: string | undefined, condition: unknown])[] = [
    [undefined, undefined, undefined],
    [undefined, "*", "absent"],
    ["*", undefined, "present"],
    [' "12" ', undefined, 12],
    ['"12~abc"', undefined, 12],
    ['"12~other"', undefined, -1],
  ];
  for (const [match, none, value] of cases) assert.deepEqual(decodeCondition(match, none, MARK), { ok: true, value });
  for (const [match, none] of [
    ["12"],
    ['W/"12"'],
    ['"1", "2"'],
    ['"1-2"'],
    [""],
    ["*", "*"],
    [undefined, '"12"'],
    ['\xa0"12"'],
    ["*\xa0"],
    [undefined, "\xa0*"],
  ])
    assert.equal(decodeCondition(match, none, MARK).ok, false, `${match} ${none}`);
});

test("any condition is decoded or refused in words", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const decoded = decodeCondition(text, undefined, MARK);
      assert.ok(decoded.ok || decoded.detail !== "");
    }),
  );
});
