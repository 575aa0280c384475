/** JSON bodies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { charsetOf, decodeJson, isJsonType } from "./json.ts";

test("JSON that is well-formed is decoded as it is", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const decoded = decodeJson(Buffer.from(JSON.stringify(value)));
      assert.deepEqual(decoded, { ok: true, value: JSON.parse(JSON.stringify(value)) });
    }),
  );
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
