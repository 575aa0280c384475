/** Eureka's instances <-> the catalog's: everything comes back as it was sent. Pure. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { instanceOf } from "../../../../../../test/harness/registry.ts";
import type { Instance, InstanceRecord, Status } from "../../../core/index.ts";
import { statusOf } from "../../../core/index.ts";
import { TTL_MS_MAX } from "../../contract.ts";
import type { EurekaStatus, InstanceInfo } from "../wire/messages.ts";
import { dirtyOf, toInfo, vipAddressOf } from "./info.ts";
import { META } from "./meta.ts";
import { findFault, toInstance, toService } from "./registration.ts";
import { fromEurekaStatus, isOverridden, overrideOf, saidStatus, shownStatus, toEurekaStatus } from "./status.ts";

const NOW = 1_800_000_000_000;
const STATUSES: readonly EurekaStatus[] = ["UP", "DOWN", "STARTING", "OUT_OF_SERVICE", "UNKNOWN"];

function infoOf(more: Partial<InstanceInfo> = {}): InstanceInfo {
  return {
    instanceId: "i1",
    hostName: "host.example.com",
    app: "APP",
    ipAddr: "10.0.0.1",
    sid: undefined,
    status: "UP",
    overriddenStatus: "UNKNOWN",
    port: { port: 8080, enabled: true },
    securePort: { port: 443, enabled: false },
    countryId: 1,
    dataCenterInfo: { name: "MyOwn", metadata: {} },
    leaseInfo: {
      renewalIntervalInSecs: 30,
      durationInSecs: 90,
      registrationTimestamp: 0,
      lastRenewalTimestamp: 0,
      evictionTimestamp: 0,
      serviceUpTimestamp: 0,
    },
    metadata: {},
    appGroupName: undefined,
    homePageUrl: undefined,
    statusPageUrl: undefined,
    healthCheckUrl: undefined,
    secureHealthCheckUrl: undefined,
    vipAddress: undefined,
    secureVipAddress: undefined,
    isCoordinatingDiscoveryServer: false,
    lastUpdatedTimestamp: 0,
    lastDirtyTimestamp: 1_700_000_000_000,
    actionType: "ADDED",
    asgName: undefined,
    ...more,
  };
}

/** As the catalog holds it once it is registered. */
function recordOf(instance: Instance, more: Partial<InstanceRecord> = {}): InstanceRecord {
  return {
    ...instance,
    lease: `${instance.service}/${instance.id}`,
    override: null,
    held: null,
    createRevision: 5,
    modRevision: 6,
    createdAtMs: NOW,
    stampMs: NOW,
    origin: "node",
    ...more,
  };
}

function registered(info: InstanceInfo): { readonly record: InstanceRecord; readonly ttlMs: number } {
  const made = toInstance(info, undefined, NOW);
  assert.ok(made.ok, made.ok ? "" : made.detail);
  return { record: recordOf(made.value.instance), ttlMs: made.value.ttlMs };
}

function foreign(more: Partial<Instance> = {}): InstanceRecord {
  return recordOf(instanceOf("Billing", "b1", { address: "10.0.0.2", tags: ["x"], via: "http", ...more }));
}

const show = (record: InstanceRecord, ttlMs: number | undefined = 90_000) =>
  toInfo(record, { ttlMs, lastBeatMs: 0 }, "ADDED", "MyOwn");

const text = fc.string({ minLength: 1, maxLength: 20 });
const optional = fc.option(text, { nil: undefined });
const PLAIN = { noNullPrototype: true } as const;
const port = fc.record({ port: fc.integer({ min: 0, max: 65_535 }), enabled: fc.boolean() }, PLAIN);
const metaKey = fc.oneof(
  text,
  fc.constantFrom("zone", "version", "eureka.hostName", "eureka.meta.x", "eureka.", "__proto__"),
);
const metadata = fc.dictionary(metaKey, text, { maxKeys: 6, ...PLAIN });
const dataCenter = fc.oneof(
  fc.constant({ name: "MyOwn", metadata: {} }),
  fc.constant({ name: "Netflix", metadata: {} }),
  fc.record({ name: fc.constant("Amazon"), metadata }, PLAIN),
);
const whole = fc.integer({ min: 1, max: 2_000_000_000_000 });

const anyInfo: fc.Arbitrary<InstanceInfo> = fc
  .record({
    instanceId: text,
    hostName: text,
    app: text.map((name) => name.toUpperCase()).filter((name) => toService(name).toUpperCase() === name),
    ipAddr: text,
    sid: optional,
    status: fc.constantFrom(...STATUSES),
    port,
    securePort: port,
    countryId: fc.integer({ min: 0, max: 200 }),
    dataCenterInfo: dataCenter,
    durationInSecs: fc.integer({ min: 1, max: 86_400 }),
    renewalIntervalInSecs: fc.integer({ min: 1, max: 86_400 }),
    metadata,
    appGroupName: optional,
    homePageUrl: optional,
    statusPageUrl: optional,
    healthCheckUrl: optional,
    secureHealthCheckUrl: optional,
    vipAddress: optional,
    secureVipAddress: optional,
    asgName: optional,
    isCoordinatingDiscoveryServer: fc.boolean(),
    lastDirtyTimestamp: whole,
  })
  .map(({ durationInSecs, renewalIntervalInSecs, ...rest }) =>
    infoOf({ ...rest, leaseInfo: { ...infoOf().leaseInfo, durationInSecs, renewalIntervalInSecs } }),
  );

