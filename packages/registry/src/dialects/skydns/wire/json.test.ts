/** JSON by the rules of Go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { refuse, toBytes } from "../../../core/index.ts";
import { scanJson, type Value } from "./json.ts";

/** The value as JSON.parse gives it, as far as it is kept. */
function plain(value: Value): unknown {
  switch (value.kind) {
    case "string":
      return value.text;
    case "number":
      return Number(value.literal);
    case "bool":
      return value.value;
    case "null":
      return null;
    case "array":
      return [];
    case "object":
      return Object.fromEntries(value.members.map(([name, member]) => [name, plain(member)]));
  }
}

const hollow = (value: unknown): unknown => {
  if (Array.isArray(value)) return [];
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hollow(member)]));
};

test("all JSON is read as JSON.parse reads it, with anything behind it", () => {
  const anything = fc.json({ stringUnit: "grapheme" });
  fc.assert(
    fc.property(anything, fc.constantFrom("", " ", "x", "}", "\u0000"), (text, tail) => {
      // A number goes on as long as it can.
      const scanned = scanJson(toBytes(/[0-9]$/.test(text) ? text : text + tail));
      assert.ok(scanned.ok);
      assert.deepEqual(plain(scanned.value), hollow(JSON.parse(text)));
    }),
  );
});

test("no bytes make it throw, and what it takes JSON.parse takes", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array).toString("latin1")),
    fc
      .array(
        fc.constantFrom(
          '"',
          "{",
          "}",
          "[",
          "]",
          ":",
          ",",
          "\\",
          "u",
          "0",
          "1",
          "-",
          ".",
          "e",
          "t",
          "true",
          "null",
          " ",
          "a",
        ),
      )
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(bytes, (text) => {
      const scanned = scanJson(text);
      if (!scanned.ok) assert.notEqual(scanned.detail, "");
      let parses = true;
      try {
        JSON.parse(text);
      } catch {
        parses = false;
      }
      if (parses) assert.ok(scanned.ok, text);
    }),
    { numRuns: 2000 },
  );
  assert.deepEqual(scanJson("[".repeat(60_000)), refuse("invalid", "invalid character '[' exceeded max depth"));
});
