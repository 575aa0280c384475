/** Names of other protocols, addresses in reverse, and zone files over an account's zone. No sockets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nameOf, openNames, showShort } from "../../../../../../test/dns/names-rig.ts";
import { accepted, register, replaceIn } from "../../../../../../test/harness/registry.ts";
import type { Watcher } from "../../../core/index.ts";
import type { Found, NameSource } from "../../contract.ts";
import { networks } from "../settings/networks.ts";
import { zoneRecords } from "../transfer/zone-records.ts";
import { RCODE, type Resource, TYPE } from "../wire/message.ts";
import { keyOf, showName } from "../wire/name.ts";
import { toResource } from "../wire/record.ts";
import { LabelIndex } from "../zone/label-index.ts";
import type { FileZone } from "../zone/model.ts";

const IP = "10.0.0.1";

test("what a source finds becomes records", async (t) => {
  let found: Found = { kind: "none" };
  const source: NameSource = { dialect: "other", domain: "other.local.", find: () => found };
  const names = await openNames({ sources: [source] });
  t.after(names.close);
  await names.register("a", "1", { address: IP, meta: { k: "v" } });
  await names.register("a", "2", { address: "10.0.0.2" });
  await names.register("a", "3", { address: "10.0.0.3" });
  await names.register("a", "4", { address: "web.example.com" });
  await names.register("a", "5", { address: "10.0.0.5", status: "critical" });
  assert.equal(names.ask("x.other.local.", "A").rcode, RCODE.NXDOMAIN);
  assert.equal(names.ask("other.local.", "A").rcode, RCODE.NOERROR);
  assert.deepEqual(names.ask("ns.other.local.", "A").answers, ["A 192.0.2.53"]);
  const records = names.read((world) =>
    ["1", "2", "3", "4", "5"].map((id) => world.view.instance("default", "a", id)!),
  );
  found = {
    kind: "instances",
    service: "a",
    places: records.map((record, i) => ({
      record,
      priority: i < 3 ? 10 : 20,
      weight: i === 3 ? "own" : "even",
      target: [`i${record.id}`],
    })),
  };
  const { answers, additional, reply } = names.ask("x.other.local.", "SRV");
  assert.deepEqual(answers, [
    "SRV 10 33 80 i1.other.local.",
    "SRV 10 33 80 i2.other.local.",
    "SRV 10 33 80 i3.other.local.",
    "SRV 20 25600 80 web.example.com.",
  ]);
  assert.deepEqual(additional, [
    "i1.other.local. A 10.0.0.1",
    "i2.other.local. A 10.0.0.2",
    "i3.other.local. A 10.0.0.3",
  ]);
  assert.deepEqual(
    reply.dependencies.map(({ on }) => on),
    ["service"],
  );
  assert.equal(names.ask("x.other.local.", "TXT").answers[0], 'TXT "k=v"');
  assert.deepEqual(names.ask("other.local.", "A").answers, ["A 192.0.2.53"]);
  found = {
    kind: "instances",
    service: "a",
    places: [{ record: records[4]!, priority: 1, weight: 1, target: ["i5"] }],
  };
  const sick = names.ask("x.other.local.", "SRV");
  assert.deepEqual([sick.rcode, sick.answers, sick.authority[0]?.type], [RCODE.NOERROR, [], TYPE.SOA]);
  found = { kind: "bare" };
  assert.equal(names.ask("x.other.local.", "A").rcode, RCODE.NOERROR);
  found = { kind: "server" };
  assert.deepEqual(names.ask("x.other.local.", "A").answers, ["A 192.0.2.53"]);
  found = { kind: "addresses", addresses: ["10.0.0.9", "2001:DB8::9"] };
  assert.deepEqual(names.ask("x.other.local.", "AAAA").answers, ["AAAA 2001:db8::9"]);
});

test("addresses in reverse, of the networks that are ours", async (t) => {
  const names = await openNames({ settings: { reverse: networks(["10.0.0.0/8", "fd00::/8"]) } });
  t.after(names.close);
  await names.register("api", "a1", { address: IP });
  await names.register("web", "w1", { address: IP }, "shop");
  await names.register("six", "s1", { address: "FD00:0::1" });
  const ask = (address: string, type: "PTR" | "A" = "PTR") => names.ask(`${address}.in-addr.arpa.`, type);
  const six = `1.${"0.".repeat(29)}d.f.ip6.arpa.`;
  assert.deepEqual(ask("1.0.0.10").answers, ["PTR a1.id.api.rollcall.", "PTR w1.id.web.shop.rollcall."]);
  assert.deepEqual(names.ask(six, "PTR").answers, ["PTR s1.id.six.rollcall."]);
  assert.deepEqual([ask("1.0.0.10", "A").rcode, ask("1.0.0.10", "A").answers], [RCODE.NOERROR, []]);
  assert.equal(ask("0.0.10").rcode, RCODE.NOERROR);
  const unknown = ask("9.0.0.10");
  assert.equal(unknown.rcode, RCODE.NXDOMAIN);
  assert.deepEqual(
    unknown.authority.map((record) => showName(record.name)),
    ["10.in-addr.arpa."],
  );
  assert.match(unknown.authority.map(showShort).join(), /^SOA ns\.rollcall\. hostmaster\.rollcall\. /);
  for (const other of ["1.2.0.192", "x.0.0.10", "01.0.0.10", "1.1.0.0.10"])
    assert.equal(names.find(`${other}.in-addr.arpa.`, "PTR"), undefined, other);
  // The book of addresses is there by now, and follows.
  await names.register("api", "a1", { address: "10.0.0.2" });
  assert.deepEqual(ask("2.0.0.10").answers, ["PTR a1.id.api.rollcall."]);
  assert.deepEqual(ask("1.0.0.10").answers, ["PTR w1.id.web.shop.rollcall."]);
  await names.deregister("web", "w1", "shop");
  assert.equal(ask("1.0.0.10").rcode, RCODE.NXDOMAIN);
});

test("a network in reverse is one zone, at its own label or the next one below", async (t) => {
  const reverse = networks(["10.0.0.0/8", "172.16.0.0/12", "10.1.0.0/16", "192.0.2.0/25", "fd00::/8", "2001:db8::/48"]);
  const names = await openNames({ settings: { reverse } });
  t.after(names.close);
  for (const [address, apex] of [
    ["9.8.7.10.in-addr.arpa.", "10.in-addr.arpa."],
    ["9.8.1.10.in-addr.arpa.", "10.in-addr.arpa."],
    ["7.10.in-addr.arpa.", "10.in-addr.arpa."],
    ["10.in-addr.arpa.", "10.in-addr.arpa."],
    ["1.1.17.172.in-addr.arpa.", "17.172.in-addr.arpa."],
    ["9.2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa."],
    [`${"1.".repeat(30)}d.f.ip6.arpa.`, "d.f.ip6.arpa."],
    [`${"0.".repeat(20)}8.b.d.0.1.0.0.2.ip6.arpa.`, "0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."],
  ] as const) {
    const { authority } = names.ask(address, "PTR");
    assert.deepEqual(
      authority.map((record) => showName(record.name)),
      [apex],
      address,
    );
    const soa = names.ask(apex, "SOA").reply;
    assert.deepEqual([soa.answers.length, soa.authority.length, soa.answers[0]?.type], [1, 0, TYPE.SOA]);
    const servers = names.ask(apex, "NS");
    assert.deepEqual(servers.answers, ["NS ns.rollcall."], "a zone has servers");
    assert.deepEqual(servers.additional, ["ns.rollcall. A 192.0.2.53"]);
  }
  // What lies above a network is not ours, though the network begins with its lowest address.
  for (const above of ["172.in-addr.arpa.", "0.192.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.", "in-addr.arpa."])
    assert.equal(names.find(above, "SOA"), undefined, above);
});

test("instances without a label of their own have a name in reverse all the same", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("api", "A", { address: "10.0.0.1" });
  await names.register("api", "a", { address: "10.0.0.2" });
  await names.register("api", "x".repeat(255), { address: "fd00::3" });
  await names.register("y".repeat(80), "y1", { address: "10.0.0.4" });
  await names.register("y".repeat(90), "y1", { address: "10.0.0.5" });
  const six = `3.${"0.".repeat(29)}d.f.ip6.arpa.`;
  assert.deepEqual(names.ask("1.0.0.10.in-addr.arpa.", "PTR").answers, ["PTR 0a000001.addr.rollcall."]);
  assert.deepEqual(names.ask("2.0.0.10.in-addr.arpa.", "PTR").answers, ["PTR 0a000002.addr.rollcall."]);
  assert.deepEqual(names.ask(six, "PTR").answers, ["PTR fd000000000000000000000000000003.addr.rollcall."]);
  assert.deepEqual(names.ask("0a000001.addr.rollcall.", "A").answers, ["A 10.0.0.1"]);
  for (const last of [4, 5]) assert.equal(names.ask(`${last}.0.0.10.in-addr.arpa.`, "PTR").answers.length, 1);
  // DNS-SD has no other name for them than the id.
  assert.deepEqual(names.ask("_api._tcp.rollcall.", "PTR").answers, []);
});

test("an IPv4 address in IPv6's form is the IPv4 address", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("api", "a1", { address: "::ffff:10.0.0.1" });
  await names.register("api", "a2", { address: "::FFFF:a00:2" });
  assert.deepEqual(names.ask("api.rollcall.", "A").answers, ["A 10.0.0.1", "A 10.0.0.2"]);
  assert.deepEqual(names.ask("api.rollcall.", "AAAA").answers, []);
  assert.deepEqual(names.ask("_api._tcp.rollcall.", "SRV").additional, [
    "a1.id.api.rollcall. A 10.0.0.1",
    "a2.id.api.rollcall. A 10.0.0.2",
  ]);
  assert.deepEqual(names.ask("2.0.0.10.in-addr.arpa.", "PTR").answers, ["PTR a2.id.api.rollcall."]);
  const mapped = `${"0".repeat(20)}ffff0a000001.addr.rollcall.`;
  assert.deepEqual(names.ask(mapped, "A").answers, ["A 10.0.0.1"]);
  // The book of addresses finds it again when it goes.
  await names.deregister("api", "a2");
  assert.equal(names.ask("2.0.0.10.in-addr.arpa.", "PTR").rcode, RCODE.NXDOMAIN);
});

test("an address with many instances: all are known, some are named, each may go", async (t) => {
  const names = await openNames();
  t.after(names.close);
  assert.deepEqual(names.index.at(IP), []);
  for (let i = 0; i < 40; i++) await names.register("api", `a${i}`, { address: IP });
  assert.equal(names.index.at(IP).length, 40);
  assert.equal(names.ask("1.0.0.10.in-addr.arpa.", "PTR").answers.length, 16);
  await names.register("api", "a7", { address: IP, tags: ["new"] });
  assert.deepEqual(names.index.at(IP).find(({ record }) => record.id === "a7")?.record.tags, ["new"]);
  for (let i = 0; i < 40; i++) await names.deregister("api", `a${i}`);
  assert.deepEqual(names.index.at(IP), []);
});

test("an index that lost its place reads the catalog again", async (t) => {
  const { rig, close } = await openNames();
  t.after(close);
  const watchers: Watcher[] = [];
  const registry = replaceIn(rig.registry, {
    follow: (scope, after, told) => {
      watchers.push(told);
      return rig.registry.follow(scope, after, told);
    },
  });
  accepted(await rig.registry.propose("default", register("My App", "m1", "permanent", { address: IP })));
  const index = new LabelIndex(registry, rig.clock, { whenNoneHealthy: "held", heldMs: 1000 });
  t.after(() => index.close());
  let told = 0;
  index.onChange(() => told++);
  assert.deepEqual(index.services("default", "my-app"), ["My App"]);
  assert.equal(index.at(IP).length, 1);
  watchers[0]?.lost(1);
  assert.equal(told, 1);
  assert.equal(watchers.length, 2);
  assert.deepEqual(index.services("default", "my-app"), ["My App"]);
  assert.equal(index.at(IP).length, 1);
});

test("a zone file adds to an account's zone, and is not told twice", async (t) => {
  const names = await openNames({ files: [file()] });
  t.after(names.close);
  await names.register("api", "a1", { address: IP });
  await names.register("api", "f1", { address: "192.0.2.9", via: "dns", meta: { "dns.file": "rollcall" } });
  await names.register("api", "f2", { address: "10.0.0.2", via: "dns", meta: { "dns.file": "elsewhere" } });
  const { answers, reply } = names.ask("api.rollcall.", "A");
  assert.deepEqual(answers, ["A 192.0.2.9", `A ${IP}`, "A 10.0.0.2"]);
  assert.deepEqual([...new Set(reply.answers.map(({ ttlS }) => ttlS))], [5]);
  assert.deepEqual(names.ask("api.rollcall.", "MX").additional, ["mail.rollcall. A 192.0.2.1"]);
  assert.deepEqual(names.ask("mail.rollcall.", "A").answers, ["A 192.0.2.1"]);
  assert.deepEqual(names.ask("rollcall.", "NS").answers, ["NS mail.rollcall."]);
  // The alias of a file leads to what the catalog has.
  assert.deepEqual(names.ask("www.rollcall.", "A").answers, ["CNAME dyn.rollcall."]);
  assert.equal(names.ask("www.rollcall.", "A").rcode, RCODE.NXDOMAIN);
  await names.register("dyn", "d1", { address: "10.0.0.7" });
  assert.deepEqual(names.ask("www.rollcall.", "A").answers, ["CNAME dyn.rollcall.", "A 10.0.0.7"]);
  assert.deepEqual(names.ask("any.wild.rollcall.", "A").answers, ["A 192.0.2.3"]);
  const serial = names.read((world) => world.serialOf(world.zoneOf(nameOf("rollcall."))!));
  const nothing = names.ask("nix.rollcall.", "A");
  assert.equal(nothing.rcode, RCODE.NXDOMAIN);
  for (const { data } of [...nothing.authority, ...names.ask("rollcall.", "SOA").reply.answers]) {
    assert.ok(data.kind === "authority");
    assert.deepEqual([showName(data.primary), data.serial, data.minimumS], ["mail.rollcall.", serial, 1]);
  }
});

test("a transfer gives the zones below to their own servers", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("web", "w1", {}, "shop");
  const lines = names.read((world) =>
    [...zoneRecords(world, world.zoneOf(nameOf("rollcall."))!)].map(({ name, type }) => `${showName(name)} ${type}`),
  );
  assert.ok(lines.includes(`shop.rollcall. ${TYPE.NS}`));
  assert.ok(lines.includes(`ns.shop.rollcall. ${TYPE.A}`));
  assert.ok(!lines.some((line) => line.startsWith("web.")));
});

function file(): FileZone {
  const at = (owner: string, type: number, data: Resource["data"]): Resource =>
    toResource(nameOf(owner), type, 60, data);
  const mail = nameOf("mail.rollcall.");
  const numbers = { serial: 7, refreshS: 1, retryS: 1, expireS: 1, minimumS: 600 };
  const authority = at("rollcall.", TYPE.SOA, { kind: "authority", primary: mail, mailbox: mail, ...numbers });
  const records = [
    authority,
    at("rollcall.", TYPE.NS, { kind: "name", target: mail }),
    at("mail.rollcall.", TYPE.A, { kind: "address", address: "192.0.2.1" }),
    at("api.rollcall.", TYPE.A, { kind: "address", address: "192.0.2.9" }),
    at("api.rollcall.", TYPE.MX, { kind: "exchange", preference: 1, target: mail }),
    at("www.rollcall.", TYPE.CNAME, { kind: "name", target: nameOf("dyn.rollcall.") }),
    at("*.wild.rollcall.", TYPE.A, { kind: "address", address: "192.0.2.3" }),
  ];
  const owners = new Map<string, Resource[]>();
  for (const record of records) owners.set(keyOf(record.name), [...(owners.get(keyOf(record.name)) ?? []), record]);
  return { origin: nameOf("rollcall."), authority, owners, between: new Set([keyOf(nameOf("wild.rollcall."))]) };
}