test("whatever a client registers comes back as it was sent", () => {
  fc.assert(
    fc.property(anyInfo, (info) => {
      const { record, ttlMs } = registered(info);
      const shown = show(record, ttlMs);
      const { leaseInfo, lastUpdatedTimestamp: _at, ...rest } = shown;
      const { leaseInfo: sent, lastUpdatedTimestamp: _sentAt, ...expected } = info;
      assert.deepEqual(rest, expected);
      assert.equal(leaseInfo.durationInSecs, sent.durationInSecs);
      assert.equal(leaseInfo.renewalIntervalInSecs, sent.renewalIntervalInSecs);
    }),
    { numRuns: 500 },
  );
});

test("an instance of Eureka's has its place, ports, zone, version and metadata for every other dialect", () => {
  const metadata = { zone: "z1", version: "2.0", team: "money" };
  const { record, ttlMs } = registered(infoOf({ app: "ORDERS", metadata, securePort: { port: 8443, enabled: true } }));
  assert.deepEqual([record.service, record.id, record.address, ttlMs], ["orders", "i1", "10.0.0.1", 90_000]);
  assert.deepEqual([record.ports, record.protocol], [{ default: 8080, secure: 8443 }, "http"]);
  assert.deepEqual([record.zone, record.version, record.meta.team, record.via], ["z1", "2.0", "money", "eureka"]);
});

test("only a secure port makes it https; a disabled port is no port", () => {
  const { record } = registered(
    infoOf({ port: { port: 80, enabled: false }, securePort: { port: 443, enabled: true } }),
  );
  assert.deepEqual([record.ports, record.protocol], [{ secure: 443 }, "https"]);
  const shown = show(record);
  assert.deepEqual(
    [shown.port, shown.securePort],
    [
      { port: 80, enabled: false },
      { port: 443, enabled: true },
    ],
  );
});

test("Amazon's zone is the zone unless the metadata names one", () => {
  const amazon = { name: "Amazon", metadata: { "availability-zone": "us-east-1a", "instance-id": "i-1" } };
  assert.equal(registered(infoOf({ dataCenterInfo: amazon })).record.zone, "us-east-1a");
  assert.equal(registered(infoOf({ dataCenterInfo: amazon, metadata: { zone: "own" } })).record.zone, "own");
});

test("a lease is within the registry's limits, and 0 is the original's default", () => {
  const ttlOf = (durationInSecs: number) =>
    registered(infoOf({ leaseInfo: { ...infoOf().leaseInfo, durationInSecs } })).ttlMs;
  assert.deepEqual([ttlOf(0), ttlOf(-5), ttlOf(1), ttlOf(10)], [90_000, 90_000, 1000, 10_000]);
  assert.equal(ttlOf(2_000_000_000), TTL_MS_MAX);
});

test("the time since when it is up begins with its first UP and is carried over", () => {
  const starting = registered(infoOf({ status: "STARTING" })).record;
  assert.equal(starting.meta[META.serviceUpTimestamp], undefined);
  const up = toInstance(infoOf(), starting, NOW + 5);
  assert.ok(up.ok);
  const since = recordOf(up.value.instance);
  assert.equal(show(since).leaseInfo.serviceUpTimestamp, NOW + 5);
  const again = toInstance(infoOf({ status: "DOWN" }), since, NOW + 9);
  assert.ok(again.ok);
  assert.equal(show(recordOf(again.value.instance)).leaseInfo.serviceUpTimestamp, NOW + 5);
});

test("what a registration lacks is said in the original's words", () => {
  assert.equal(findFault(infoOf(), "app"), undefined);
  assert.equal(findFault(infoOf({ instanceId: "" }), "APP"), "Missing instanceId");
  assert.equal(findFault(infoOf({ app: "OTHER" }), "app"), "Mismatched appName, expecting APP but was OTHER");
  assert.equal(
    findFault(infoOf({ dataCenterInfo: undefined }), "OTHER"),
    "Mismatched appName, expecting OTHER but was APP",
  );
  assert.equal(findFault(infoOf({ dataCenterInfo: undefined }), "APP"), "Missing dataCenterInfo");
  assert.equal(findFault(infoOf({ dataCenterInfo: { name: "", metadata: {} } }), "APP"), "Missing dataCenterInfo Name");
});

test("an instance of another dialect gets what clients look for", () => {
  const shown = show(foreign({ ports: { secure: 443, default: 80 }, zone: "z", version: "1" }));
  assert.deepEqual([shown.app, shown.hostName, shown.ipAddr], ["BILLING", "10.0.0.2", "10.0.0.2"]);
  assert.deepEqual([shown.vipAddress, shown.secureVipAddress], ["Billing", "Billing"]);
  assert.deepEqual(shown.metadata, { zone: "z", version: "1" });
  assert.equal(shown.homePageUrl, "http://10.0.0.2:80/");
  assert.deepEqual(shown.dataCenterInfo, { name: "MyOwn", metadata: {} });
});

