/** Endpoints and the instances they stand for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { recordOf } from "../../../../../test/harness/registry.ts";
import { decodeEndpoint } from "../wire/registration.ts";
import { toEndpoint, toInstance, versionOf } from "./endpoints.ts";

const word = fc.stringMatching(/^[a-z][a-z0-9.-]{0,12}$/);
const pairs = fc.dictionary(word, fc.string({ maxLength: 20 }), { noNullPrototype: true });

test("an endpoint comes back as it was registered", () => {
  const hosts = fc.oneof(word, fc.ipV4(), fc.constantFrom("[::1]", "[fe80::1%eth0]"));
  const endpoints = fc.record(
    {
      application: word,
      protocol: fc.constantFrom("http", "grpc", "h2c"),
      addr: fc.tuple(hosts, fc.integer({ min: 0, max: 65_535 })).map(([host, port]) => `${host}:${port}`),
      meta: pairs,
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(endpoints, (endpoint) => {
      const decoded = decodeEndpoint(endpoint);
      assert.ok(decoded.ok, JSON.stringify(decoded));
      assert.deepEqual(toEndpoint(recordOf("", "", toInstance(decoded.value, "http"))), endpoint);
    }),
  );
});

test("a version depends on the endpoints and on nothing else", () => {
  const one = recordOf("a", "http@h:1", { protocol: "http", meta: { x: "1", y: "2" } });
  const other = recordOf("a", "http@h:2", { protocol: "http" });
  assert.equal(versionOf([one]), versionOf([{ ...one, meta: { y: "2", x: "1" }, modRevision: 7 }]));
  assert.equal(versionOf([one, other]), versionOf([other, one]));
  assert.notEqual(versionOf([one]), versionOf([{ ...one, meta: { x: "1" } }]));
  assert.notEqual(versionOf([one]), versionOf([]));
  assert.notEqual(versionOf([one]), versionOf([one, other]));
});
