/** Decoding of path segments and query strings: never throws, never guesses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeSegment, parseQuery } from "./query.ts";

/** Percent-encodes every byte, or only those that need it. */
function encode(text: string, all: boolean): string {
  if (!all) return encodeURIComponent(text);
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

// No lone halves of surrogate pairs: they have no UTF-8.
const wellFormed = fc.string({ unit: "grapheme" });

test("what was encoded comes back, however it was escaped", () => {
  fc.assert(
    fc.property(wellFormed, fc.boolean(), (text, all) => {
      assert.deepEqual(decodeSegment(encode(text, all)), { ok: true, value: text });
      // Raw bytes of UTF-8, as node:http hands them over.
      const raw = Buffer.from(text.replaceAll("%", "")).toString("latin1");
      assert.deepEqual(decodeSegment(raw), { ok: true, value: text.replaceAll("%", "") });
    }),
  );
});

test("any string is decoded as decodeURIComponent does, or refused where that throws", () => {
  const raw = fc.oneof(fc.string(), fc.stringMatching(/^(%[0-9a-fA-F]{0,2}|[a-z%]){0,20}$/));
  fc.assert(
    fc.property(raw, (text) => {
      const ascii = text.replace(/[^\x20-\x7e]/g, "");
      let expected: string | undefined;
      try {
        expected = decodeURIComponent(ascii);
      } catch {}
      const decoded = decodeSegment(ascii);
      if (expected === undefined) assert.equal(decoded.ok, false);
      else assert.deepEqual(decoded, { ok: true, value: expected });
    }),
  );
});

test("bad escapes and bytes that are not UTF-8 are refused as invalid", () => {
  for (const raw of ["%", "%4", "%zz", "a%2", "%%41", "%ff", "%c0%80", "%ed%a0%80", "%e2%82", "\xff", "\u0100%41"]) {
    const decoded = decodeSegment(raw);
    assert.equal(decoded.ok ? "ok" : decoded.refusal, "invalid", raw);
    const query = parseQuery(`a=${raw}`);
    assert.equal(query.ok ? "ok" : query.refusal, "invalid", raw);
    const name = parseQuery(`${raw}=a`);
    assert.equal(name.ok ? "ok" : name.refusal, "invalid", raw);
  }
  assert.deepEqual(decodeSegment("%EF%BB%BFa"), { ok: true, value: "\ufeffa" });
});

test("a query's pairs come back in order, repeated names with all their values", () => {
  const pairs = fc.array(fc.tuple(wellFormed, wellFormed), { maxLength: 30 });
  fc.assert(
    fc.property(pairs, (given) => {
      const raw = given.map(([name, value]) => `${encode(name, false)}=${encode(value, true)}`).join("&");
      const query = parseQuery(raw);
      assert.ok(query.ok);
      for (const [name] of given) {
        const values = given.filter(([other]) => other === name).map(([, value]) => value);
        assert.deepEqual(query.value.all(name), values);
        assert.equal(query.value.get(name), values[0]);
        assert.equal(query.value.has(name), true);
      }
      assert.deepEqual([...query.value.names()], [...new Set(given.map(([name]) => name))]);
    }),
  );
});

test("anything is a query or is refused; forms' plus is a space", () => {
  fc.assert(fc.property(fc.string(), (raw) => void parseQuery(raw)));
  const query = parseQuery("a+b=c+d%2B&&flag&x=1=2&");
  assert.ok(query.ok);
  assert.equal(query.value.get("a b"), "c d+");
  assert.equal(query.value.get("flag"), "");
  assert.equal(query.value.get("x"), "1=2");
  assert.equal(query.value.get("__proto__"), undefined);
  assert.deepEqual(query.value.all("none"), []);
  const many = parseQuery("a&".repeat(1001));
  assert.equal(many.ok ? "ok" : many.refusal, "too-large");
});
