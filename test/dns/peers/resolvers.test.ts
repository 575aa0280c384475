/** Caching resolvers of other makers between clients and the registry: each as it is documented. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, type TestContext, test } from "node:test";
import { requirePackage } from "../../harness/packages.ts";
import { freePort } from "../../harness/ports.ts";
import { temporaryDirectory, until } from "../../harness/scope.ts";
import {
  type Peer,
  readExample,
  startDnsmasq,
  startNamed,
  startPeer,
  startUnbound,
  writeConfig,
} from "../../peers-rig.ts";
import { startDns } from "../rig.ts";
import { dataOf, type Lookup, lookUp } from "./lookup.ts";

const dig = requirePackage("bind9-dnsutils", "dig");
const named = requirePackage("bind9", "named");
const unbound = requirePackage("unbound", "unbound");
const dnsmasq = requirePackage("dnsmasq-base", "dnsmasq");
const kresd = requirePackage("knot-resolver", "kresd");
const recursor = requirePackage("pdns-recursor", "pdns_recursor");

const MANY = 60;
const TTL_S = 1;
/** When a change has to be seen: resolvers round the TTL up to 2 s, and the machine may be busy. */
const SEEN_MS = 4000;

const rig = await startDns({ after }, { settings: { ttlS: TTL_S, negativeTtlS: 1 } });
await rig.register("api", "a1", { address: "10.0.0.1", port: 8080, weight: 100, meta: { build: "7" } });
await rig.register("api", "a2", { address: "10.0.0.2", port: 8081, weight: 1 });
// Instances at a host: the name of their service has addresses, and records of its own beside them.
await rig.register("front", "f1", { address: "api.rollcall", port: 443 });
for (let n = 1; n <= MANY; n++) await rig.register("many", `m${n}`, { address: `10.1.0.${n}`, port: 80 });

/** What every resolver has to pass on. `service`: one that this resolver alone changes. */
async function assertResolves(peer: Peer, service: string): Promise<void> {
  const ask = (...args: readonly string[]): Promise<Lookup> => lookUp(dig.path, peer.port, ...args);
  const srv = await ask("_api._tcp.rollcall", "SRV");
  assert.equal(srv.status, "NOERROR", srv.text);
  assert.deepEqual(dataOf(srv.answers), ["0 256 8081 a2.id.api.rollcall.", "0 25600 8080 a1.id.api.rollcall."]);
  for (const { ttlS } of srv.answers) assert.ok(ttlS <= TTL_S, srv.text);
  for (const target of ["a1", "a2"])
    assert.deepEqual(dataOf((await ask(`${target}.id.api.rollcall`, "A")).answers), [`10.0.0.${target.slice(1)}`]);
  assert.deepEqual(dataOf((await ask("a1.id.api.rollcall", "TXT")).answers), ['"build=7"']);
  // In this order: a cache that has an alias follows it for every type.
  assert.deepEqual(dataOf((await ask("front.rollcall", "A")).answers), ["10.0.0.1", "10.0.0.2"]);
  assert.deepEqual(dataOf((await ask("front.rollcall", "SRV")).answers), ["0 25600 443 api.rollcall."]);
  assert.deepEqual(dataOf((await ask("f1.id.front.rollcall", "SRV")).answers), ["0 25600 443 api.rollcall."]);
  const [none, absent] = [await ask("api.rollcall", "AAAA"), await ask("absent.api.rollcall", "A")];
  assert.deepEqual([none.status, none.answers], ["NOERROR", []], none.text);
  assert.deepEqual([absent.status, absent.answers], ["NXDOMAIN", []], absent.text);
  // Too much for UDP on the way to the resolver and on the way back.
  assert.equal((await ask("_many._tcp.rollcall", "SRV")).answers.length, MANY);
  assert.equal((await ask("MANY.RollCall", "A", "+noedns")).answers.length, MANY);
  assert.deepEqual(dataOf((await ask("-x", "10.1.0.7")).answers), ["m7.id.many.rollcall."]);
  await assertFollows(ask, service);
}

