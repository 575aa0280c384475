/** JSON as Go reads and writes it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBody, encodeJson, prettify } from "./json.ts";

function readText(text: string): unknown {
  const decoded = decodeBody(Buffer.from(text));
  return decoded.ok ? decoded.value : decoded.refusal;
}

test("numbers of 64 bits stay exact, all else is plain JSON", () => {
  const cases: readonly (readonly [text: string, value: unknown])[] = [
    ['{"Flags":3304740253564472344}', { Flags: "3304740253564472344" }],
    ["[18446744073709551615,1]", ["18446744073709551615", 1]],
    ['["1234567890123456789 \\" 1234567890123456789"]', ['1234567890123456789 " 1234567890123456789']],
    ["[1234567890123456.5]", [1234567890123456.5]],
    ["[1e1234567890123456]", [Number.POSITIVE_INFINITY]],
    ["[0.12345678901234567890]", [Number("0.12345678901234567890")]],
    ['["\\\\",12345678901234567]', ["\\", "12345678901234567"]],
    ['{"a":"é 1234567890123456"}', { a: "é 1234567890123456" }],
    ['["1234567890123456', "invalid"],
    ["", "invalid"],
    ["nope", "invalid"],
  ];
  for (const [text, value] of cases) assert.deepEqual(readText(text), value, text);
});

test("any JSON is read as it is when its numbers are short", () => {
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false }), (text) => {
      if (/[0-9]{16}/.test(text)) return;
      assert.deepEqual(readText(text), JSON.parse(text));
    }),
  );
});

test("pretty JSON says the same", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) =>
      assert.deepEqual(JSON.parse(prettify(encodeJson(value))), JSON.parse(JSON.stringify(value))),
    ),
  );
  assert.equal(prettify('{"a":[1,{}],"b":":,"}'), '{\n    "a": [\n        1,\n        {}\n    ],\n    "b": ":,"\n}');
  assert.equal(encodeJson("<a&b>"), '"\\u003ca\\u0026b\\u003e"');
});
