/** dig and kdig against a running registry: what people type when they look at a name. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { requirePackage } from "../../harness/packages.ts";
import { startDns } from "../rig.ts";
import { dataOf, type Lookup, lookUp, lookUpAll } from "./lookup.ts";

const dig = requirePackage("bind9-dnsutils", "dig");
const kdig = requirePackage("knot-dnsutils", "kdig");
const { skip } = dig;

/** More instances than fit into any UDP answer. */
const MANY = 60;

const rig = await startDns({ after });
const first = { address: "10.0.0.1", ports: { default: 8080, metrics: 9100 }, weight: 100, tags: ["blue"] };
await rig.register("api", "a1", { ...first, zone: "z1", version: "1.2.3", meta: { build: "7" } });
await rig.register("api", "a2", { address: "fd00::2", port: 8081, weight: 1 });
for (let n = 1; n <= MANY; n++) await rig.register("many", `m${n}`, { address: `10.1.0.${n}`, port: 80 });

const ask = (...args: readonly string[]): Promise<Lookup> => lookUp(dig.path, rig.port, ...args);
const kask = (...args: readonly string[]): Promise<Lookup> => lookUp(kdig.path, rig.port, ...args);

/** A negative answer: the SOA tells how long it is good. */
function assertNothing(lookup: Lookup, status: "NOERROR" | "NXDOMAIN"): void {
  assert.equal(lookup.status, status, lookup.text);
  assert.deepEqual(lookup.answers, [], lookup.text);
  assert.deepEqual(
    lookup.authority.map(({ name, type }) => [name.toLowerCase(), type]),
    [["rollcall.", "SOA"]],
    lookup.text,
  );
  assert.ok(lookup.flags.includes("aa"), lookup.text);
}

describe("dig", { skip, concurrency: true }, () => {
  test("finds services with addresses beside, by every type", async () => {
    const srv = await ask("_api._tcp.rollcall", "SRV");
    assert.equal(srv.status, "NOERROR", srv.text);
    assert.ok(srv.flags.includes("aa") && !srv.flags.includes("ra") && !srv.flags.includes("tc"), srv.text);
    assert.deepEqual(dataOf(srv.answers), ["0 256 8081 a2.id.api.rollcall.", "0 25600 8080 a1.id.api.rollcall."]);
    assert.deepEqual(srv.authority, [], "a positive answer is minimal");
    assert.deepEqual(dataOf(srv.additional), ["10.0.0.1", "fd00::2"]);
    assert.deepEqual(dataOf((await ask("api.rollcall", "SRV")).answers), dataOf(srv.answers));
    assert.deepEqual(dataOf((await ask("_metrics._tcp.api.rollcall", "SRV")).answers), [
      "0 25600 9100 a1.id.api.rollcall.",
    ]);
    assert.deepEqual(dataOf((await ask("api.rollcall", "A")).answers), ["10.0.0.1"]);
    assert.deepEqual(dataOf((await ask("api.rollcall", "AAAA")).answers), ["fd00::2"]);
    assert.deepEqual(dataOf((await ask("api.rollcall", "TXT")).answers).includes('"build=7"'), true);
    assert.deepEqual(dataOf((await ask("a1.id.api.rollcall", "A")).answers), ["10.0.0.1"]);
    assert.deepEqual(dataOf((await ask("0a000001.addr.rollcall", "A")).answers), ["10.0.0.1"]);
    for (const name of ["blue.api.rollcall", "z1.zone.api.rollcall", "1.2.3.version.api.rollcall"])
      assert.deepEqual(dataOf((await ask(name, "A")).answers), ["10.0.0.1"], name);
  });

  test("finds the zone's own records", async () => {
    const soa = await ask("rollcall", "SOA");
    assert.match(soa.answers[0]?.data ?? "", /^ns\.rollcall\. hostmaster\.rollcall\. \d+ \d+ \d+ \d+ 1$/, soa.text);
    assert.deepEqual(dataOf((await ask("rollcall", "NS")).answers), ["ns.rollcall."]);
    assert.deepEqual(dataOf((await ask("ns.rollcall", "A")).answers), ["127.0.0.1"]);
  });

  test("finds names of addresses, and services by browsing", async () => {
    assert.deepEqual(dataOf((await ask("-x", "10.0.0.1")).answers), ["a1.id.api.rollcall."]);
    assert.deepEqual(dataOf((await ask("-x", "fd00::2")).answers), ["a2.id.api.rollcall."]);
    const types = dataOf((await ask("_services._dns-sd._udp.rollcall", "PTR", "+tcp")).answers);
    assert.ok(types.includes("_api._tcp.rollcall."), types.join(" "));
    const found = await ask("_api._tcp.rollcall", "PTR");
    assert.deepEqual(dataOf(found.answers), ["a1._api._tcp.rollcall.", "a2._api._tcp.rollcall."]);
    assert.deepEqual(dataOf((await ask("a1._api._tcp.rollcall", "TXT")).answers), ['"build=7"']);
    assert.deepEqual(dataOf((await ask("_blue._sub._api._tcp.rollcall", "PTR")).answers), ["a1._api._tcp.rollcall."]);
  });

  test("finds instances by the names that other registries have for them", async () => {
    const consul = await ask("api.service.consul", "SRV");
    assert.deepEqual(dataOf(consul.answers), [
      "1 256 8081 fd000000000000000000000000000002.addr.dc1.consul.",
      "1 25600 8080 0a000001.addr.dc1.consul.",
    ]);
    assert.deepEqual(dataOf(consul.additional), ["10.0.0.1", "fd00::2"]);
    for (const name of ["blue.api.service.consul", "api.service.dc1.consul", "_api._blue.service.consul"])
      assert.deepEqual(dataOf((await ask(name, "A")).answers), ["10.0.0.1"], name);
    const skydns = await ask("api.production.skydns.local", "SRV");
    assert.deepEqual(dataOf(skydns.answers), ["10 50 8080 a1.skydns.local.", "10 50 8081 a2.skydns.local."]);
    for (const name of ["*.z1.1-2-3.api.production.skydns.local", "a1.skydns.local"])
      assert.deepEqual(dataOf((await ask(name, "A")).answers), ["10.0.0.1"], name);
  });
});

