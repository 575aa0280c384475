/** Which zones there are, which of them hide others, and what moves their serials. In this process. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { DEFAULTS, nameOf, SURROUNDINGS, showShort } from "../../../../../../test/dns/names-rig.ts";
import { accepted, instanceOf, openRig } from "../../../../../../test/harness/registry.ts";
import { type Access, type Instance, SYSTEM_ACCOUNT } from "../../../core/index.ts";
import { resolve } from "../names/resolve.ts";
import type { Settings } from "../settings/model.ts";
import { readSettings } from "../settings/reader.ts";
import { zoneRecords } from "../transfer/zone-records.ts";
import { CLASS, type Resource, TYPE } from "../wire/message.ts";
import { keyOf, showName } from "../wire/name.ts";
import { LabelIndex } from "./label-index.ts";
import type { FileZone, World } from "./model.ts";
import { OpenZones } from "./open-zones.ts";
import { RENDERING, rememberShape } from "./shape.ts";
import { toWorld } from "./world.ts";

const ADDRESSES = ["192.0.2.53"];

interface Bench {
  readonly said: string[];
  readonly registry: Awaited<ReturnType<typeof openRig>>["registry"];
  readonly zones: OpenZones;
  register(service: string, id: string, more?: Partial<Instance>, account?: string): Promise<void>;
  read<T>(use: (world: World) => T extends PromiseLike<unknown> ? never : T): T;
  ask(name: string, type: keyof typeof TYPE): readonly Resource[];
  transfer(zone: string): readonly Resource[];
  serial(): number;
}

async function openBench(t: TestContext, more: Partial<Settings> = {}): Promise<Bench> {
  const { registry, clock } = await openRig();
  const settings: Settings = { ...DEFAULTS, ...more };
  const access = { listAccounts: () => [] } as unknown as Access;
  const said: string[] = [];
  const log = { warn: (_fields: object, sentence: string) => void said.push(sentence) };
  const index = new LabelIndex(registry, clock, settings);
  const zones = new OpenZones({ registry, access, settings, names: [], log: log as never });
  t.after(() => {
    zones.close();
    index.close();
  });
  await new Promise(setImmediate);
  const options = { settings, index, zones, addresses: ADDRESSES };
  const read: Bench["read"] = (use) => registry.read((view) => use(toWorld(view, options)));
  return {
    said,
    registry,
    zones,
    read,
    async register(service, id, rest = {}, account = "default") {
      const instance = instanceOf(service, id, rest);
      accepted(await registry.propose(account, { kind: "register", instance, life: "permanent" }));
    },
    ask: (name, type) =>
      read((world) => resolve({ name: nameOf(name), type: TYPE[type], class: CLASS.IN }, world)?.answers ?? []),
    transfer: (zone) => read((world) => [...zoneRecords(world, world.zoneOf(nameOf(zone))!)]),
    serial: () => read((world) => world.serialOf(world.zoneOf(nameOf("rollcall."))!)),
  };
}

test("accounts named like what every zone has do not hide it", async (t) => {
  const bench = await openBench(t, { zones: [{ name: nameOf("servers.example."), account: "ns" }] });
  await bench.register("api", "A", { address: "10.0.0.1" });
  await bench.register("api", "a", { address: "10.0.0.2" });
  for (const account of ["addr", "ADDR", "ns"]) await bench.register("web", "w1", { address: "10.0.0.9" }, account);
  await new Promise(setImmediate);
  for (const { data } of bench.ask("_api._tcp.rollcall.", "SRV")) {
    assert.ok(data.kind === "service");
    assert.match(showName(data.target), /^0a00000[12]\.addr\.rollcall\.$/);
    assert.equal(bench.ask(showName(data.target), "A").length, 1);
  }
  assert.deepEqual(bench.ask("ns.rollcall.", "A").map(showShort), ["A 192.0.2.53"]);
  assert.deepEqual(bench.ask("web.addr.rollcall.", "A"), []);
  assert.deepEqual(bench.ask("web.servers.example.", "A").map(showShort), ["A 10.0.0.9"]);
  assert.ok(!bench.transfer("rollcall.").some(({ name, type }) => type === TYPE.NS && name.length > 1));
  await bench.register("web", "w2", { address: "10.0.0.9" }, "addr");
  await bench.register("x", "x1", {}, "other");
  bench.zones.list();
  assert.deepEqual([...new Set(bench.said)].length, 1);
  assert.equal(bench.said.length, 2, "once for each account that has no other zone");
});

test("zones of the settings may not lie there either", () => {
  const read = (zones: readonly string[], more: object = {}) => {
    const settings = readSettings({ zones: zones.map((name) => ({ name })), ...more }, SURROUNDINGS);
    return settings.ok ? settings.value : settings.detail;
  };
  for (const zones of [["addr.rollcall"], ["x.NS.rollcall"], ["addr.shop.rollcall"], ["a.example", "ns.a.example"]])
    assert.match(String(read(zones)), /^dns: the zone .* would hide addresses of /, zones.join());
  assert.match(String(read(["example"], { domain: "addr.example" })), /would hide addresses of example\./);
  for (const zones of [["addr.example"], ["shop.rollcall"], ["addresses.rollcall"], ["ns"]])
    assert.equal(typeof read(zones), "object", zones.join());
});

test("records of a file that lie over an account's zone live no longer than instances", async (t) => {
  const bench = await openBench(t, { ttlS: 5 });
  const origin = nameOf("rollcall.");
  const toRecord = (name: string, type: number, ttlS: number, data: Resource["data"]): Resource => ({
    name: nameOf(name),
    type,
    class: CLASS.IN,
    ttlS,
    data,
  });
  const numbers = { serial: 1, refreshS: 1, retryS: 1, expireS: 1, minimumS: 60 };
  const authority = toRecord("rollcall.", TYPE.SOA, 3600, {
    kind: "authority",
    primary: nameOf("ns1.example."),
    mailbox: origin,
    ...numbers,
  });
  const all = [
    authority,
    toRecord("rollcall.", TYPE.NS, 3600, { kind: "name", target: nameOf("ns1.example.") }),
    toRecord("api.rollcall.", TYPE.A, 3600, { kind: "address", address: "192.0.2.1" }),
    toRecord("fast.rollcall.", TYPE.A, 2, { kind: "address", address: "192.0.2.2" }),
    toRecord("www.rollcall.", TYPE.CNAME, 3600, { kind: "name", target: nameOf("api.rollcall.") }),
  ];
  const owners = new Map<string, Resource[]>();
  for (const record of all) owners.set(keyOf(record.name), [...(owners.get(keyOf(record.name)) ?? []), record]);
  const file: FileZone = { origin, authority, owners, between: new Set() };
  bench.zones.setFiles([file]);
  const show = (records: readonly Resource[]): string[] =>
    records.map((record) => `${showName(record.name)} ${record.ttlS} ${showShort(record)}`).sort();
  const before = ["api.rollcall. 5 A 192.0.2.1"];
  assert.deepEqual(show(bench.ask("api.rollcall.", "A")), before, "also while there is no instance");
  await bench.register("api", "a1", { address: "10.0.0.1" });
  await bench.register("fast", "f1", { address: "10.0.0.2" });
  const api = ["api.rollcall. 5 A 10.0.0.1", ...before];
  const fast = ["fast.rollcall. 2 A 10.0.0.2", "fast.rollcall. 2 A 192.0.2.2"];
  assert.deepEqual(show(bench.ask("api.rollcall.", "A")), api);
  assert.deepEqual(show(bench.ask("fast.rollcall.", "A")), fast);
  const whole = show(bench.transfer("rollcall."));
  for (const line of [...api, ...fast, "www.rollcall. 3600 CNAME api.rollcall.", "rollcall. 3600 NS ns1.example."])
    assert.ok(whole.includes(line), line);
  const ttls = new Map<string, Set<number>>();
  for (const { name, type, ttlS } of bench.transfer("rollcall."))
    ttls.set(`${keyOf(name)} ${type}`, (ttls.get(`${keyOf(name)} ${type}`) ?? new Set()).add(ttlS));
  for (const [set, found] of ttls) assert.equal(found.size, 1, `a set has one TTL: ${set}`);
  // The same file is the same zone: nothing is rendered again for it.
  const found = bench.zones.find(origin);
  bench.zones.setFiles([file]);
  const again = bench.zones.find(origin);
  assert.ok(found?.kind === "account" && again?.kind === "account" && found.file === again.file);
});

test("whatever shapes a zone besides the catalog moves its serial, and nothing else does", async (t) => {
  const bench = await openBench(t);
  await bench.register("api", "a1");
  const keep = async (settings: Partial<Settings>, addresses: readonly string[] = ADDRESSES): Promise<number> => {
    const put = bench.registry.read((view) => rememberShape(view, { ...DEFAULTS, ...settings }, addresses));
    if (put !== undefined) accepted(await bench.registry.propose(SYSTEM_ACCOUNT, put));
    return bench.serial();
  };
  let last = bench.serial();
  const first = await keep({});
  assert.ok(first > last, "what was there before is unknown");
  assert.equal(await keep({}), first);
  assert.equal(await keep({ tcpIdleMs: 77, responsesPerSecond: 1, allowTransfer: DEFAULTS.reverse }), first);
  last = first;
  const changes: readonly Partial<Settings>[] = [
    { domain: nameOf("other.") },
    { zones: [{ name: nameOf("x.example."), account: "x" }] },
    { zones: [{ name: nameOf("x.example."), account: "y" }] },
    { ttlS: 6 },
    { negativeTtlS: 2 },
    { nameServers: [nameOf("ns1.example.")] },
    { mailbox: nameOf("me.example.") },
    { whenNoneHealthy: "held" },
    { sources: new Map([["consul", null]]) },
    { files: [{ path: "/x", origin: undefined, account: "x", pollMs: 1 }] },
  ];
  for (const change of changes) {
    const serial = await keep(change);
    assert.ok(serial > last, JSON.stringify(Object.keys(change)));
    assert.equal(await keep(change), serial);
    last = serial;
  }
  const moved = await keep({}, ["192.0.2.54"]);
  assert.ok(moved > last, "this server's addresses");
  // Changes of the catalog move it as before.
  await bench.register("api", "a2");
  assert.ok(bench.serial() > moved);
});

/** Hashes of the zone below, by `RENDERING`. For another hash raise the number, or secondaries keep old records. */
const HASHES: Readonly<Record<number, string>> = {
  1: "0642caaa9261ac2d4813960d8f5c8d1f8794b221cc170229b7a5fb24c25bb44f",
};

test("a catalog that makes another zone than before has another number of rendering", async (t) => {
  const bench = await openBench(t);
  await bench.register("api", "a1", { address: "10.0.0.1", ports: { default: 80, b: 81 }, tags: ["blue"], zone: "z" });
  await bench.register("api", "A 2", { address: "fd00::2", version: "1.2", meta: { k: "v" }, weight: 300 });
  await bench.register("Odd Name", "A", { address: "::ffff:10.0.0.3", protocol: "udp" });
  await bench.register("Odd Name", "a", { address: "host.example.com", status: "warning" });
  await bench.register("shop", "s1", { address: "10.0.0.4" }, "shop");
  await new Promise(setImmediate);
  const lines = bench.transfer("rollcall.").filter(({ type }) => type !== TYPE.SOA);
  const text = lines.map((record) => `${showName(record.name)} ${record.ttlS} ${showShort(record)}\n`).sort();
  assert.ok(text.length > 40);
  assert.equal(createHash("sha256").update(text.join("")).digest("hex"), HASHES[RENDERING], text.join(""));
});
