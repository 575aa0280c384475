/** JSON bodies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { charsetOf, decodeJson, isJsonType, VALUES_MAX } from "./json.ts";

test("JSON that is well-formed is decoded as it is", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const decoded = decodeJson(Buffer.from(JSON.stringify(value)));
      assert.deepEqual(decoded, { ok: true, value: JSON.parse(JSON.stringify(value)) });
    }),
  );
});

test("large bodies are decoded as small ones are, whatever their strings hold", () => {
  const nasty = fc.string({ unit: fc.constantFrom("\\", '"', "[", "{", ",", ":", "a", "é"), maxLength: 80 });
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.jsonValue({ maxDepth: 4 }), nasty, fc.dictionary(nasty, nasty))), (values) => {
      const value = [...values, "x".repeat(5000)];
      assert.deepEqual(decodeJson(Buffer.from(JSON.stringify(value))), {
        ok: true,
        value: JSON.parse(JSON.stringify(value)),
      });
    }),
  );
});

test("a body that holds too much is not parsed", () => {
  const many = (count: number, of: (nth: number) => string): string =>
    Array.from({ length: count }, (_, i) => of(i)).join();
  const refused: readonly (readonly [body: string, refusal: string, detail: RegExp])[] = [
    ["[".repeat(5000), "invalid", /nested deeper than 32 levels/],
    [`${'{"a":['.repeat(17)}${" ".repeat(5000)}${"]}".repeat(17)}`, "invalid", /nested deeper/],
    [`[${many(VALUES_MAX, () => "1")}]`, "too-large", /more than 10000 values/],
    [`[${many(VALUES_MAX / 2, () => '{"a":1}')}]`, "too-large", /more than 10000 values/],
    [`[${many(VALUES_MAX / 2, () => "{}")},${many(VALUES_MAX / 2, () => "[]")}]`, "too-large", /values/],
    [`{${many(2001, (i) => `"n${i}":1`)}}`, "too-large", /more than 2000 different names/],
    [`[${many(2001, (i) => `{"n${i}" : 1}`)}]`, "too-large", /names/],
  ];
  for (const [body, refusal, detail] of refused) {
    const decoded = decodeJson(Buffer.from(body));
    assert.ok(!decoded.ok, body.slice(0, 40));
    assert.equal(decoded.refusal, refusal);
    assert.match(decoded.detail, detail);
  }
  const allowed = [
    `[${many(VALUES_MAX - 1, () => "1")}]`,
    `[${many(3000, () => '{"a":1}')}]`,
    `{${many(2000, (i) => `"n${i}":1`)}}`,
    `${"[".repeat(32)}"${"[".repeat(5000)}"${"]".repeat(32)}`,
  ];
  for (const body of allowed) assert.ok(decodeJson(Buffer.from(body)).ok, body.slice(0, 40));
  assert.ok(decodeJson(Buffer.from(`[${many(15_000, () => "1")}]`), 20_000).ok, "a route may take more");
});

test("any bytes are decoded or refused in words", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (array) => {
      const decoded = decodeJson(Buffer.from(array));
      assert.ok(decoded.ok || decoded.detail !== "");
    }),
  );
});

test("content types are told by their name, and character sets by their parameter", () => {
  for (const type of [undefined, "application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"])
    assert.ok(isJsonType(type), type);
  for (const type of ["", "text/plain", "application/xml", "json", "application/json\xa0", "\xa0application/json;"])
    assert.ok(!isJsonType(type), type);
  assert.equal(charsetOf("application/json"), undefined);
  assert.equal(charsetOf('application/json; a=b; CharSet="UTF-8"'), "utf-8");
  assert.equal(charsetOf("application/json;charset=Latin1;x=y"), "latin1");
  assert.equal(charsetOf("application/json; charset=utf-8\t ;x=y"), "utf-8");
  assert.equal(charsetOf("application/json; charset=utf-8\xa0"), "utf-8\xa0");
});
