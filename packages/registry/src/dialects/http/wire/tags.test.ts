/** Entity tags and conditions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeCondition, encodeTag, matchesTag } from "./tags.ts";

test("entity tags match as RFC 9110 says", () => {
  const tag = encodeTag(7);
  for (const list of ['"7"', "*", '"1", "7"', 'W/"7"', ' "7" ']) assert.ok(matchesTag(list, tag), list);
  for (const list of ['"8"', "7", "", '"77"', '\xa0"7"', '"1",\xa0"7"', "*\xa0", "\xa0*"])
    assert.ok(!matchesTag(list, tag), list);
});

test("a condition is a star or one revision, of one header", () => {
  const cases: readonly (readonly [match: string | undefined, none: string | undefined, condition: unknown])[] = [
    [undefined, undefined, undefined],
    [undefined, "*", "absent"],
    ["*", undefined, "present"],
    [' "12" ', undefined, 12],
  ];
  for (const [match, none, value] of cases) assert.deepEqual(decodeCondition(match, none), { ok: true, value });
  for (const [match, none] of [
    ["12"],
    ['W/"12"'],
    ['"1", "2"'],
    [""],
    ["*", "*"],
    [undefined, '"12"'],
    ['\xa0"12"'],
    ["*\xa0"],
    [undefined, "\xa0*"],
  ])
    assert.equal(decodeCondition(match, none).ok, false, `${match} ${none}`);
});

test("any condition is decoded or refused in words", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const decoded = decodeCondition(text, undefined);
      assert.ok(decoded.ok || decoded.detail !== "");
    }),
  );
});
