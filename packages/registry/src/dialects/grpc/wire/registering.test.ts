/** What is read and written by hand beside what the runtime makes of the same bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { HEAD_BYTES } from "../../../net/grpc/method.ts";
import { PACKAGE, SCHEMA } from "../proto/schema.ts";
import { readRegistering, writeRegistered } from "./registering.ts";

const REQUEST = SCHEMA.message(`${PACKAGE}.RegisterRequest`);
const RESPONSE = SCHEMA.message(`${PACKAGE}.RegisterResponse`);

/** By the runtime. */
function toBytes(request: object): Buffer {
  return Buffer.from(toBinary(REQUEST, fromJson(REQUEST, request as JsonValue)));
}

const name = fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => text !== "__proto__");
const int32 = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const registration = fc.record(
  {
    address: name,
    port: int32,
    ports: fc.dictionary(name, int32, { maxKeys: 3, noNullPrototype: true }),
    protocol: name,
    tags: fc.array(name, { minLength: 1, maxLength: 4 }),
    meta: fc.dictionary(name, name, { maxKeys: 4, noNullPrototype: true }),
    version: name,
    zone: name,
    weight: int32,
    status: name,
    ttl: int32.map((seconds) => `${seconds}s`),
    lease: name,
  },
  { requiredKeys: [] },
);
const request = fc.record(
  { account: name, service: name, id: name, instance: registration, ifAbsent: fc.boolean(), ifRevision: fc.nat() },
  { requiredKeys: ["account", "service", "id"] },
);

test("a registration is read as the runtime reads it", () => {
  fc.assert(
    fc.property(request, (said) => {
      const bytes = toBytes({ ...said, ...(said.ifRevision !== undefined && { ifRevision: String(said.ifRevision) }) });
      const read = readRegistering(bytes);
      const { instance = {} } = toJson(REQUEST, fromBinary(REQUEST, bytes)) as { instance?: object };
      assert.deepEqual(read?.body, instance);
      const { account, service, id, ifAbsent = false, ifRevision } = said;
      assert.deepEqual({ ...read, body: 0 }, { account, service, id, ifAbsent, ifRevision, body: 0 });
    }),
  );
});

test("what is seldom said is left to the runtime", () => {
  const cases: readonly object[] = [
    { instance: { checks: [{ id: "c" }] } },
    { instance: { ttl: "1.5s" } },
    { instance: { port: -1 } },
    { instance: { meta: JSON.parse('{"__proto__":"x"}') } },
  ];
  for (const said of cases) assert.equal(readRegistering(toBytes(said)), undefined, JSON.stringify(said));
  const twice = Buffer.concat([toBytes({ instance: { address: "a" } }), toBytes({ instance: { zone: "z" } })]);
  assert.equal(readRegistering(twice), undefined);
  // A field of later days, and one of another kind.
  for (const hex of ["98060a", "0801", "2201ff"]) {
    const bytes = Buffer.from(hex, "hex");
    if (hex === "2201ff") assert.throws(() => readRegistering(bytes), RangeError);
    else assert.equal(readRegistering(bytes), undefined, hex);
  }
});

test("whatever the bytes are, it reads them, leaves them, or says that they are no message", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        readRegistering(Buffer.from(bytes));
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
  );
});

test("an answer is what the runtime writes", () => {
  const longest = { service: "web", id: "é".repeat(100), revision: 2 ** 40, created: true, lease: "l", ttlMs: 30_000 };
  for (const body of [
    longest,
    { ...longest, created: false, lease: null, ttlMs: null },
    { ...longest, lease: "", ttlMs: 0 },
  ]) {
    const bytes = writeRegistered(body).subarray(HEAD_BYTES);
    const { revision, lease, ttlMs, ...rest } = body;
    const optional = { ...(lease !== null && { lease }), ...(ttlMs !== null && { ttlMs: BigInt(ttlMs) }) };
    const init = { ...rest, revision: BigInt(revision), ...optional } as Record<string, unknown>;
    assert.deepEqual(bytes, Buffer.from(toBinary(RESPONSE, create(RESPONSE, init))));
  }
});
