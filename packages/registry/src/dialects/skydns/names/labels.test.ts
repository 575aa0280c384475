/** Patterns of labels, and which texts a label means. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toBytes } from "../../../core/index.ts";
import { isLabelOf, splitPattern, toHyphenated, toLower } from "./labels.ts";

test("a pattern falls into labels; a label means a text as it is or with hyphens", () => {
  assert.deepEqual(splitPattern("East.*.Svc."), ["east", "*", "svc"]);
  assert.deepEqual(splitPattern("1\\.0.a\\\\b"), ["1.0", "a\\b"]);
  assert.deepEqual(splitPattern(""), [""]);
  assert.deepEqual(splitPattern("É"), [toBytes("É")]);
  const cases: readonly [string, string, boolean][] = [
    ["1-0-0", "1.0.0", true],
    ["1.0.0", "1.0.0", true],
    ["1-0", "1.0.0", false],
    ["--1", "::1", true],
    ["::1", "::1", true],
    ["my-service", "My Service", true],
    [toBytes("é"), "é", true],
    ["-", "é", true],
    ["a".repeat(63), "A".repeat(80), true],
    ["a".repeat(62), "A".repeat(80), false],
    ["", "", true],
    ["1.0-0", "1.0.0", false],
    ["é".repeat(2), "ab", false],
    ["a-", "a\u{1f600}", false],
    ["a--", "a\u{1f600}", true],
    ["a-b_c", "A-B_C", true],
    ["a_b", "a-b", false],
  ];
  for (const [label, text, is] of cases) assert.equal(isLabelOf(label, text), is, `${label} ${text}`);
});

test("a label means the same however long and in whatever script the text is", () => {
  const letters = fc.constantFrom("a", "B", "9", "-", "_", ".", ":", " ", "é", "É", "\u{1f600}");
  const text = fc.array(letters, { maxLength: 70 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, text, (one, other) => {
      const forms = [toLower(toBytes(one)), toHyphenated(one)];
      for (const form of forms) assert.ok(isLabelOf(form, one));
      const is = [toLower(toBytes(other)), toHyphenated(other)].includes(forms[0] as string);
      assert.equal(isLabelOf(forms[0] as string, other), is);
    }),
  );
});
