/** Members of a body as Go finds them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "./fields.ts";

function fieldsOf(value: unknown): Fields {
  const fields = Fields.of(value);
  assert.ok(fields.ok);
  return fields.value;
}

test("names count in any case, null is left out, and aliases stand in", () => {
  const fields = fieldsOf({ NAME: "a", port: 80, Tags: null, enable_tag_override: true, Check: { ttl: "10s" } });
  assert.equal(fields.text("Name"), "a");
  assert.equal(fields.whole("Port", 0, 65535), 80);
  assert.deepEqual(fields.texts("Tags"), []);
  assert.equal(fields.flag("EnableTagOverride", "enable_tag_override"), true);
  assert.equal(fields.object("check")?.durationMs("TTL"), 10_000);
  assert.equal(fields.has("tags"), false);
  assert.equal(fields.wrong, undefined);
});

test("the first member of a wrong type is told with its path", () => {
  const cases: readonly (readonly [read: (fields: Fields) => unknown, value: unknown, said: RegExp])[] = [
    [(fields) => fields.text("Name"), { Name: 1 }, /Name must be a text/],
    [(fields) => fields.whole("Port", 0, 65535), { Port: "80" }, /Port must be a whole number from 0 to 65535/],
    [(fields) => fields.whole("Port", 0, 65535), { Port: 70000 }, /Port must be/],
    [(fields) => fields.flag("On"), { On: "true" }, /On must be true or false/],
    [(fields) => fields.texts("Tags"), { Tags: ["a", 1] }, /Tags must be a list of texts/],
    [(fields) => fields.pairs("Meta"), { Meta: { a: 1 } }, /Meta must be texts by name/],
    [(fields) => fields.uint64("Flags"), { Flags: "18446744073709551616" }, /Flags must be an unsigned/],
    [(fields) => fields.uint64("Flags"), { Flags: -1 }, /Flags must be an unsigned/],
    [(fields) => fields.durationMs("TTL"), { TTL: "soon" }, /TTL must be a duration/],
    [(fields) => fields.objects("Checks")[1]?.text("Name"), { Checks: [{}, { Name: 2 }] }, /Checks\[1\].Name must be/],
    [(fields) => fields.object("Check"), { Check: [] }, /Check must be an object/],
  ];
  for (const [read, value, said] of cases) {
    const fields = fieldsOf(value);
    read(fields);
    assert.match(fields.wrong?.detail ?? "", said);
  }
  assert.equal(Fields.of([]).ok, false);
  assert.equal(Fields.of(null).ok, false);
});

test("numbers are nanoseconds, and 64 bits stay exact", () => {
  const fields = fieldsOf({ a: 15_000_000_000, b: "18446744073709551615", c: 7, d: "9000000000000000000" });
  assert.equal(fields.durationMs("A"), 15_000);
  assert.equal(fields.uint64("B"), "18446744073709551615");
  assert.equal(fields.uint64("C"), "7");
  assert.equal(fields.uint64("none"), "0");
  assert.equal(fields.durationMs("D"), 9e12);
});
