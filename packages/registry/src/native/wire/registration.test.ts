/** Registrations and merge patches. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Instance, InstanceRecord } from "../../core/index.ts";
import { decodeRegister, mergePatch, patchRegisterBody } from "./registration.ts";

test("merge patches do what RFC 7396 says in its appendix", () => {
  const cases: [unknown, unknown, unknown][] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of cases) assert.deepEqual(mergePatch(target, patch), result);
});

const word = fc.stringMatching(/^[a-z][a-z0-9.-]{0,12}$/);
const pairs = fc.dictionary(word, fc.string({ maxLength: 20 }), { noNullPrototype: true });

const instances: fc.Arbitrary<Instance> = fc.record(
  {
    service: word,
    id: word,
    address: word,
    ports: fc.dictionary(word, fc.integer({ min: 0, max: 65_535 }), { noNullPrototype: true }),
    protocol: word,
    tags: fc.array(word, { maxLength: 5 }),
    meta: pairs,
    version: word,
    zone: word,
    weight: fc.integer({ min: 0, max: 65_535 }),
    status: fc.constantFrom("passing", "warning", "critical", "starting", "draining", "unknown"),
    checks: fc.constant([]),
    via: fc.constant("http"),
  },
  { noNullPrototype: true },
);

function toRecord(instance: Instance): InstanceRecord {
  const numbers = { createRevision: 1, modRevision: 1, createdAtMs: 0, stampMs: 0 };
  return { ...instance, lease: null, override: null, held: null, origin: "", ...numbers };
}

test("a patch that says nothing changes nothing", () => {
  fc.assert(
    fc.property(instances, (instance) => {
      const decoded = decodeRegister(
        patchRegisterBody(toRecord(instance), {}),
        instance.service,
        instance.id,
        "http",
        "keep",
      );
      assert.deepEqual(decoded, { ok: true, value: { instance, life: "keep" } });
    }),
  );
});
