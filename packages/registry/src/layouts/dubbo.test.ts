/** Dubbo's providers by interface: names as it writes them, and names that it reads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceOf } from "../../../../test/harness/registry.ts";
import type { InstanceRecord } from "../core/index.ts";
import { createDubbo } from "./dubbo.ts";

const layout = createDubbo("/dubbo/");

function recordOf(more: Partial<InstanceRecord> = {}): InstanceRecord {
  const stamps = { createRevision: 1, modRevision: 1, createdAtMs: 5, stampMs: 5, origin: "n1" };
  return { ...instanceOf("org.shop.Greeter", "a"), lease: null, override: null, held: null, ...stamps, ...more };
}

/** As Dubbo 3.3 writes it, with methods enough to be longer than any id. */
const METHODS = Array.from({ length: 60 }, (_, nth) => `greetNumber${nth}`).join(",");
const WRITTEN = `dubbo://10.0.0.5:20880/org.shop.Greeter?anyhost=true&application=shop&interface=org.shop.Greeter&methods=${METHODS}&pid=7&side=provider&timestamp=1700000000000&version=1.2.0&weight=200`;
const KEY = `/dubbo/org.shop.Greeter/providers/${encodeURIComponent(WRITTEN)}`;

test("a provider as Dubbo writes it has an id of its address and a hash, and keeps its name", () => {
  const instance = layout.toInstance(KEY, "10.0.0.5", null);
  assert.ok(instance);
  assert.match(instance.id, /^10\.0\.0\.5:20880:[0-9a-f]{16}$/);
  assert.deepEqual(
    [instance.service, instance.address, instance.ports, instance.protocol, instance.version, instance.weight],
    ["org.shop.Greeter", "10.0.0.5", { default: 20880 }, "dubbo", "1.2.0", 200],
  );
  assert.deepEqual(instance.meta, { anyhost: "true", application: "shop", methods: METHODS, pid: "7" });
  assert.equal(layout.placeOf(instance)?.own, null, "its name is remembered");
  assert.notEqual(layout.toInstance(KEY.replace("1700000000000", "1700000000001"), "", null)?.id, instance.id);
  assert.equal(layout.toValue(recordOf(instance), "10.0.0.5"), "10.0.0.5");
  assert.equal(layout.says?.(KEY, recordOf({ ...instance, override: "draining" })), true);
  for (const other of [{ address: "10.0.0.6" }, { ports: { default: 1 } }, { version: "2" }, { meta: {} }])
    assert.equal(layout.says?.(KEY, recordOf({ ...instance, ...other })), false, JSON.stringify(other));
});

test("an instance of another dialect is called as a provider is", () => {
  const meta = { group: "g 1", odd: "a&b", "o=d": "x", timestamp: "7" };
  const record = recordOf({ address: "fe80::1", ports: { web: 80 }, protocol: "tri", version: "1.0", meta });
  const place = layout.placeOf(record);
  const name =
    "tri://[fe80::1]:80/org.shop.Greeter?interface=org.shop.Greeter&side=provider&version=1.0&group=g 1&timestamp=";
  assert.equal(decodeURIComponent((place?.name ?? "").replaceAll("+", " ")), name);
  const key = `${place?.parent}${place?.name}0000000007`;
  assert.equal(layout.says?.(key, record), true);
  assert.equal(layout.toInstance(key, "", null)?.address, "fe80::1");
  assert.equal(layout.toValue(record, null), "fe80::1");
  assert.equal(layout.toValue(recordOf({ ports: {} }), null), null);
  const long = layout.placeOf(recordOf({ meta: { long: "x".repeat(4000) } }));
  assert.ok((long?.name.length ?? 0) < 1000, "no key is so long");
});

test("what is no provider", () => {
  const url = encodeURIComponent("dubbo://h:1/x?a=b");
  assert.ok(layout.toInstance(`/dubbo/x/providers/${url}`, "", null));
  for (const path of [
    `x/consumers/${url}`,
    `x/providers/${url}/more`,
    `x/${url}`,
    `/providers/${url}`,
    "x/providers/",
    "x/providers/%E0%A4",
    "x/providers/plain",
    `x/providers/${encodeURIComponent("dubbo://h:99999/x")}`,
    `x/providers/${encodeURIComponent("dubbo://h:0/x")}`,
    `x/providers/${encodeURIComponent("dubbo://h/x")}`,
  ])
    assert.equal(layout.toInstance(`/dubbo/${path}`, "", null), null, path);
});