describe("with what is not there and what changes, dig", { skip, concurrency: true }, () => {
  test("is told what there is not", async () => {
    assertNothing(await ask("a1.id.api.rollcall", "AAAA"), "NOERROR");
    assertNothing(await ask("api.rollcall", "MX"), "NOERROR");
    assertNothing(await ask("api.rollcall", "TYPE65534"), "NOERROR");
    assertNothing(await ask("_tcp.rollcall", "A"), "NOERROR");
    assertNothing(await ask("absent.rollcall", "A"), "NXDOMAIN");
    assertNothing(await ask("absent.api.rollcall", "SRV"), "NXDOMAIN");
    const any = await ask("api.rollcall", "ANY");
    assert.deepEqual(dataOf(any.answers), ['"RFC8482" ""'], any.text);
    assert.equal(any.answers[0]?.type, "HINFO");
  });

  test("sees a change in the very next answer", async () => {
    const name = "_next._tcp.rollcall";
    assertNothing(await ask(name, "SRV"), "NXDOMAIN");
    for (let n = 1; n <= 5; n++) {
      await rig.register("next", `n${n}`, { address: `10.2.0.${n}`, port: 80 });
      assert.equal((await ask(name, "SRV")).answers.length, n);
    }
    await rig.register("next", "n1", { address: "10.2.0.1", port: 80, status: "draining" });
    assert.equal((await ask(name, "SRV")).answers.length, 4);
    for (let n = 1; n <= 5; n++) await rig.deregister("next", `n${n}`);
    const gone = await ask(name, "SRV");
    assert.deepEqual([gone.answers, gone.authority.map(({ type }) => type)], [[], ["SOA"]], gone.text);
  });
});

