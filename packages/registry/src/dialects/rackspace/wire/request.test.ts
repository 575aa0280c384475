/** Request lines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { statusOfFault } from "./faults.ts";
import { isServiceId, isValueId } from "./fields.ts";
import { parseTarget } from "./request.ts";

test("a request line is a route, no page, or a fault; never an exception", () => {
  const method = fc.constantFrom("GET", "PUT", "POST", "DELETE", "PATCH");
  const word = fc.constantFrom(
    "services",
    "configuration",
    "SESSIONS",
    "heartbeat",
    "views",
    "",
    "%",
    "%2F",
    "a",
    "%c3",
  );
  const path = fc.array(fc.oneof(word, fc.string()), { maxLength: 8 }).map((parts) => `/v1.0/${parts.join("/")}`);
  fc.assert(
    fc.property(method, path, fc.string(), (verb, line, query) => {
      const target = parseTarget(verb, line, query);
      if (!target.ok) assert.equal(statusOfFault(target.fault), 400);
    }),
    { numRuns: 500 },
  );
});

test("a path that a client writes is the route that it means", () => {
  const id = fc.stringMatching(/^[A-Za-z0-9_.-]{3,65}$/).filter((text) => !/^(services|heartbeat)$/i.test(text));
  const valueId = fc
    .tuple(
      fc.array(fc.stringMatching(/^[a-z0-9_-]{3,10}$/), { maxLength: 10 }),
      fc.stringMatching(/^[a-z0-9_.-]{3,20}$/),
    )
    .map(([spaces, key]) => (spaces.length === 0 ? key : `/${spaces.join("/")}/${key}`));
  fc.assert(
    fc.property(id, valueId, (service, value) => {
      const read = (method: string, tail: string) => parseTarget(method, `/v1.0/12${tail}`, "");
      const got = read("GET", `/services/${encodeURIComponent(service)}`);
      assert.deepEqual(got.ok && [got.value.route, got.value.id], ["GET services/:id", service]);
      assert.ok(isServiceId(service) && isValueId(value));
      const set = read("PUT", `/configuration/${value}`);
      assert.deepEqual(set.ok && [set.value.route, set.value.id], ["PUT configuration/:id", value]);
      const escaped = read("GET", `/configuration/${encodeURIComponent(value)}`);
      assert.deepEqual(escaped.ok && [escaped.value.route, escaped.value.id], ["GET configuration/:id", value]);
    }),
  );
});
