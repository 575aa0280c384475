/** Which type a client would rather have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { preferredOf } from "./accept.ts";

const TYPES = ["application/xml", "application/json"] as const;

const EXPECTED: readonly (readonly [accept: string | undefined, type: "xml" | "json"])[] = [
  [undefined, "xml"],
  ["", "xml"],
  ["*/*", "xml"],
  ["application/*", "xml"],
  ["text/html", "xml"],
  // As axios and Angular send it.
  ["application/json, text/plain, */*", "json"],
  ["text/plain, */*, application/json", "json"],
  ["*/*, application/json", "json"],
  ["application/*, application/json", "json"],
  ["application/json, application/xml", "json"],
  ["application/xml, application/json", "xml"],
  ["application/json, application/xml;q=1.0", "json"],
  ["application/xml;q=0.5, application/json", "json"],
  ["application/xml;q=0.5,application/json;q=0.4", "xml"],
  ["application/json;q=0.5, */*", "xml"],
  ["application/json;q=0.9, */*;q=0.9", "json"],
  ["application/xml;q=0, */*", "json"],
  ["application/json;q=0", "xml"],
  ["application/json;q=0, */*", "xml"],
  ["application/json;q=0, application/xml;q=0", "xml"],
  ["Application/JSON ; Q=0.8\t, text/html", "json"],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", "xml"],
  ["application/json;charset=utf-8;q=0.3, application/xml;q=0.2", "json"],
  ["application/json;q=nonsense", "xml"],
];

test("named types go before wildcards, and then the client's order counts", () => {
  for (const [accept, type] of EXPECTED) assert.equal(preferredOf(accept, TYPES), `application/${type}`, accept);
});

test("any header leads to one of the types", () => {
  fc.assert(fc.property(fc.string(), (accept) => assert.ok(TYPES.includes(preferredOf(accept, TYPES)))));
});