/** Changes get through within the TTL, a name that was not there too. */
async function assertFollows(ask: (...args: readonly string[]) => Promise<Lookup>, service: string): Promise<void> {
  const name = `_${service}._tcp.rollcall`;
  const waitFor = (targets: readonly string[]) =>
    until(
      async () => {
        const found = (await ask(name, "SRV")).answers.map(({ data }) => data.split(/[ .]/)[3] ?? "");
        return found.sort().join(" ") === targets.join(" ");
      },
      { what: `${name} to be ${targets.join(" ")}`, timeoutMs: SEEN_MS, intervalMs: 100 },
    );
  assert.equal((await ask(name, "SRV")).status, "NXDOMAIN");
  await rig.register(service, "x1", { address: "10.3.0.1", port: 80 });
  await waitFor(["x1"]);
  await rig.register(service, "x2", { address: "10.3.0.2", port: 80 });
  await rig.register(service, "x1", { address: "10.3.0.1", port: 80, status: "draining" });
  await waitFor(["x2"]);
}

describe("resolvers", { concurrency: true }, () => {
  test("unbound with stub zones", { skip: dig.skip || unbound.skip }, async (t: TestContext) => {
    const example = readExample("unbound", { "127.0.0.1@8600": `127.0.0.1@${rig.port}` });
    await assertResolves(await startUnbound(t, unbound.path, example), "by-unbound");
  });

  test("unbound that mixes the case of letters and asks for the least", {
    skip: dig.skip || unbound.skip,
  }, async (t: TestContext) => {
    const example = readExample("unbound", { "127.0.0.1@8600": `127.0.0.1@${rig.port}` });
    const strict = `server:
    use-caps-for-id: yes
    qname-minimisation: yes
    qname-minimisation-strict: yes
    harden-below-nxdomain: yes
    edns-buffer-size: 512
    private-address: 10.0.0.0/8
`;
    await assertResolves(await startUnbound(t, unbound.path, `${strict}${example}`), "by-strict-unbound");
  });

  test("BIND that forwards", { skip: dig.skip || named.skip }, async (t: TestContext) => {
    const example = readExample("BIND", { "port 8600": `port ${rig.port}` });
    await assertResolves(await startNamed(t, named.path, example), "by-named");
  });

  test("BIND that asks as a resolver does", { skip: dig.skip || named.skip }, async (t: TestContext) => {
    const zones = ["rollcall", "10.in-addr.arpa"].map(
      (zone) => `zone "${zone}" { type static-stub; server-addresses { 127.0.0.1; }; };\n`,
    );
    await assertResolves(await startNamed(t, named.path, zones.join(""), { remotePort: rig.port }), "by-stub");
  });

  test("PowerDNS Recursor", { skip: dig.skip || recursor.skip }, async (t: TestContext) => {
    const lua = writeConfig(t, "lua", readExample("rollcall.lua"));
    const example = readExample("PowerDNS Recursor", {
      "127.0.0.1:8600": `127.0.0.1:${rig.port}`,
      "/etc/powerdns/rollcall.lua": lua.file,
    });
    await assertResolves(await startRecursor(t, example), "by-recursor");
  });

  test("Knot Resolver", { skip: dig.skip || kresd.skip }, async (t: TestContext) => {
    const example = readExample("Knot Resolver", { "127.0.0.1@8600": `127.0.0.1@${rig.port}` });
    await assertResolves(await startKresd(t, example), "by-kresd");
  });

  test("dnsmasq that forwards", { skip: dig.skip || dnsmasq.skip }, async (t: TestContext) => {
    const example = readExample("dnsmasq", { "127.0.0.1#8600": `127.0.0.1#${rig.port}` });
    await assertResolves(await startDnsmasq(t, dnsmasq.path, example), "by-dnsmasq");
  });
});

async function startRecursor(t: TestContext, example: string): Promise<Peer> {
  const port = await freePort();
  const folder = temporaryDirectory(t, "recursor");
  const own = `local-address=127.0.0.1
local-port=${port}
socket-dir=${folder}
daemon=no
disable-syslog=yes
threads=1
setuid=
setgid=
security-poll-suffix=
`;
  writeFileSync(join(folder, "recursor.conf"), `${own}${example}`);
  return { port, program: await startPeer(t, { path: recursor.path, args: [`--config-dir=${folder}`], port }) };
}

async function startKresd(t: TestContext, example: string): Promise<Peer> {
  const port = await freePort();
  const { file, folder } = writeConfig(t, "kresd", `net.listen('127.0.0.1', ${port}, { kind = 'dns' })\n${example}`);
  return { port, program: await startPeer(t, { path: kresd.path, args: ["-n", "-c", file, folder], port }) };
}
