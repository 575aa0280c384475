/** Who may ask, and what settings are refused. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import {
  networks,
  toNetworkKey,
  toNetworks,
  unmappedAddress,
} from "../../../packages/registry/src/dialects/dns/settings/networks.ts";
import { readSettings } from "../../../packages/registry/src/dialects/dns/settings/reader.ts";
import { requirePackage } from "../../harness/packages.ts";
import { startProcess } from "../../harness/process.ts";
import { startRollcall } from "../../harness/program.ts";
import { temporaryDirectory } from "../../harness/scope.ts";
import { SURROUNDINGS } from "../names-rig.ts";
import { ANSWER_MS_MAX, nextPacket, openUdp, type Reading, readMessage, startDns, toQuery } from "../rig.ts";

/** Asked from another address of loopback. */
async function askFrom(address: string, port: number, name: string): Promise<Reading> {
  const socket = await openUdp("udp4", address);
  try {
    const answer = nextPacket(socket, ANSWER_MS_MAX);
    socket.send(toQuery(name, "A"), port, "127.0.0.1");
    const bytes = await answer;
    assert.ok(bytes !== undefined, "no answer");
    return readMessage(bytes);
  } finally {
    socket.close();
  }
}

const secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=";
const keys = [
  { name: "all", secret },
  { name: "shop", secret, account: "shop", algorithm: "hmac-sha512" },
];
const sha256 = createHash("sha256").update("secret").digest("hex");
const [dns, guarded, named] = await Promise.all([
  startDns({ after }, { settings: { allowQuery: ["127.0.0.2", "192.0.2.0/24"], keys } }),
  startDns({ after }, { config: { tokens: [{ name: "root", role: "admin", sha256 }] }, token: "secret" }),
  startDns(
    { after },
    {
      settings: {
        domain: "Svc.Example",
        zones: [{ name: "shop.test", account: "shop" }],
        nameServers: ["ns1.example.net", "ns2.example.net"],
        mailbox: "dns.admin@example.net",
        ttlS: 17,
      },
    },
  ),
]);
await dns.register("api", "api-1", { address: "10.0.0.1", port: 80 });

test("who is not in allowQuery is refused, also when the answer is ready", async () => {
  for (let i = 0; i < 3; i++) {
    const good = await askFrom("127.0.0.2", dns.port, "api.rollcall.");
    assert.deepEqual([good.rcode, good.answers.length], ["NOERROR", 1]);
    const refused = await dns.ask("api.rollcall.", "A");
    assert.deepEqual([refused.rcode, refused.answers.length], ["REFUSED", 0]);
  }
  assert.equal((await dns.askTcp("api.rollcall.", "A")).rcode, "REFUSED");
  assert.equal((await dns.ask("none.rollcall.", "A")).rcode, "REFUSED");
});

test("with tokens loopback may still ask", async () => {
  await guarded.register("api", "api-1", { address: "10.0.0.1", port: 80 });
  assert.equal((await guarded.ask("api.rollcall.", "A")).answers.length, 1);
});

const dig = requirePackage("bind9-dnsutils", "dig");

