/** Members of serversets, as real programs write and read them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceOf } from "../../../../test/harness/registry.ts";
import type { InstanceRecord } from "../core/index.ts";
import { createServerset } from "./serverset.ts";

const layout = createServerset("/aurora/");
const MEMBER = "/aurora/web/member_0000000007";

function recordOf(more: Partial<InstanceRecord> = {}): InstanceRecord {
  const stamps = { createRevision: 1, modRevision: 1, createdAtMs: 0, stampMs: 0, origin: "n1" };
  return { ...instanceOf("web", "a"), lease: null, override: null, held: null, ...stamps, ...more };
}

function read(value: unknown, key = MEMBER) {
  return layout.toInstance(key, typeof value === "string" ? value : JSON.stringify(value), null);
}

test("a member as Aurora writes it", () => {
  const instance = read({
    serviceEndpoint: { host: "10.0.0.1", port: 31234 },
    additionalEndpoints: {
      http: { host: "10.0.0.1", port: 31235 },
      elsewhere: { host: "10.0.0.2", port: 9 },
    },
    status: "ALIVE",
    shard: 3,
    metadata: { az: "a", n: 1 },
  });
  assert.ok(instance);
  const { service, id, address, ports, status, meta, via } = instance;
  assert.deepEqual(
    { service, id, address, ports, status, meta, via },
    {
      service: "web",
      id: "member_0000000007",
      address: "10.0.0.1",
      ports: { default: 31234, http: 31235 },
      status: "passing",
      meta: { az: "a", shard: "3" },
      via: "serverset",
    },
  );
});

test("each status, and what is said again stays byte for byte", () => {
  const words = { ALIVE: "passing", STARTING: "starting", WARNING: "warning", STOPPING: "draining" };
  const more = { DEAD: "critical", STOPPED: "critical", UNKNOWN: "unknown" };
  for (const [word, status] of Object.entries({ ...words, ...more })) {
    const value = JSON.stringify({ status: word, odd: [1], serviceEndpoint: { port: 1, host: "h" } });
    const instance = read(value);
    assert.equal(instance?.status, status);
    assert.equal(layout.toValue(recordOf({ ...instance }), value), value);
  }
  assert.equal(read({ serviceEndpoint: { host: "h", port: 1 } })?.status, "passing", "without a word it is alive");
});

test("what is no member", () => {
  const good = { serviceEndpoint: { host: "h", port: 1 }, status: "ALIVE" };
  assert.ok(read(good));
  for (const key of [
    "web",
    "web/",
    "web/x",
    "web/member_1",
    "web/member_0000000007/x",
    "/member_0000000007",
    "vector_1",
  ])
    assert.equal(read(good, `/aurora/${key}`), null, key);
  for (const value of ["", "null", "[]", "{", '"x"', `{"serviceEndpoint":${"[".repeat(50_000)}`, " ".repeat(70_000)])
    assert.equal(read(value), null, value.slice(0, 20));
  for (const odd of [{}, { host: "h" }, { host: "", port: 1 }, { host: 1, port: 1 }, { host: "h", port: "1" }])
    assert.equal(read({ ...good, serviceEndpoint: odd }), null, JSON.stringify(odd));
  assert.equal(read({ ...good, status: "FINE" }), null);
});

test("an instance as a member, and back", () => {
  const record = recordOf({
    address: "10.1.1.1",
    ports: { default: 80, admin: 81, off: 0 },
    meta: { shard: "12", team: "blue" },
    override: "draining",
  });
  const value = layout.toValue(record, null);
  assert.deepEqual(JSON.parse(value ?? ""), {
    serviceEndpoint: { host: "10.1.1.1", port: 80 },
    additionalEndpoints: { admin: { host: "10.1.1.1", port: 81 } },
    status: "STOPPING",
    shard: 12,
    metadata: { team: "blue" },
  });
  assert.equal(layout.toValue(record, value), value);
  const back = layout.toInstance(MEMBER, value ?? "", record);
  assert.deepEqual([back?.status, back?.meta], [record.status, record.meta], "the override is no word of the instance");
  assert.equal(layout.toValue(recordOf({ ports: {} }), null), null);
  assert.equal(layout.toValue(recordOf({ address: "" }), null), null);
  assert.equal(JSON.parse(layout.toValue(recordOf({ meta: { shard: "x" } }), null) ?? "").metadata.shard, "x");
});

test("names in any script", () => {
  const place = layout.placeOf({ service: "größe", id: "member_0000000001" });
  const value = layout.toValue(recordOf(), null);
  assert.equal(layout.toInstance(place?.own ?? "", value ?? "", null)?.service, "größe");
});
