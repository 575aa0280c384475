/** The native API's codecs: they throw at nothing, and give back what they were given. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Instance, InstanceRecord, Outcome } from "../../../core/index.ts";
import { decodeSubscribe, toEndpoint, toInstance, versionOf } from "../catalog/endpoints.ts";
import { decodeTransaction } from "../config/transaction.ts";
import { decodeMultiplex, toScope } from "../follow/interest.ts";
import { ROUTES } from "../routes.ts";
import { buildRoutes, matchRoutes } from "../server/routing.ts";
import { decodeEventCursor, isOfInterest, toEventId } from "./commits.ts";
import {
  decodeCondition,
  decodeCount,
  decodeDuration,
  decodeJson,
  decodeKey,
  encodeKey,
  encodeTag,
  matchesTag,
} from "./json.ts";
import { sayDuration } from "./reasons.ts";
import { fromKeyCursor, toKeyBody, toKeyCursor } from "./records.ts";
import { decodeEndpoint, decodeRegister, mergePatch, patchRegisterBody, splitAddr } from "./registration.ts";

const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array).toString("latin1"));

/** JSON that often has the fields that the decoders look for. */
const json = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(
    fc.constantFrom(
      ...["address", "port", "ports", "tags", "meta", "checks", "ttl", "lease", "application", "protocol", "addr"],
      ...["subscribes", "subscriptions", "guards", "then", "otherwise", "after", "wait", "version", "__proto__"],
    ),
    fc.oneof(fc.jsonValue(), fc.array(fc.dictionary(fc.constantFrom("id", "put", "get", "key"), fc.jsonValue()))),
  ),
);

function isOutcome(outcome: Outcome<unknown>): boolean {
  return outcome.ok || (typeof outcome.detail === "string" && outcome.detail !== "");
}

test("decoders answer anything, and throw at nothing", () => {
  fc.assert(
    fc.property(json, (value) => {
      for (const decode of [decodeEndpoint, decodeSubscribe, decodeMultiplex]) assert.ok(isOutcome(decode(value)));
      assert.ok(isOutcome(decodeRegister(value, "s", "i")));
      assert.ok(isOutcome(decodeTransaction(value)));
      mergePatch(value, value);
    }),
  );
  fc.assert(fc.property(fc.uint8Array(), (array) => isOutcome(decodeJson(Buffer.from(array)))));
  fc.assert(fc.property(fc.string(), (text) => isOutcome(decodeKey(text)) && isOutcome(splitAddr(text))));
  fc.assert(fc.property(fc.string(), (text) => isOutcome(decodeCondition(text, "If-Match"))));
  fc.assert(
    fc.property(fc.string(), (text) => {
      decodeDuration(text);
      decodeCount(text);
      decodeEventCursor(text);
      fromKeyCursor(text);
    }),
  );
  const root = buildRoutes(ROUTES);
  fc.assert(fc.property(fc.string(), (text) => void matchRoutes(root, `/v2/${text}`)));
});

test("JSON that is well-formed is decoded as it is", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const decoded = decodeJson(Buffer.from(JSON.stringify(value)));
      assert.deepEqual(decoded, { ok: true, value: JSON.parse(JSON.stringify(value)) });
    }),
  );
});

test("a key survives its way into a path and out of it", () => {
  fc.assert(fc.property(bytes, (key) => assert.deepEqual(decodeKey(encodeKey(key)), { ok: true, value: key })));
  fc.assert(fc.property(bytes, (key) => assert.equal(fromKeyCursor(toKeyCursor(key)), key)));
  assert.equal(fromKeyCursor(toKeyCursor("base64:AAAA")), "base64:AAAA");
});

test("a value survives its way into an answer", () => {
  fc.assert(
    fc.property(bytes, bytes, (key, value) => {
      const numbers = { version: 1, createRevision: 1, modRevision: 1, stampMs: 0 };
      const body = toKeyBody({ key, value, lease: null, origin: "", ...numbers });
      const text =
        body.value === null ? Buffer.from(body.valueBase64 ?? "", "base64") : Buffer.from(body.value, "utf8");
      assert.equal(text.toString("latin1"), value);
      const name = body.keyBase64 === undefined ? Buffer.from(body.key, "utf8") : Buffer.from(body.keyBase64, "base64");
      assert.equal(name.toString("latin1"), key);
    }),
  );
});

test("durations are read as they are written", () => {
  const cases: [unknown, number | undefined][] = [
    ["500ms", 500],
    ["10s", 10_000],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["2h", 7_200_000],
    [30, 30_000],
    [0, 0],
    ["30", 30_000],
    ["", undefined],
    ["-1s", undefined],
    ["1d", undefined],
    [-1, undefined],
    [Number.NaN, undefined],
    [null, undefined],
    ["1e3s", undefined],
  ];
  for (const [value, ms] of cases) assert.equal(decodeDuration(value), ms, String(value));
  for (const [ms, text] of [
    [850, "850 ms"],
    [10_200, "10.2 s"],
    [300_000, "5 min"],
    [7_200_000, "2 h"],
  ] as const)
    assert.equal(sayDuration(ms), text);
});

test("entity tags match as RFC 9110 says", () => {
  const tag = encodeTag(7);
  for (const list of ['"7"', "*", '"1", "7"', 'W/"7"', ' "7" ']) assert.ok(matchesTag(list, tag), list);
  for (const list of ['"8"', "7", "", '"77"']) assert.ok(!matchesTag(list, tag), list);
});

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
      const decoded = decodeRegister(patchRegisterBody(toRecord(instance), {}), instance.service, instance.id, "keep");
      assert.deepEqual(decoded, { ok: true, value: { instance, life: "keep" } });
    }),
  );
});

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
      assert.deepEqual(toEndpoint(toRecord(toInstance(decoded.value))), endpoint);
    }),
  );
});

test("a version depends on the endpoints and on nothing else", () => {
  const one = { application: "a", protocol: "http", addr: "h:1", meta: { x: "1", y: "2" } };
  assert.equal(versionOf([one]), versionOf([{ ...one, meta: { y: "2", x: "1" } }]));
  assert.notEqual(versionOf([one]), versionOf([{ ...one, meta: { x: "1" } }]));
  assert.notEqual(versionOf([one]), versionOf([]));
  assert.notEqual(versionOf([one]), versionOf([one, one]));
});

test("event ids are cursors", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 999_999 }), (revision, index) =>
      assert.deepEqual(decodeEventCursor(toEventId(revision, index)), { revision, index }),
    ),
  );
  for (const bad of ["", "a", "1-", "-1", "1-2-3", "1-x", "99999999999999999"])
    assert.equal(decodeEventCursor(bad), undefined);
});

test("the scope of an interest holds all of it", () => {
  const keys = fc.uniqueArray(
    bytes.filter((key) => key !== ""),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(keys, fc.array(bytes, { maxLength: 3 }), bytes, (exact, prefixes, key) => {
      if (key === "" || exact.length + prefixes.length === 0) return;
      const interest = { services: new Set<string>(), keys: new Set(exact), prefixes, everything: false };
      const record = {
        key,
        value: "",
        lease: null,
        origin: "",
        version: 1,
        createRevision: 1,
        modRevision: 1,
        stampMs: 0,
      };
      if (!isOfInterest({ kind: "key", cause: "put", before: null, after: record }, interest)) return;
      const range = toScope("a", interest).keys;
      assert.ok(range !== undefined);
      const inside =
        range.to === undefined ? key === range.from : key >= range.from && (range.to === "" || key < range.to);
      assert.ok(inside, JSON.stringify({ exact, prefixes, key, range }));
    }),
  );
});
