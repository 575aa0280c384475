/** Entries of Curator's service discovery, of its users' too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceOf } from "../../../../test/harness/registry.ts";
import type { InstanceRecord } from "../core/index.ts";
import { createCurator, PAYLOADS } from "./curator.ts";

const layout = createCurator("/services/");

function recordOf(more: Partial<InstanceRecord> = {}): InstanceRecord {
  const stamps = { createRevision: 1, modRevision: 1, createdAtMs: 5, stampMs: 5, origin: "n1" };
  return { ...instanceOf("shop", "a"), lease: null, override: null, held: null, ...stamps, ...more };
}

/** As Curator 5.7 writes it. */
const WRITTEN =
  '{"name":"shop","id":"shop-1","address":"10.0.0.5","port":8080,"sslPort":null,"payload":"blue",' +
  '"registrationTimeUTC":1700000000000,"serviceType":"DYNAMIC","uriSpec":null,"enabled":true}';

test("an entry as Curator writes it, and what is said again stays byte for byte", () => {
  const instance = layout.toInstance("/services/shop/shop-1", WRITTEN, null);
  assert.ok(instance);
  const { service, id, address, ports, meta, status, via } = instance;
  assert.deepEqual(
    { service, id, address, ports, meta, status, via },
    {
      service: "shop",
      id: "shop-1",
      address: "10.0.0.5",
      ports: { default: 8080 },
      meta: {},
      status: "passing",
      via: "curator",
    },
  );
  assert.equal(layout.toValue(recordOf(instance), WRITTEN), WRITTEN);
  const drained = layout.toValue(recordOf({ ...instance, override: "draining" }), WRITTEN) ?? "";
  assert.deepEqual(JSON.parse(drained), { ...JSON.parse(WRITTEN), enabled: false });
  assert.equal(layout.toInstance("/services/shop/shop-1", drained, null)?.status, "draining");
});

test("an entry of Spring Cloud has the instance's meta, both ways", () => {
  const spring = createCurator("/services/", "spring-cloud");
  const record = recordOf({
    address: "10.1.1.1",
    ports: { default: 80, ssl: 443 },
    meta: { zone: "a" },
    lease: "shop/a",
  });
  const value = spring.toValue(record, null) ?? "";
  assert.deepEqual(JSON.parse(value), {
    name: "shop",
    id: "a",
    registrationTimeUTC: 5,
    serviceType: "DYNAMIC",
    uriSpec: {
      parts: [
        { value: "scheme", variable: true },
        { value: "://", variable: false },
        { value: "address", variable: true },
        { value: ":", variable: false },
        { value: "port", variable: true },
      ],
    },
    address: "10.1.1.1",
    port: 80,
    sslPort: 443,
    payload: { "@class": PAYLOADS["spring-cloud"], id: "a", name: "shop", metadata: { zone: "a" } },
    enabled: true,
  });
  assert.equal(spring.toValue(record, value), value);
  const back = spring.toInstance("/services/shop/a", value, null);
  assert.deepEqual([back?.ports, back?.meta, back?.via], [{ ssl: 443, default: 80 }, { zone: "a" }, "spring-cloud"]);
  const changed = JSON.parse(spring.toValue({ ...record, meta: { zone: "b" } }, value) ?? "");
  assert.deepEqual(changed.payload.metadata, { zone: "b" });
});

test("an instance of another dialect for those who know no payload", () => {
  const value = layout.toValue(recordOf({ address: "10.1.1.1", ports: { web: 80 }, meta: { a: "b" } }), null) ?? "";
  assert.deepEqual(
    [JSON.parse(value).payload, JSON.parse(value).port, JSON.parse(value).serviceType],
    [null, 80, "PERMANENT"],
  );
  assert.equal(layout.placeOf({ service: "shop", id: "a" })?.own, "/services/shop/a");
  assert.equal(layout.toValue(recordOf({ ports: {} }), null), null);
});

test("what is no entry of Curator's", () => {
  const read = (key: string, value: string) => layout.toInstance(`/services/${key}`, value, null);
  for (const key of ["shop", "shop/", "/shop-1", "shop/a/b", "other/shop-1"])
    assert.equal(read(key, WRITTEN), null, key);
  for (const odd of ["", "10.0.0.1", "{", "[]", "{}"]) assert.equal(read("shop/shop-1", odd), null, odd);
  for (const more of [{ address: null }, { address: "" }, { port: null }, { port: 0 }, { enabled: "no" }, { id: 1 }])
    assert.equal(read("shop/shop-1", JSON.stringify({ ...JSON.parse(WRITTEN), ...more })), null, JSON.stringify(more));
});
