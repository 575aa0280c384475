/** Entries as users of etcd write and read them: go-kit, go-micro, gRPC naming, SkyDNS 2 and CoreDNS. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceOf } from "../../../../../test/harness/registry.ts";
import type { Instance, InstanceRecord, Layout } from "../../core/index.ts";
import { createGoKit } from "./go-kit.ts";
import { createGoMicro } from "./go-micro.ts";
import { createGrpc } from "./grpc.ts";
import { createSkydns } from "./skydns.ts";

const STAMPS = { createRevision: 1, modRevision: 1, createdAtMs: 0, stampMs: 0, origin: "n1" };

function recordOf(more: Partial<Instance>): InstanceRecord {
  return { ...instanceOf("web", "a"), lease: null, override: null, held: null, ...STAMPS, ...more };
}

const goKit = createGoKit("/services/");
const goMicro = createGoMicro("/micro/registry/");
const grpc = createGrpc("prod/");
const skydns = createSkydns("/skydns/local/skydns/");

/** What an entry says, and the bytes when it is said again. */
function said(layout: Layout, key: string, value: string): Partial<Instance> {
  const instance = layout.toInstance(layout.prefix + key, value, null);
  assert.ok(instance, `${layout.kind}: ${key} ${value}`);
  assert.equal(layout.toValue(recordOf(instance), value), value, "what is said again stays byte for byte");
  const { service, id, address, ports } = instance;
  return { service, id, address, ports };
}

const GREETER =
  '{"name":"go.micro/greeter","version":"1.2","metadata":null,"endpoints":[{"name":"Say.Hello"}],' +
  '"nodes":[{"id":"greeter-1","address":"10.0.0.1:8080","metadata":{"zone":"a"}}]}';

test("entries as their own libraries write them", () => {
  const web = { service: "web", id: "x", address: "10.0.0.1", ports: { default: 8080 } };
  assert.deepEqual(said(goKit, "web/x", "10.0.0.1:8080"), web);
  assert.deepEqual(said(goKit, "web/x", "http://10.0.0.1:8080/api?v=1"), web);
  assert.deepEqual(said(goKit, "web/x", "http://[fd00::1]:8080"), { ...web, address: "fd00::1" });
  assert.deepEqual(said(goKit, "web/10.0.0.1:8080", "10.0.0.1:8080"), { ...web, id: "10.0.0.1:8080" });
  assert.deepEqual(said(goMicro, "go.micro-greeter/greeter-1", GREETER), {
    ...web,
    service: "go.micro-greeter",
    id: "greeter-1",
  });
  assert.deepEqual(said(grpc, "web/x", '{"Op":0,"Addr":"10.0.0.1:8080","Metadata":null}'), web);
  assert.deepEqual(said(grpc, "web/x", '{"Op":0,"Addr":"10.0.0.1:8080","Metadata":"free"}'), web);
  const record = '{"host":"10.0.0.1","port":8080,"priority":20,"text":"t","ttl":5}';
  assert.deepEqual(said(skydns, "web/x", record), web);
  assert.deepEqual(said(skydns, "prod/web/x", record), { ...web, service: "web.prod" });
  assert.deepEqual(said(skydns, "prod/web/x", '{"host":"db.example.com"}'), {
    ...web,
    service: "web.prod",
    address: "db.example.com",
    ports: {},
  });
});

test("more of what they say", () => {
  const micro = goMicro.toInstance("/micro/registry/go.micro-greeter/greeter-1", GREETER, null);
  assert.deepEqual([micro?.version, micro?.meta, micro?.via], ["1.2", { zone: "a" }, "go-micro"]);
  const value = '{"Op":0,"Addr":"h:1","Metadata":{"zone":"b","n":1}}';
  assert.deepEqual(grpc.toInstance("prod/web/x", value, null)?.meta, { zone: "b" });
  assert.equal(skydns.toInstance("/skydns/local/skydns/web/x", '{"host":"h","weight":7}', null)?.weight, 7);
  assert.equal(goKit.toInstance("/services/web/x", "HTTPS://h:1", null)?.protocol, "https");
});

