/** JSON as text: what a client wrote is what others get. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { contentOf, toBlob } from "./blob.ts";
import { compact, depthOf, layOut, membersOf, parseText, quote } from "./text.ts";

interface Vectors {
  readonly texts: readonly { readonly json: string; readonly line: string; readonly pretty: string }[];
}

const { texts } = JSON.parse(readFileSync(new URL("../vectors/python-json.json", import.meta.url), "utf8")) as Vectors;

test("JSON is laid out as Python lays it out", () => {
  for (const { json, line, pretty } of texts) {
    assert.equal(layOut(compact(json), false), line);
    assert.equal(`{\n  "id": ${layOut(compact(json), true, 1)}\n}`, pretty);
  }
});

test("nothing changes but blanks and the spelling of texts, and all of it is ASCII", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "grapheme" }), fc.constantFrom(undefined, 1, "\t"), (text, indent) => {
      const value: unknown = JSON.parse(text);
      const compacted = compact(JSON.stringify(value, null, indent));
      assert.match(compacted, /^[ -~]*$/);
      for (const one of [compacted, layOut(compacted, false), layOut(compacted, true)])
        assert.deepEqual(JSON.parse(one), value);
      assert.equal(compact(layOut(compacted, true)), compacted);
    }),
  );
});

test("members are what JSON.parse finds", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "grapheme" }), (text) => {
      const value: unknown = JSON.parse(text);
      const members = membersOf(text);
      if (typeof value !== "object" || value === null) return assert.equal(members, undefined);
      const parsed = members?.map((one) => [one.name, JSON.parse(one.value)]) ?? [];
      if (Array.isArray(value))
        return assert.deepEqual(
          parsed,
          value.map((one) => [undefined, one]),
        );
      const given = [...text.matchAll(/"__proto__"/g)].length > 0;
      if (!given) assert.deepEqual(Object.fromEntries(parsed), value);
    }),
  );
});

test("no text makes it throw, and none that is cut off has members", () => {
  const pieces = fc.array(fc.constantFrom('"', "{", "}", "[", "]", ",", ":", "\\", "1", " ", "a"), { maxLength: 30 });
  fc.assert(
    fc.property(pieces, (some) => {
      membersOf(some.join(""));
      parseText(some.join(""));
    }),
  );
  for (const text of ["", " ", "{", "[1", '{"a":"', '["\\"]', "[1,]x", "[1]]", "[,1]", "1"])
    assert.equal(membersOf(text), undefined, text);
});

test("the time alone is no content", () => {
  const content = (json: string) => contentOf(compact(json));
  assert.equal(content('{"a":1,"updated_at":"x"}'), content('{"updated_at":{"any":[1,2]}, "a":1}'));
  assert.notEqual(content('{"a":1,"updated_at":"x"}'), content('{"a":2,"updated_at":"x"}'));
  // Only where an entry itself has it.
  assert.notEqual(content('{"a":{"updated_at":1}}'), content('{"a":{"updated_at":2}}'));
  assert.notEqual(content('["updated_at",1]'), content('["updated_at",2]'));
  assert.notEqual(content('{"a":1.0}'), content('{"a":1}'));
  assert.equal(content('"updated_at"'), quote("updated_at"));
});

test("what is too long or too deep for other nodes is refused", () => {
  assert.equal(depthOf(compact('{"a":[{"b":"[[["}]}')), 3);
  const nested = (depth: number) => toBlob(`${"[".repeat(depth)}${"]".repeat(depth)}`);
  assert.equal(nested(24).ok, true);
  assert.equal(nested(25).ok, false);
  assert.equal(toBlob(JSON.stringify("é".repeat(5461))).ok, true);
  assert.equal(toBlob(JSON.stringify("é".repeat(5462))).ok, false);
});
