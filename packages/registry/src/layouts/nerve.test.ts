/** Nerve's nodes, as it writes them and Synapse reads them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceOf } from "../../../../test/harness/registry.ts";
import type { InstanceRecord } from "../core/index.ts";
import { createNerve } from "./nerve.ts";

const layout = createNerve("/nerve/");

function recordOf(more: Partial<InstanceRecord> = {}): InstanceRecord {
  const stamps = { createRevision: 1, modRevision: 1, createdAtMs: 0, stampMs: 0, origin: "n1" };
  return { ...instanceOf("web", "a"), lease: null, override: null, held: null, ...stamps, ...more };
}

test("a node as Nerve writes it, and what is said again stays byte for byte", () => {
  const value =
    '{"host":"10.0.0.1","port":3000,"name":"i-1","weight":5,"labels":{"az":"a"},"haproxy_server_options":"x"}';
  const instance = layout.toInstance("/nerve/web/i-1_0000000007", value, null);
  assert.ok(instance);
  const { service, id, address, ports, weight, meta, status, via } = instance;
  assert.deepEqual(
    { service, id, address, ports, weight, meta, status, via },
    {
      service: "web",
      id: "i-1_0000000007",
      address: "10.0.0.1",
      ports: { default: 3000 },
      weight: 5,
      meta: { az: "a" },
      status: "passing",
      via: "nerve",
    },
  );
  assert.equal(layout.toValue(recordOf(instance), value), value);
  const moved = layout.toValue(recordOf({ ...instance, address: "10.0.0.2" }), value);
  assert.deepEqual(JSON.parse(moved ?? ""), { ...JSON.parse(value), host: "10.0.0.2" }, "what else it has stays");
});

test("what is no node of Nerve's", () => {
  const good = '{"host":"h","port":1}';
  assert.ok(layout.toInstance("/nerve/web/x_0000000001", good, null));
  for (const key of ["web", "web/", "web/x", "web/x_1", "web/_0000000001", "web/a/x_0000000001", "/x_0000000001"])
    assert.equal(layout.toInstance(`/nerve/${key}`, good, null), null, key);
  for (const value of ["", "[]", "{", '{"host":"h"}', '{"host":"","port":1}', '{"host":"h","port":"1"}'])
    assert.equal(layout.toInstance("/nerve/web/x_0000000001", value, null), null, value);
});

test("an instance as a node, and back", () => {
  const record = recordOf({
    address: "10.1.1.1",
    ports: { default: 80, admin: 81 },
    weight: 7,
    meta: { team: "blue" },
  });
  const value = layout.toValue(record, null) ?? "";
  assert.deepEqual(JSON.parse(value), { name: "a", host: "10.1.1.1", port: 80, weight: 7, labels: { team: "blue" } });
  assert.deepEqual(layout.placeOf(record), { own: null, parent: "/nerve/web/", name: "a_", digits: 10 });
  assert.equal(layout.placeOf({ service: "web", id: "a_0000000003" })?.own, "/nerve/web/a_0000000003");
  const back = layout.toInstance("/nerve/web/a_0000000000", value, record);
  assert.deepEqual([back?.ports, back?.weight, back?.meta], [record.ports, 7, record.meta]);
  assert.equal(layout.toValue(record, value), value);
  assert.equal(layout.toValue(recordOf({ ports: {} }), null), null);
  assert.equal(layout.toValue(recordOf({ address: "" }), null), null);
});
