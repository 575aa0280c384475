/** The codec of the Rackspace dialect and its chains of tokens, without sockets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { recordOf } from "../../../../../../test/harness/registry.ts";
import type { Clock, Commit, LeaseRecord } from "../../../core/index.ts";
import { Rates, WINDOW_MS } from "../accounts/rates.ts";
import { Tokens } from "../accounts/tokens.ts";
import { toEvents } from "../events/commits.ts";
import { toInstance } from "../services/instances.ts";
import {
  parseCredentials,
  parseHeartbeat,
  parseNewService,
  parseNewSession,
  parseServiceUpdate,
  parseSessionUpdate,
  parseValue,
} from "./bodies.ts";
import { statusOfFault } from "./faults.ts";
import { isServiceId, isValueId } from "./fields.ts";
import { parseBody, parseTarget } from "./request.ts";
import { formatUuid, fromTicks, parseUuid, toMaker, toTicks } from "./uuid.ts";

const maker = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => toMaker(Buffer.from(bytes)));

test("a UUID gives back its time, and later times make other UUIDs", () => {
  const ticks = fc.bigInt({ min: 0n, max: (1n << 60n) - 1n });
  fc.assert(
    fc.property(ticks, maker, (time, who) => {
      const parsed = parseUuid(formatUuid(time, who).toUpperCase());
      assert.ok(parsed.ok);
      assert.equal(parsed.ticks, time);
      assert.equal(parsed.text, formatUuid(time, who));
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 9999 }), (ms, offset) => {
      assert.equal(fromTicks(toTicks(ms, offset)), ms);
    }),
  );
  // The example of RFC 9562, appendix A.1: 2022-02-22T14:22:22-05:00.
  const example = parseUuid("C232AB00-9414-11EC-B3C8-9F6BDECED846");
  assert.ok(example.ok);
  assert.equal(fromTicks(example.ticks), Date.parse("2022-02-22T14:22:22-05:00"));
});

test("reading a UUID never throws", () => {
  const near = fc.stringMatching(/^[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  fc.assert(fc.property(fc.oneof(fc.string(), near), (text) => typeof parseUuid(text).ok === "boolean"));
});

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
      assert.deepEqual(got.ok && got.value.route, { kind: "get-service", id: service });
      assert.ok(isServiceId(service) && isValueId(value));
      const set = read("PUT", `/configuration/${value}`);
      assert.deepEqual(set.ok && set.value.route, { kind: "set-value", id: value });
      const escaped = read("GET", `/configuration/${encodeURIComponent(value)}`);
      assert.deepEqual(escaped.ok && escaped.value.route, { kind: "get-value", id: value });
    }),
  );
});

test("any body gives a message or a fault of its own, never an exception", () => {
  const key = fc.constantFrom("id", "tags", "metadata", "heartbeat_timeout", "session_id", "token", "value", "auth");
  const body = fc.dictionary(fc.oneof(key, fc.string()), fc.jsonValue());
  const parsers = [
    parseNewService,
    parseServiceUpdate,
    parseNewSession,
    parseSessionUpdate,
    parseHeartbeat,
    parseValue,
    parseCredentials,
  ];
  fc.assert(
    fc.property(body, (value) => {
      for (const parse of parsers) {
        const parsed = parse(value);
        if (!parsed.ok) assert.equal(statusOfFault(parsed.fault), 400);
      }
    }),
    // What JSON holds need not be convertible to a string.
    { numRuns: 500, examples: [[{ heartbeat_timeout: [{ toString: "" }] }]] },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.option(fc.string(), { nil: undefined }), (bytes, type) => {
      const parsed = parseBody(type, Buffer.from(bytes));
      if (!parsed.ok) assert.equal(statusOfFault(parsed.fault), 400);
    }),
  );
  fc.assert(
    fc.property(body, (value) => {
      const parsed = parseBody(undefined, Buffer.from(JSON.stringify(value)));
      assert.deepEqual(parsed.ok && JSON.stringify(parsed.value), JSON.stringify(JSON.parse(JSON.stringify(value))));
    }),
  );
});

test("a service is found under a name, an address and a port", () => {
  const name = (tags: string[], meta: Record<string, string>) => toInstance("id-1", tags, meta).service;
  assert.equal(name([], {}), "id-1");
  assert.equal(name(["www", "db"], {}), "www");
  assert.equal(name(["a/b", " x", "db"], {}), "db");
  assert.equal(name(["www"], { service: "api" }), "api");
  assert.equal(name(["www"], { service: "a/b" }), "www");
  const place = (meta: Record<string, string>) => {
    const { address, ports } = toInstance("id-1", [], meta);
    return [address, ports.default];
  };
  assert.deepEqual(place({ host: "h", ip: "i", address: "a", port: "80" }), ["a", 80]);
  assert.deepEqual(place({ host: "h", ip: "i", port: "0" }), ["i", undefined]);
  assert.deepEqual(place({ host: "h", port: "65536" }), ["h", undefined]);
  assert.deepEqual(place({ port: "8080x" }), ["", undefined]);
});

const lease: LeaseRecord = {
  id: "svc/id-1",
  ttlMs: 30_000,
  via: "rackspace",
  own: true,
  meta: {},
  held: null,
  createRevision: 7,
  modRevision: 7,
  grantedAtMs: 0,
  origin: "node",
};
const bearer = { kind: "service", account: "acme", id: "id-1" } as const;

function stoppedClock(ms = 1_700_000_000_000): Clock & { ms: number } {
  const clock = { ms, now: () => clock.ms, monotonic: () => clock.ms };
  return clock;
}

test("tokens increase even when the clock stands still or steps back", () => {
  const clock = stoppedClock();
  const tokens = new Tokens(Buffer.alloc(32, 1), clock);
  let token = tokens.begin(bearer, lease);
  for (let i = 0; i < 100; i++) {
    if (i === 50) clock.ms -= 3_600_000;
    const next = tokens.use(bearer, lease, token);
    const [before, after] = [parseUuid(token), parseUuid(next ?? "")];
    assert.ok(before.ok && after.ok && after.ticks > before.ticks);
    token = next ?? "";
  }
});

test("what another secret, account, id, kind or incarnation made is no token here", () => {
  const clock = stoppedClock();
  const token = new Tokens(Buffer.alloc(32, 1), clock).begin(bearer, lease);
  const fresh = (byte = 1) => new Tokens(Buffer.alloc(32, byte), clock);
  assert.ok(fresh().use(bearer, lease, token));
  assert.equal(fresh(2).use(bearer, lease, token), null);
  assert.equal(fresh().use({ ...bearer, account: "other" }, lease, token), null);
  assert.equal(fresh().use({ ...bearer, id: "id-2" }, lease, token), null);
  assert.equal(fresh().use({ ...bearer, kind: "session" }, lease, token), null);
  assert.equal(fresh().use(bearer, { ...lease, createRevision: 8 }, token), null);
});

test("requests are counted per account and window", () => {
  const rates = new Rates();
  assert.equal(rates.count("a", 0).used, 1);
  assert.equal(rates.count("a", WINDOW_MS - 1).used, 2);
  assert.equal(rates.count("b", 0).used, 1);
  assert.equal(rates.count("a", WINDOW_MS).used, 1);
  for (let i = 0; i < 30_000; i++) rates.count(`many-${i}`, WINDOW_MS);
  assert.equal(rates.count("a", WINDOW_MS + 1).used <= 2, true);
});

test("changes of other dialects stand in the feed as far as they fit", () => {
  const instance = toInstance("id-1", ["www"], {});
  const record = recordOf(instance.service, instance.id, { ...instance, via: "http", lease: "shared" });
  const commit = (changes: Commit["changes"]): Commit => ({
    revision: 9,
    account: "acme",
    atMs: 1000,
    nth: 3,
    changes,
  });
  const shared = { ...lease, id: "shared", own: false, via: "http", ttlMs: 10_000 };
  const join = commit([{ kind: "instance", cause: "registered", before: null, after: record }]);
  assert.deepEqual(
    toEvents(join, () => shared),
    [
      {
        type: "service.join",
        timestamp: 1000,
        payload: { id: "id-1", heartbeat_timeout: 10, tags: ["www"], metadata: {} },
        ticks: toTicks(1000, 3),
      },
    ],
  );
  const silence = { deadlineMs: 900, lastBeatMs: 0, beats: 0 };
  const end = commit([
    { kind: "lease", cause: "expired", before: shared, after: null, silence },
    { kind: "instance", cause: "expired", before: record, after: null },
    { kind: "instance", cause: "expired", before: { ...record, id: "not legal here!" }, after: null },
  ]);
  const found = toEvents(end, () => undefined);
  assert.deepEqual(
    found.map(({ type, timestamp, ticks }) => [type, timestamp, ticks]),
    [["service.timeout", 900, toTicks(1000, 4)]],
  );
  const moved = commit([
    { kind: "instance", cause: "updated", before: record, after: { ...record, service: "other" } },
  ]);
  assert.deepEqual(
    toEvents(moved, () => shared),
    [],
  );
});