test("what another dialect left in Eureka's keys and makes no sense is not there", () => {
  const shown = show(foreign({ meta: { [META.hostName]: "", [META.countryId]: "" } }));
  assert.deepEqual([shown.hostName, shown.countryId], ["10.0.0.2", 1]);
  for (const time of ["", "0", "-5", "soon", "1e3", "1.5", "0x10", "99999999999999999999"]) {
    const record = foreign({ meta: { [META.lastDirtyTimestamp]: time } });
    assert.deepEqual([dirtyOf(record), show(record).lastDirtyTimestamp], [undefined, NOW], time);
  }
  assert.equal(dirtyOf(foreign({ meta: { [META.lastDirtyTimestamp]: "17" } })), 17);
});

test("an instance of another dialect without ports, or with https alone, or at an IPv6 address", () => {
  const none = show(foreign({ ports: {} }));
  assert.deepEqual([none.port, none.homePageUrl], [{ port: 0, enabled: false }, undefined]);
  const secure = show(foreign({ ports: { default: 8443 }, protocol: "https" }));
  assert.deepEqual(
    [secure.port, secure.securePort],
    [
      { port: 0, enabled: false },
      { port: 8443, enabled: true },
    ],
  );
  assert.equal(secure.homePageUrl, "https://10.0.0.2:8443/");
  const six = show(foreign({ address: "2001:db8::1" }));
  assert.deepEqual([six.ipAddr, six.homePageUrl], ["2001:db8::1", "http://[2001:db8::1]:80/"]);
});

test("an instance for good shows the original's lease", () => {
  const { durationInSecs, renewalIntervalInSecs } = toInfo(
    foreign(),
    { ttlMs: undefined, lastBeatMs: 0 },
    "ADDED",
    "MyOwn",
  ).leaseInfo;
  assert.deepEqual([durationInSecs, renewalIntervalInSecs], [90, 30]);
});

test("the vip address that is looked up is the one that is shown", () => {
  fc.assert(
    fc.property(anyInfo, fc.boolean(), (info, secure) => {
      const { record } = registered(info);
      const shown = show(record);
      assert.equal(vipAddressOf(record, secure), secure ? shown.secureVipAddress : shown.vipAddress);
    }),
  );
  for (const record of [foreign(), foreign({ ports: { secure: 1 } }), foreign({ protocol: "https" })]) {
    assert.equal(vipAddressOf(record, false), show(record).vipAddress);
    assert.equal(vipAddressOf(record, true), show(record).secureVipAddress);
  }
});

test("statuses are words for the same things; a warning still takes requests", () => {
  for (const status of STATUSES) assert.equal(toEurekaStatus(fromEurekaStatus(status)), status);
  const words: Readonly<Record<Status, EurekaStatus>> = {
    passing: "UP",
    warning: "UP",
    critical: "DOWN",
    starting: "STARTING",
    draining: "OUT_OF_SERVICE",
    unknown: "UNKNOWN",
  };
  for (const [status, word] of Object.entries(words)) assert.equal(toEurekaStatus(status as Status), word);
});

test("an override is what is shown, as in all other dialects; without one it is what the instance says", () => {
  for (const said of STATUSES) {
    for (const override of ["critical", "draining", "starting", "unknown", null] as const) {
      const record = { ...registered(infoOf({ status: said })).record, override };
      assert.equal(shownStatus(record), toEurekaStatus(statusOf(record)), `${said}, ${override}`);
      assert.equal(saidStatus(record), said);
      assert.equal(isOverridden(record), override !== null);
    }
  }
});

test("the operator's UP turns OUT_OF_SERVICE around and hides no DOWN", () => {
  const before = recordOf({ ...registered(infoOf()).record, meta: { [META.overriddenStatus]: "UP" } });
  const shownAfter = (status: EurekaStatus) => {
    const made = toInstance(infoOf({ status }), before, NOW);
    assert.ok(made.ok);
    const record = recordOf(made.value.instance);
    assert.equal(overrideOf(record), "UP");
    return shownStatus(record);
  };
  assert.deepEqual([shownAfter("OUT_OF_SERVICE"), shownAfter("UP"), shownAfter("DOWN")], ["UP", "UP", "DOWN"]);
});

test("a check that fails makes an instance of another dialect DOWN", () => {
  const check = {
    id: "c",
    kind: "http",
    name: "c",
    target: "",
    intervalMs: 0,
    timeoutMs: 0,
    status: "critical",
    output: "",
    reportedAtMs: 0,
  } as const;
  assert.equal(show(foreign({ checks: [check] })).status, "DOWN");
});

test("an application's service is one for all of its spellings", () => {
  for (const name of ["api", "Api", "API", "Straße", "STRASSE", "ǅ", "ﬀ"]) {
    const service = toService(name);
    assert.equal(toService(service), service, name);
    assert.equal(toService(name.toUpperCase()), service, name);
  }
});