test("what changes is said anew, and what else stood there stays", () => {
  const moved = { address: "10.9.9.9", ports: { default: 99 } };
  const now = (layout: Layout, key: string, value: string, more: Partial<Instance> = {}): string => {
    const instance = layout.toInstance(layout.prefix + key, value, null);
    return layout.toValue(recordOf({ ...instance, ...moved, ...more }), value) ?? "";
  };
  assert.equal(now(goKit, "web/x", "http://10.0.0.1:8080/api"), "http://10.9.9.9:99/api");
  const micro = JSON.parse(now(goMicro, "go.micro-greeter/greeter-1", GREETER, { meta: { zone: "c" }, version: "2" }));
  assert.deepEqual(micro, {
    ...JSON.parse(GREETER),
    version: "2",
    nodes: [{ id: "greeter-1", address: "10.9.9.9:99", metadata: { zone: "c" } }],
  });
  assert.equal(
    now(grpc, "web/x", '{"Op":0,"Addr":"h:1","Metadata":"free"}'),
    '{"Op":0,"Addr":"10.9.9.9:99","Metadata":"free"}',
  );
  assert.deepEqual(JSON.parse(now(skydns, "web/x", '{"host":"h","ttl":5}', { weight: 3 })), {
    host: "10.9.9.9",
    ttl: 5,
    port: 99,
    weight: 3,
  });
});

test("instances of other dialects as entries, and back", () => {
  const record = recordOf({ address: "fd00::1", ports: { web: 80 }, meta: { a: "b" }, version: "3" });
  const values: readonly (readonly [Layout, string, unknown])[] = [
    [goKit, "http://[fd00::1]:80", undefined],
    [
      goMicro,
      "",
      {
        name: "web",
        metadata: {},
        endpoints: [],
        version: "3",
        nodes: [{ id: "a", address: "[fd00::1]:80", metadata: { a: "b" } }],
      },
    ],
    [grpc, "", { Op: 0, Addr: "[fd00::1]:80", Metadata: { a: "b" } }],
    [skydns, "", { host: "fd00::1", port: 80, weight: record.weight }],
  ];
  for (const [layout, text, json] of values) {
    const value = layout.toValue(record, null) ?? "";
    if (json === undefined) assert.equal(value, text);
    else assert.deepEqual(JSON.parse(value), json, layout.kind);
    const own = layout.placeOf(record)?.own ?? "";
    const back = layout.toInstance(own, value, record);
    assert.deepEqual([back?.service, back?.id, back?.address], ["web", "a", "fd00::1"], layout.kind);
    assert.equal(layout.toValue(recordOf({ address: "" }), null), null, layout.kind);
  }
  assert.equal(skydns.placeOf({ service: "web.prod", id: "1" })?.own, "/skydns/local/skydns/prod/web/1");
  assert.deepEqual(skydns.placeOf({ service: "web", id: "10.0.0.1:80" }), {
    own: null,
    parent: "/skydns/local/skydns/web/",
    name: "x",
    digits: 10,
  });
  for (const service of ["dns", "a.dns", "a..b"]) assert.equal(skydns.placeOf({ service, id: "1" }), null, service);
});

test("what is no entry", () => {
  const none = (layout: Layout, key: string, value: string): void =>
    assert.equal(layout.toInstance(layout.prefix + key, value, null), null, `${layout.kind}: ${key} ${value}`);
  for (const value of ["", "web", "a b:1", "http://", "h:0", "h:99999", "h:1 ", "x".repeat(5000)])
    none(goKit, "web/x", value);
  for (const value of ["{}", '{"Op":1,"Addr":"h:1"}', '{"Addr":"h"}', '{"Addr":5}', "[]", "h:1"])
    none(grpc, "web/x", value);
  none(goMicro, "other/greeter-1", GREETER);
  none(goMicro, "go.micro-greeter/x", GREETER);
  for (const nodes of [[], {}, [1], [{ id: "x" }], [{ id: "x", address: "h" }]])
    none(goMicro, "web/x", JSON.stringify({ name: "web", nodes }));
  for (const key of ["web", "dns/ns/a", "a.b/x", "a//x", "web/"]) none(skydns, key, '{"host":"h"}');
  for (const value of ["", "{}", '{"host":""}', '{"host":"h","port":"1"}']) none(skydns, "web/x", value);
});