test("a key opens the zones of its account, and of all when it has none", { skip: dig.skip }, async (t) => {
  await dns.register("web", "web-1", { address: "10.0.0.2", port: 80 }, "shop");
  const ask = async (key: string, name: string): Promise<string> => {
    const args = ["@127.0.0.1", "-p", String(dns.port), "+tries=1", "+norecurse", "-y", key, name, "A"];
    const program = startProcess(t, dig.path, args);
    await program.exited;
    return program.lines.join("\n");
  };
  const cases: readonly [string, string, RegExp][] = [
    [`hmac-sha256:all:${secret}`, "api.rollcall", /10\.0\.0\.1/],
    [`hmac-sha256:all:${secret}`, "web.shop.rollcall", /10\.0\.0\.2/],
    [`hmac-sha512:shop:${secret}`, "web.shop.rollcall", /10\.0\.0\.2/],
    [`hmac-sha512:shop:${secret}`, "api.rollcall", /status: REFUSED/],
    [`hmac-sha256:all:${"A".repeat(24)}`, "api.rollcall", /status: NOTAUTH[\s\S]*BADSIG/],
    [`hmac-sha256:other:${secret}`, "api.rollcall", /status: NOTAUTH[\s\S]*BADKEY/],
  ];
  for (const [key, name, expected] of cases) {
    const output = await ask(key, name);
    assert.match(output, expected, `${key} ${name}`);
    // dig checks the answer's own signature.
    if (!output.includes("NOTAUTH")) assert.doesNotMatch(output, /WARNING|Couldn't verify/);
  }
  assert.equal((await dns.ask("api.rollcall.", "A")).rcode, "REFUSED");
});

test("more zones, names of servers and the domain are settings", async () => {
  await named.register("web", "web-1", { address: "10.0.0.1", port: 80 }, "shop");
  for (const name of ["web.shop.test.", "web.shop.svc.example."]) {
    const answer = await named.ask(name, "A");
    assert.deepEqual([answer.answers[0]?.text, answer.answers[0]?.ttl], ["10.0.0.1", 17]);
  }
  const soa = (await named.ask("shop.test.", "SOA")).answers[0]?.text ?? "";
  assert.match(soa, /^ns1\.example\.net\. dns\\\.admin\.example\.net\. /);
  const servers = (await named.ask("svc.example.", "NS")).answers.map((record) => record.text);
  assert.deepEqual(servers.sort(), ["ns1.example.net.", "ns2.example.net."]);
  assert.equal((await named.ask("web.rollcall.", "A")).rcode, "REFUSED");
});

test("a wrong setting ends the start with a sentence that names it", async (t) => {
  const file = join(temporaryDirectory(t), "rollcall.yaml");
  writeFileSync(file, JSON.stringify({ dialectSettings: { dns: { ttl: 5 } } }));
  const start = startRollcall(t, { flags: ["--config", file, "--dialects", "http,dns", "--dns-port", "0"] });
  await assert.rejects(start, /dns knows no setting ttl/);
});

const SOURCE = {
  dialect: "other",
  domain: "other.local",
  find: () => ({ kind: "none" as const }),
};
const read = (fields: Record<string, unknown>) => {
  const settings = readSettings(fields, { ...SURROUNDINGS, directory: "/etc/rollcall", names: [SOURCE] });
  return settings.ok ? settings.value : settings.detail;
};

test("each wrong value is named", () => {
  const secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=";
  const cases: readonly [Record<string, unknown>, RegExp][] = [
    [{ domain: "a..b" }, /dns\.domain must be a domain name/],
    [{ ttlS: -1 }, /dns\.ttlS must be a whole number from 0/],
    [{ ttlS: "5" }, /dns\.ttlS/],
    [{ whenNoneHealthy: "all" }, /dns\.whenNoneHealthy must be one of nothing, held/],
    [{ allowQuery: ["10.0.0.0/33"] }, /dns\.allowQuery: "10\.0\.0\.0\/33" is no network/],
    [{ forward: ["example.com"] }, /dns\.forward\[0\] must be an IP address/],
    [{ forward: ["192.0.2.1:0"] }, /dns\.forward\[0\]/],
    [{ notify: [{ port: 53 }] }, /dns\.notify\[0\]\.address is missing/],
    [{ notify: [{ address: "::1", key: "no" }] }, /^dns\.notify\[0\]\.key must be the name of one of dns\.keys$/],
    [{ notify: { address: "::1", key: 1 } }, /dns\.notify\.key must be a text/],
    [{ notify: { address: "::1", kay: "k" } }, /dns\.notify knows no setting kay/],
    [{ forward: { address: "::1", key: "k" }, keys: { name: "k", secret } }, /dns\.forward knows no setting key/],
    [{ zones: [{ name: "a.b", account: "no/t" }] }, /dns\.zones\[0\]\.account must be the name of an account/],
    [{ zones: [{ name: "a.b", acount: "x" }] }, /dns\.zones\[0\] knows no setting acount/],
    [{ zones: [{ name: "Rollcall." }] }, /two zones named rollcall/i],
    [{ keys: [{ name: "k" }] }, /dns\.keys\[0\]\.secret is missing/],
    [{ keys: [{ name: "k", secret: "c2hvcnQ=" }] }, /dns\.keys\[0\]\.secret must be at least 16 bytes/],
    [{ keys: [{ name: "k", secret: "no base64!" }] }, /dns\.keys\[0\]\.secret must be base64/],
    [{ keys: [{ name: "k", secret, algorithm: "hmac-md5" }] }, /dns\.keys\[0\]\.algorithm must be one of/],
    [{ keys: [{ name: "k", secret, role: "root" }] }, /dns\.keys\[0\]\.role must be one of reader, writer, admin/],
    [{ files: [{ origin: "a.b" }] }, /dns\.files\[0\]\.path is missing/],
    [{ sources: { unknown: null } }, /dns\.sources knows no setting unknown/],
    [{ sources: { other: { domian: "x" } } }, /dns\.sources\.other knows no setting domian/],
    [{ udpBytesMax: 100 }, /dns\.udpBytesMax/],
    [{ constructor: 1 }, /dns knows no setting constructor/],
  ];
  for (const [fields, sentence] of cases) {
    const settings = read(fields);
    assert.equal(typeof settings, "string", JSON.stringify(fields));
    assert.match(String(settings), sentence);
    assert.ok(!String(settings).includes("no base64!"), "a secret is not repeated");
  }
});

test("settings are read in all their forms", () => {
  const settings = read({
    forward: ["192.0.2.1", "192.0.2.2:5353", "2001:db8::1", "[2001:db8::2]:54", { address: "::1", port: 55 }],
    files: ["zones", { path: "/srv/a.zone", origin: "a.test", account: "shop", pollMs: 100 }],
    sources: { other: { account: "shop", options: { depth: 2 } } },
    allowTransfer: "loopback",
    keys: [{ name: "key.", secret: "c2VjcmV0IHNlY3JldCBzZWNyZXQ=", account: "shop", role: "writer" }],
  });
  assert.ok(typeof settings !== "string", String(settings));
  assert.deepEqual(
    settings.forward.map(({ address, port }) => `${address} ${port}`),
    ["192.0.2.1 53", "192.0.2.2 5353", "2001:db8::1 53", "2001:db8::2 54", "::1 55"],
  );
  assert.deepEqual(
    settings.files.map(({ path, account, pollMs }) => [path, account, pollMs]),
    [
      ["/etc/rollcall/zones", "default", 5000],
      ["/srv/a.zone", "shop", 100],
    ],
  );
  assert.deepEqual(settings.sources.get("other"), {
    domain: ["other", "local"],
    account: "shop",
    options: { depth: "2" },
  });
  assert.deepEqual([settings.allowTransfer.has("127.0.0.9"), settings.allowTransfer.has("10.0.0.1")], [true, false]);
  assert.equal(settings.keys[0]?.algorithm, "hmac-sha256");
  const off = read({ sources: { other: null } });
  assert.ok(typeof off !== "string");
  assert.equal(off.sources.get("other"), null);
});

test("networks hold what they say", () => {
  const cases: readonly [string, string, boolean][] = [
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["10.0.0.0/9", "10.128.0.1", false],
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["192.0.2.1", "::ffff:192.0.2.1", true],
    ["::ffff:192.0.2.0/120", "192.0.2.77", true],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["any", "2001:db8::1", true],
    ["any", "192.0.2.1", true],
    ["none", "127.0.0.1", false],
    ["private", "172.31.0.1", true],
    ["private", "172.32.0.1", false],
    ["0.0.0.0/0", "::2", false],
    ["10.0.0.0/8", "nonsense", false],
  ];
  for (const [text, address, expected] of cases)
    assert.equal(networks([text]).has(address), expected, `${address} in ${text}`);
  for (const wrong of ["10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "10.0.0.0/8/8", "example.com", ""])
    assert.ok(!toNetworks([wrong]).ok, wrong);
  assert.equal(unmappedAddress("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(unmappedAddress("fe80::1%eth0"), "fe80::1");
  assert.equal(toNetworkKey("192.0.2.1"), toNetworkKey("192.0.2.254"));
  assert.notEqual(toNetworkKey("192.0.2.1"), toNetworkKey("192.0.3.1"));
  assert.equal(toNetworkKey("2001:db8:0:ff::1"), toNetworkKey("2001:db8::2"));
  assert.notEqual(toNetworkKey("2001:db8:0:100::1"), toNetworkKey("2001:db8::2"));
});

test("an address is in the networks around it, and in no other of its length", () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.integer({ min: 0, max: 128 }), (address, bits) => {
      fc.pre(!unmappedAddress(address).includes("."));
      assert.ok(networks([`${address}/${bits}`]).has(address));
    }),
  );
  fc.assert(
    fc.property(fc.ipV4(), fc.integer({ min: 1, max: 32 }), (address, bits) => {
      const numbers = address.split(".").map(Number);
      const at = (bits - 1) >> 3;
      const other = numbers.map((number, i) => (i === at ? number ^ (0x80 >> ((bits - 1) & 7)) : number)).join(".");
      assert.ok(networks([`${address}/${bits}`]).has(address));
      assert.ok(!networks([`${address}/${bits}`]).has(other));
    }),
  );
});
