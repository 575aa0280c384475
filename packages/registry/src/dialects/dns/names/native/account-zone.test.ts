/** Names of services in DNS: what stands at them. No sockets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openNames } from "../../../../../../../test/dns/names-rig.ts";
import { until } from "../../../../../../../test/harness/scope.ts";
import { toLabel } from "../../labels/text.ts";
import { RCODE, TYPE } from "../../wire/message.ts";
import { showName } from "../../wire/name.ts";

const IP = "10.0.0.1";

test("labels are lower case, without other characters, and at most 63 bytes", () => {
  assert.equal(toLabel("My Service.v1"), "my-service-v1");
  assert.equal(toLabel("a_b-c"), "a_b-c");
  assert.equal(toLabel("Größe"), "gr-e");
  assert.equal(toLabel("\u212a"), "-");
  assert.equal(toLabel("x".repeat(80)).length, 63);
});

test("a service has addresses, SRV with its targets' addresses, and TXT", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("api", "a1", { address: IP, ports: { default: 80 }, weight: 1, meta: { b: "2", a: "1" } });
  await names.register("api", "a2", { address: "2001:DB8::1", ports: { http: 8080 }, weight: 0 });
  const services = names.ask("api.rollcall.", "SRV");
  assert.deepEqual(services.answers, ["SRV 0 256 80 a1.id.api.rollcall.", "SRV 0 0 8080 a2.id.api.rollcall."]);
  assert.deepEqual(services.additional, [`a1.id.api.rollcall. A ${IP}`, "a2.id.api.rollcall. AAAA 2001:db8::1"]);
  assert.deepEqual(names.ask("_api._tcp.rollcall.", "SRV").answers, services.answers);
  assert.deepEqual(names.ask("_API._TCP.RollCall.", "SRV").answers, services.answers);
  assert.deepEqual(names.ask("api.rollcall.", "A").answers, [`A ${IP}`]);
  assert.deepEqual(names.ask("api.rollcall.", "AAAA").answers, ["AAAA 2001:db8::1"]);
  assert.deepEqual(names.ask("api.rollcall.", "TXT").answers, ['TXT "a=1" "b=2"', 'TXT ""']);
  assert.deepEqual(names.ask("a1.id.api.rollcall.", "A").answers, [`A ${IP}`]);
  const missing = names.ask("a1.id.api.rollcall.", "AAAA");
  assert.equal(missing.rcode, RCODE.NOERROR);
  assert.deepEqual(missing.answers, []);
  assert.equal(missing.authority[0]?.type, TYPE.SOA);
});

test("owners keep the case they were asked in, targets do not depend on it", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("api", "a1", { address: IP });
  const { reply, answers } = names.ask("aPi.ROLLcall.", "SRV");
  assert.deepEqual(
    reply.answers.map((record) => showName(record.name)),
    ["aPi.ROLLcall."],
  );
  assert.deepEqual(answers, ["SRV 0 25600 80 a1.id.api.rollcall."]);
});

test("qualifiers stand in any order, and keywords take values with dots", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("api", "a1", { address: IP, tags: ["blue", "V1.x"], version: "1.2.3", zone: "eu" });
  await names.register("api", "a2", { address: "10.0.0.2", tags: ["blue"], version: "2.3", zone: "us" });
  const found: Record<string, readonly string[]> = {
    blue: ["A 10.0.0.1", "A 10.0.0.2"],
    "blue.tag": ["A 10.0.0.1", "A 10.0.0.2"],
    "v1-x": ["A 10.0.0.1"],
    "v1-x.blue": ["A 10.0.0.1"],
    "blue.v1-x": ["A 10.0.0.1"],
    "eu.zone": ["A 10.0.0.1"],
    "us.zone.blue": ["A 10.0.0.2"],
    "blue.us.zone": ["A 10.0.0.2"],
    "1.2.3.version": ["A 10.0.0.1"],
    "1-2-3.version": ["A 10.0.0.1"],
    "2.3.version": ["A 10.0.0.2"],
    "blue.2.3.version.us.zone": ["A 10.0.0.2"],
    "eu.zone.1.2.3.version": ["A 10.0.0.1"],
    "a2.id": ["A 10.0.0.2"],
  };
  for (const [name, answers] of Object.entries(found))
    assert.deepEqual(names.ask(`${name}.api.rollcall.`, "A").answers, answers, name);
  for (const bare of ["zone", "version", "id", "tag", "3.version", "_tcp"])
    assert.equal(names.ask(`${bare}.api.rollcall.`, "A").rcode, RCODE.NOERROR, bare);
  for (const none of ["green", "asia.zone", "9.version", "a3.id", "green.blue", "us.zone.eu.zone", "_nix._tcp", "_udp"])
    assert.equal(names.ask(`${none}.api.rollcall.`, "A").rcode, RCODE.NXDOMAIN, none);
});

test("named ports, and instances without a port", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("api", "a1", { address: IP, ports: { default: 80, admin: 9000 }, tags: ["blue"] });
  await names.register("api", "a2", { address: "10.0.0.2", ports: {} });
  await names.register("log", "l1", { address: "10.0.0.3", ports: { b: 2, a: 1 }, protocol: "udp" });
  const target = "a1.id.api.rollcall.";
  assert.deepEqual(names.ask("api.rollcall.", "SRV").answers, [`SRV 0 25600 80 ${target}`]);
  assert.deepEqual(names.ask("_admin._tcp.api.rollcall.", "SRV").answers, [`SRV 0 25600 9000 ${target}`]);
  assert.deepEqual(names.ask("_default._tcp.blue.api.rollcall.", "SRV").answers, [`SRV 0 25600 80 ${target}`]);
  assert.deepEqual(names.ask("_log._udp.rollcall.", "SRV").answers, ["SRV 0 25600 1 l1.id.log.rollcall."]);
  assert.equal(names.ask("_log._tcp.rollcall.", "SRV").rcode, RCODE.NXDOMAIN);
  assert.equal(names.ask("_tcp.rollcall.", "SRV").rcode, RCODE.NOERROR);
  const bare = names.ask("_admin._tcp.api.rollcall.", "A");
  assert.deepEqual([bare.rcode, bare.answers], [RCODE.NOERROR, []]);
});

test("weights come out in HAProxy as they went in", async (t) => {
  const names = await openNames();
  t.after(names.close);
  const weights = (): number[] =>
    names.ask("api.rollcall.", "SRV").reply.answers.map(({ data }) => (data.kind === "service" ? data.weight : -1));
  for (const [id, weight] of Object.entries({ a: 0, b: 1, c: 100, d: 255 }))
    await names.register("api", id, { address: IP, weight });
  assert.deepEqual(
    weights().map((weight) => Math.floor((weight + 255) / 256)),
    [0, 1, 100, 255],
  );
  await names.register("api", "e", { address: IP, weight: 1000 });
  const scaled = weights();
  assert.equal(scaled[0], 0);
  assert.equal(scaled[4], 65280);
  assert.equal(scaled[2], 6528);
  assert.ok((scaled[1] as number) > 0);
});

test("only healthy instances are found; when there is none, what the settings say", async (t) => {
  const nothing = await openNames();
  const held = await openNames({ settings: { whenNoneHealthy: "held", heldMs: 60_000 } });
  t.after(nothing.close);
  t.after(held.close);
  for (const names of [nothing, held]) {
    await names.register("api", "good", { address: IP, status: "warning" });
    await names.register("api", "bad", { address: "10.0.0.2", status: "critical" });
    await names.register("api", "gone", { address: "10.0.0.3", status: "draining" });
    assert.deepEqual(names.ask("api.rollcall.", "A").answers, [`A ${IP}`]);
    await names.deregister("api", "good");
  }
  assert.deepEqual(nothing.ask("api.rollcall.", "A").answers, []);
  assert.equal(nothing.ask("api.rollcall.", "A").rcode, RCODE.NOERROR);
  assert.deepEqual(held.ask("api.rollcall.", "A").answers, ["A 10.0.0.2"]);
  assert.deepEqual(held.ask("gone.id.api.rollcall.", "A").answers, []);
});

test("instances that fell silent are held for a while, and then the cache is told", async (t) => {
  const names = await openNames({ settings: { whenNoneHealthy: "held", heldMs: 100 } });
  t.after(names.close);
  await names.register("api", "a1", { address: IP, tags: ["blue"] }, "default", { ttlMs: 1000 });
  await names.rig.pass(1200);
  assert.deepEqual(names.ask("api.rollcall.", "SRV").answers, ["SRV 0 25600 80 a1.id.api.rollcall."]);
  assert.deepEqual(names.ask("blue.api.rollcall.", "A").answers, [`A ${IP}`]);
  assert.deepEqual(names.ask("_api._tcp.rollcall.", "PTR").answers, ["PTR a1._api._tcp.rollcall."]);
  assert.equal(names.changes.count, 0);
  names.rig.pause(200);
  const told = names.ask("api.rollcall.", "A");
  assert.deepEqual([told.rcode, told.answers], [RCODE.NOERROR, []]);
  // The index's own timer keeps no process alive.
  await until(() => names.changes.count > 0, { what: "the index tells" });
  assert.deepEqual(names.index.lapsedServices("default"), []);
});

test("an instance that lapsed and comes back, or is deregistered, is held no more", async (t) => {
  const names = await openNames({ settings: { whenNoneHealthy: "held", heldMs: 60_000 } });
  t.after(names.close);
  await names.register("api", "a1", { address: IP }, "default", { ttlMs: 1000 });
  await names.rig.pass(1200);
  await names.register("api", "a1", { address: "10.0.0.9" });
  assert.deepEqual(names.ask("api.rollcall.", "A").answers, ["A 10.0.0.9"]);
  await names.deregister("api", "a1");
  assert.deepEqual(names.ask("api.rollcall.", "A").answers, []);
});

test("an empty service is there, an unknown one is not, and both carry the SOA", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("api", "a1", { address: IP });
  await names.deregister("api", "a1");
  for (const name of ["api.rollcall.", "_api._tcp.rollcall.", "blue.api.rollcall.", "_http._tcp.api.rollcall."])
    assert.equal(names.ask(name, "SRV").rcode, RCODE.NOERROR, name);
  const unknown = names.ask("nix.rollcall.", "SRV");
  assert.equal(unknown.rcode, RCODE.NXDOMAIN);
  assert.equal(unknown.authority[0]?.type, TYPE.SOA);
  assert.equal(unknown.authority[0]?.ttlS, 1);
  assert.equal(names.find("nix.example.", "A"), undefined);
});

test("hosts elsewhere: SRV by their names, one CNAME where there are no addresses", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("db", "d2", { address: "two.example.com", ports: { default: 5432 } });
  await names.register("db", "d1", { address: "One.example.com.", ports: { default: 5432 } });
  const services = names.ask("db.rollcall.", "SRV");
  assert.deepEqual(services.answers, ["SRV 0 25600 5432 One.example.com.", "SRV 0 25600 5432 two.example.com."]);
  assert.deepEqual(services.additional, []);
  assert.deepEqual(names.ask("db.rollcall.", "A").answers, ["CNAME One.example.com."]);
  await names.register("db", "d3", { address: IP });
  assert.deepEqual(names.ask("db.rollcall.", "A").answers, [`A ${IP}`]);
  assert.deepEqual(names.ask("db.rollcall.", "AAAA").answers, []);
  await names.register("odd", "o1", { address: "10.0.0.1:80" });
  assert.deepEqual(names.ask("odd.rollcall.", "SRV").answers, []);
});

test("a host that is a name of ours lends its addresses, and a loop ends", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("front", "f", { address: "api.rollcall" });
  await names.register("api", "a", { address: IP });
  // No alias: caches would follow it for SRV and TXT as well, which the name has itself.
  const front = names.ask("front.rollcall.", "A");
  assert.deepEqual(front.answers, [`A ${IP}`]);
  assert.deepEqual(showName(front.reply.answers[0]?.name ?? []), "front.rollcall.");
  assert.deepEqual(names.ask("front.rollcall.", "AAAA").answers, []);
  assert.equal(names.ask("front.rollcall.", "AAAA").authority[0]?.type, TYPE.SOA);
  assert.deepEqual(names.ask("front.rollcall.", "CNAME").answers, ["CNAME api.rollcall."]);
  await names.register("one", "1", { address: "two.rollcall" });
  await names.register("two", "2", { address: "one.rollcall" });
  assert.deepEqual(names.ask("one.rollcall.", "A").answers, []);
  // An alias of itself says nothing, whoever asks in whatever case.
  await names.register("self", "s", { address: "Self.rollcall", tags: ["blue"] });
  for (const name of ["self.rollcall.", "SELF.rollcall."]) {
    const self = names.ask(name, "A");
    assert.deepEqual([self.rcode, self.answers], [RCODE.NOERROR, []]);
    assert.equal(self.authority[0]?.type, TYPE.SOA);
  }
  assert.deepEqual(names.ask("blue.self.rollcall.", "A").answers, []);
  assert.deepEqual(names.ask("self.rollcall.", "CNAME").answers, []);
  await names.register("lost", "l", { address: "nix.rollcall" });
  const lost = names.ask("lost.rollcall.", "A");
  assert.deepEqual([lost.rcode, lost.answers], [RCODE.NOERROR, []]);
});

test("ids that are no labels, or one label together, are pointed at by their addresses", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("api", "host:80", { address: "10.0.0.1" });
  await names.register("api", "A.1", { address: "10.0.0.2" });
  await names.register("api", "a-1", { address: "10.0.0.3" });
  await names.register("api", "a 1", { address: "2001:db8::4" });
  await names.register("api", `${"x".repeat(70)}`, { address: "10.0.0.5" });
  const { answers, additional } = names.ask("api.rollcall.", "SRV");
  assert.deepEqual(answers.map((line) => line.split(" ")[4]).sort(), [
    "0a000002.addr.rollcall.",
    "0a000005.addr.rollcall.",
    "20010db8000000000000000000000004.addr.rollcall.",
    "a-1.id.api.rollcall.",
    "host-80.id.api.rollcall.",
  ]);
  assert.equal(additional.length, 5);
  assert.deepEqual(names.ask("0a000002.addr.rollcall.", "A").answers, ["A 10.0.0.2"]);
  assert.deepEqual(names.ask("10-0-0-2.addr.rollcall.", "A").answers, ["A 10.0.0.2"]);
  assert.deepEqual(names.ask("a-1.id.api.rollcall.", "A").answers, ["A 10.0.0.3"]);
  assert.deepEqual(names.ask("20010db8000000000000000000000004.addr.rollcall.", "AAAA").answers, ["AAAA 2001:db8::4"]);
  assert.equal(names.ask("10-0-0-256.addr.rollcall.", "A").rcode, RCODE.NXDOMAIN);
  assert.equal(names.ask("addr.rollcall.", "A").rcode, RCODE.NOERROR);
});

test("services that share a label are one; what is written like it hides what only looks like it", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("My.App", "m", { address: "10.0.0.1" });
  assert.deepEqual(names.ask("my-app.rollcall.", "A").answers, ["A 10.0.0.1"]);
  assert.deepEqual(names.ask(["my.app", "rollcall"], "A").answers, ["A 10.0.0.1"]);
  await names.register("my app", "n", { address: "10.0.0.2" });
  assert.deepEqual(names.ask("my-app.rollcall.", "A").answers, ["A 10.0.0.1", "A 10.0.0.2"]);
  await names.register("MY-APP", "o", { address: "10.0.0.3" });
  assert.deepEqual(names.ask("my-app.rollcall.", "A").answers, ["A 10.0.0.3"]);
  await names.register("my-app", "p", { address: "10.0.0.4" });
  assert.deepEqual(names.ask("my-app.rollcall.", "SRV").answers, [
    "SRV 0 25600 80 o.id.my-app.rollcall.",
    "SRV 0 25600 80 p.id.my-app.rollcall.",
  ]);
  assert.deepEqual(names.ask(["my.app", "rollcall"], "SRV").answers, ["SRV 0 25600 80 0a000001.addr.rollcall."]);
});

test("every account is a zone, and hides a service of that name", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("shop", "s1", { address: "10.0.0.1" });
  assert.deepEqual(names.ask("shop.rollcall.", "A").answers, ["A 10.0.0.1"]);
  await names.register("web", "w1", { address: "10.0.0.2" }, "Shop");
  assert.deepEqual(names.ask("shop.rollcall.", "A").answers, []);
  assert.deepEqual(names.ask("web.shop.rollcall.", "A").answers, ["A 10.0.0.2"]);
  // It is still there by RFC 2782, and its target is not below the other zone.
  assert.deepEqual(names.ask("_shop._tcp.rollcall.", "SRV").answers, ["SRV 0 25600 80 0a000001.addr.rollcall."]);
});

test("a zone says who serves it", async (t) => {
  const names = await openNames();
  t.after(names.close);
  assert.match(names.ask("rollcall.", "SOA").answers[0] ?? "", /^SOA ns\.rollcall\. hostmaster\.rollcall\. \d+ /);
  assert.deepEqual(names.ask("rollcall.", "NS").answers, ["NS ns.rollcall."]);
  assert.deepEqual(names.ask("rollcall.", "NS").additional, ["ns.rollcall. A 192.0.2.53"]);
  assert.deepEqual(names.ask("ns.rollcall.", "A").answers, ["A 192.0.2.53"]);
  assert.equal(names.ask("rollcall.", "MX").rcode, RCODE.NOERROR);
  await names.register("api", "a1");
  assert.deepEqual(names.ask("api.rollcall.", "ANY").answers, ['HINFO "RFC8482" ""']);
  assert.equal(names.ask("nix.rollcall.", "ANY").rcode, RCODE.NXDOMAIN);
});

test("meta that no string can hold is left out of TXT", async (t) => {
  const names = await openNames();
  t.after(names.close);
  const meta = { fits: "x".repeat(250), long: "x".repeat(251), "a=b": "1", größe: "1", text: "süß" };
  await names.register("api", "a1", { address: IP, meta });
  const [{ data } = { data: undefined }] = names.ask("api.rollcall.", "TXT").reply.answers;
  assert.deepEqual(data?.kind === "text" ? data.strings : [], [
    `fits=${"x".repeat(250)}`,
    `text=${Buffer.from("süß").toString("latin1")}`,
  ]);
});

test("DNS-SD: kinds, instances, subtypes, and what a browser asks for next", async (t) => {
  const names = await openNames();
  t.after(names.close);
  await names.register("http", "Front Desk", { address: IP, tags: ["printer"], meta: { path: "/" } });
  await names.register("http", "a1", { address: "10.0.0.2" });
  await names.register("syslog", "s", { address: IP, protocol: "udp", ports: { default: 514 } });
  await names.register("down", "d", { address: IP, status: "critical" });
  assert.deepEqual(names.ask("_services._dns-sd._udp.rollcall.", "PTR").answers, [
    "PTR _http._tcp.rollcall.",
    "PTR _syslog._udp.rollcall.",
  ]);
  const list = names.ask("_http._tcp.rollcall.", "PTR");
  assert.deepEqual(list.answers, ["PTR Front\\032Desk._http._tcp.rollcall.", "PTR a1._http._tcp.rollcall."]);
  assert.deepEqual(list.additional.slice(0, 3), [
    "Front\\032Desk._http._tcp.rollcall. SRV 0 25600 80 front-desk.id.http.rollcall.",
    'Front\\032Desk._http._tcp.rollcall. TXT "path=/"',
    `front-desk.id.http.rollcall. A ${IP}`,
  ]);
  assert.deepEqual(names.ask("Front\\032Desk._http._tcp.rollcall.", "TXT").answers, ['TXT "path=/"']);
  assert.deepEqual(names.ask("_printer._sub._http._tcp.rollcall.", "PTR").answers, [
    "PTR Front\\032Desk._http._tcp.rollcall.",
  ]);
  assert.deepEqual(names.ask("printer._http._tcp.rollcall.", "SRV").answers.length, 1);
  for (const label of ["b", "lb", "db", "r", "dr"])
    assert.deepEqual(names.ask(`${label}._dns-sd._udp.rollcall.`, "PTR").answers, ["PTR rollcall."]);
  assert.equal(names.ask("_dns-sd._udp.rollcall.", "PTR").rcode, RCODE.NOERROR);
  assert.equal(names.ask("nix._http._tcp.rollcall.", "SRV").rcode, RCODE.NXDOMAIN);
});