describe("on the wire, dig", { skip, concurrency: true }, () => {
  test("gets its question back in the case it was asked in", async () => {
    const odd = await ask("_ApI._tCp.RoLLcaLL", "SRV");
    assert.equal(odd.question, "_ApI._tCp.RoLLcaLL.");
    assert.equal(odd.answers.length, 2, odd.text);
    const absent = await ask("AbSeNt.rollCALL", "A");
    assert.equal(absent.question, "AbSeNt.rollCALL.");
    assertNothing(absent, "NXDOMAIN");
  });

  test("gets what fits, marked as cut, and all of it by TCP", async () => {
    const sizes: readonly (readonly [string, number])[] = [
      ["+noedns", 512],
      ["+bufsize=512", 512],
      ["+bufsize=900", 900],
      ["+bufsize=65535", 1232],
    ];
    let before = 0;
    for (const [flag, bytesMax] of sizes) {
      const cut = await ask("_many._tcp.rollcall", "SRV", "+ignore", flag);
      const size = Number(/MSG SIZE {2}rcvd: (\d+)/.exec(cut.text)?.[1]);
      assert.ok(size <= bytesMax && size > bytesMax * 0.85, `${flag}: ${size} bytes`);
      assert.ok(cut.flags.includes("tc"), cut.text);
      assert.ok(cut.answers.length >= before && cut.answers.length > 8, `${flag}: ${cut.answers.length} answers`);
      before = cut.answers.length;
      assert.equal(cut.edns === undefined, flag === "+noedns", cut.text);
    }
    for (const flags of [["+noedns"], ["+bufsize=512"], [], ["+tcp"], ["+tcp", "+noedns"]]) {
      const whole = await ask("_many._tcp.rollcall", "SRV", ...flags);
      assert.equal(whole.answers.length, MANY, flags.join(" "));
      assert.deepEqual([whole.transport, whole.flags.includes("tc")], ["TCP", false], flags.join(" "));
    }
    // Addresses in the additional section are left out before TC is set.
    const beside = await ask("_api._tcp.rollcall", "SRV", "+noedns");
    assert.ok(!beside.flags.includes("tc"), beside.text);
  });

  test("may speak EDNS of any kind", async () => {
    assert.match((await ask("api.rollcall", "A", "+edns=0")).edns ?? "", /^version: 0, flags:; udp: 1232$/);
    assert.match((await ask("api.rollcall", "A", "+dnssec")).edns ?? "", /flags: do;/);
    const bad = await ask("api.rollcall", "A", "+edns=1", "+noednsnegotiation");
    assert.deepEqual([bad.status, bad.answers], ["BADVERS", []], bad.text);
    assert.match(bad.edns ?? "", /^version: 0/);
    const negotiated = await ask("api.rollcall", "A", "+edns=200");
    assert.deepEqual(dataOf(negotiated.answers), ["10.0.0.1"], "after BADVERS dig asks again with version 0");
    const options = ["+cookie", "+nsid", "+subnet=10.0.0.0/8", "+expire", "+keepalive", "+ednsopt=65001:00ff"];
    for (const flags of [options, ["+ednsflags=0x7fff"], ["+padding=128"], ["+zflag", "+adflag", "+cdflag"]])
      assert.deepEqual(dataOf((await ask("api.rollcall", "A", ...flags)).answers), ["10.0.0.1"], flags.join(" "));
  });

  test("is told by a code what it cannot have", async () => {
    assert.equal((await ask("api.rollcall", "A", "+opcode=STATUS")).status, "NOTIMP");
    assert.equal((await ask("api.rollcall", "A", "+opcode=IQUERY")).status, "NOTIMP");
    assert.equal((await ask("api.rollcall", "A", "+header-only")).status, "FORMERR");
    for (const args of [
      ["example.com", "A"],
      ["version.bind", "CH", "TXT"],
      ["version.server", "CH", "TXT"],
    ])
      assert.equal((await ask(...args)).status, "REFUSED", args.join(" "));
    const transfer = await lookUpAll(dig.path, rig.port, ["rollcall", "AXFR"]);
    assert.deepEqual(transfer, [], "a zone is for those who may transfer it");
  });
});

describe("kdig", { skip: kdig.skip, concurrency: true }, () => {
  test("gets the same answers as dig", async () => {
    const srv = await kask("_api._tcp.rollcall", "SRV");
    assert.deepEqual(dataOf(srv.answers), ["0 256 8081 a2.id.api.rollcall.", "0 25600 8080 a1.id.api.rollcall."]);
    assert.deepEqual(dataOf(srv.additional), ["10.0.0.1", "fd00::2"]);
    assert.equal(srv.edns, undefined, "kdig asks without EDNS");
    assertNothing(await kask("a1.id.api.rollcall", "AAAA"), "NOERROR");
    assertNothing(await kask("absent.rollcall", "A"), "NXDOMAIN");
    assert.equal((await kask("_many._tcp.rollcall", "SRV", "+bufsize=700", "+ignore")).flags.includes("tc"), true);
    const whole = await kask("_many._tcp.rollcall", "SRV", "+bufsize=700");
    assert.deepEqual([whole.answers.length, whole.transport], [MANY, "TCP"]);
    assert.match((await kask("api.rollcall", "A", "+edns=1")).text, /BADVERS/);
  });

  test("asks many times on one connection", async () => {
    const names = ["_api._tcp.rollcall", "_many._tcp.rollcall", "_API._TCP.rollcall", "absent.rollcall", "x.example"];
    const queries = names.flatMap((name) => ["-q", name, "-t", "SRV"]);
    const answers = await lookUpAll(kdig.path, rig.port, ["+tcp", "+keepopen", ...queries]);
    const told = answers.map(({ status, transport, answers: { length } }) => `${transport} ${status} ${length}`);
    assert.deepEqual(told, [
      "TCP NOERROR 2",
      `TCP NOERROR ${MANY}`,
      "TCP NOERROR 2",
      "TCP NXDOMAIN 0",
      "TCP REFUSED 0",
    ]);
  });
});
