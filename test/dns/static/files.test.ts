/** Zone files in a running registry: served, watched, and their SRV records kept as instances. */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LogLine } from "../../harness/process.ts";
import { request } from "../../harness/requests.ts";
import { type Scope, temporaryDirectory, until } from "../../harness/scope.ts";
import { type DnsRig, startDns } from "../rig.ts";

interface Shown {
  readonly id: string;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly protocol: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly zone: string;
  readonly weight: number;
  readonly via: string;
}

let serial = 1;

/** A zone with these lines, under a serial that only grows. */
function zoneText(lines: string): string {
  return `$TTL 300
@ 600 IN SOA ns hostmaster ${serial++} 3600 600 86400 60
@ NS ns
ns A 10.0.0.53
${lines}
`;
}

const SITES = `
_http._tcp.site1 SRV 0 512 8080 web1
_http._tcp.site1 SRV 10 5 8081 web2
_http._tcp.site1 TXT "rack=7" "flag" "dns.file=forged" "rack=8"
_http._tcp.site2 SRV 0 0 80 web1
_http._tcp.site2 SRV 0 0 80 far.elsewhere.test.
_sip._udp SRV 0 0 5060 web1
_none._tcp SRV 0 0 0 .
_tls._sctp SRV 0 0 1 web1
Printer\\ 1._ipp._tcp SRV 0 0 631 web1
*._wild._tcp SRV 0 0 1 web1
web1 A 10.0.1.1
web2 A 10.0.1.2
web2 AAAA 2001:db8::2
`;

interface Site extends DnsRig {
  readonly zones: string;
  write(name: string, lines: string): void;
  instances(service: string): Promise<readonly Shown[]>;
  ids(service: string): Promise<readonly string[]>;
}

/** A registry with directories of zone files; the first is `zones`. */
async function startSite(scope: Scope, files: Readonly<Record<string, string>>): Promise<Site> {
  const directory = temporaryDirectory(scope, "static");
  const zones = join(directory, "zones");
  for (const path of [zones, join(directory, "more")]) mkdirSync(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const settings = { files: ["zones", { path: "more", pollMs: 100 }] };
  const rig = await startDns(scope, { directory, settings });
  const instances = async (service: string): Promise<readonly Shown[]> => {
    const answer = await request(`${rig.rollcall.url}/v2/default/services/${service}`);
    if (answer.status === 404) return [];
    const { instances } = answer.json<{ instances: Shown[] }>();
    return instances.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  };
  return {
    ...rig,
    zones,
    write: (name, text) => writeFileSync(join(zones, name), text),
    instances,
    ids: async (service) => (await instances(service)).map(({ id }) => id),
  };
}

async function untilIds(site: Site, service: string, ids: readonly string[]): Promise<void> {
  await until(async () => JSON.stringify(await site.ids(service)) === JSON.stringify(ids), {
    what: `${service} is ${ids.join(" ")}`,
  });
}

async function addresses(site: Site, name: string): Promise<readonly string[]> {
  return (await site.ask(name, "A")).answers.map(({ text }) => text).sort();
}

function said(site: Site, words: RegExp): readonly LogLine[] {
  return site.rollcall.logs.filter(({ msg }) => typeof msg === "string" && words.test(msg));
}

/** One program for all tests that can do with the same; each has files and services of its own. */
const on = await startSite({ after }, { "more/moved.zone": zoneText("_m._tcp SRV 0 0 1 web\nweb A 10.0.0.1") });

test("SRV records are instances, and answered as they stand in the file", async () => {
  on.write("example.zone", zoneText(SITES));
  await until(async () => (await on.ask("_http._tcp.site1.example.", "SRV")).rcode === "NOERROR");
  const answer = await on.ask("_http._tcp.site1.example.", "SRV");
  assert.equal(answer.aa, true);
  assert.deepEqual(answer.answers.map(({ text, ttl }) => [text, ttl]).sort(), [
    ["0 512 8080 web1.example.", 300],
    ["10 5 8081 web2.example.", 300],
  ]);
  assert.deepEqual(answer.additional.map(({ type, name }) => `${type} ${name}`).sort(), [
    "A web1.example.",
    "A web2.example.",
    "AAAA web2.example.",
  ]);
  assert.equal((await on.ask("missing.example.", "A")).rcode, "NXDOMAIN");
  await untilIds(on, "http", [
    "far.elsewhere.test:80",
    "web1.example:80",
    "web1.example:8080",
    "web2.example:8081@10.0.1.2",
    "web2.example:8081@2001:db8::2",
  ]);
  const [far, bare, weighed, four, six] = await on.instances("http");
  assert.ok(
    far !== undefined && bare !== undefined && weighed !== undefined && four !== undefined && six !== undefined,
  );
  assert.deepEqual([far.address, far.zone, far.ports], ["far.elsewhere.test", "site2", { default: 80 }]);
  assert.deepEqual([bare.address, bare.zone, bare.weight], ["10.0.1.1", "site2", 100]);
  assert.deepEqual([weighed.address, weighed.zone, weighed.weight, weighed.via], ["10.0.1.1", "site1", 2, "dns"]);
  assert.deepEqual([four.address, six.address, four.weight], ["10.0.1.2", "2001:db8::2", 5]);
  assert.deepEqual(four.meta, {
    rack: "7",
    flag: "",
    "dns.file": "example",
    "dns.name": "_http._tcp.site1.example",
    "dns.priority": "10",
  });
  const [sip] = await on.instances("sip");
  assert.deepEqual([sip?.id, sip?.protocol, sip?.zone], ["web1.example:5060", "udp", ""]);
  assert.deepEqual(await on.ids("ipp"), ["Printer 1"]);
  for (const service of ["none", "tls", "wild"]) assert.deepEqual(await on.ids(service), [], service);
  // The same instances in the zone of their account.
  await until(async () => (await addresses(on, "http.rollcall.")).includes("10.0.1.1"));
});

test("changes are followed: writing, replacing, broken files, deletion", async () => {
  const file = join(on.zones, "changes.zone");
  writeFileSync(file, zoneText("_a._tcp SRV 0 0 1 web\nweb A 10.0.0.1"));
  await untilIds(on, "a", ["web.changes:1"]);
  // In place.
  writeFileSync(file, zoneText("_a._tcp SRV 0 0 2 web\nweb A 10.0.0.2"));
  await untilIds(on, "a", ["web.changes:2"]);
  assert.deepEqual(await addresses(on, "web.changes."), ["10.0.0.2"]);
  // By another file under its name, as git and editors do.
  on.write("next.tmp", zoneText("_a._tcp SRV 0 0 3 web\nweb A 10.0.0.3"));
  renameSync(join(on.zones, "next.tmp"), file);
  await untilIds(on, "a", ["web.changes:3"]);
  assert.deepEqual(await addresses(on, "web.changes."), ["10.0.0.3"]);
  // Broken: the last good one stays, and the line is named, once.
  writeFileSync(file, zoneText("_a._tcp SRV 0 0 4 web\nweb A 10.0.0.444"));
  await until(
    () => said(on, /changes\.zone:6: "10\.0\.0\.444" is no IPv4 address; the last good version is kept/).length === 1,
  );
  assert.deepEqual(await on.ids("a"), ["web.changes:3"]);
  assert.deepEqual(await addresses(on, "web.changes."), ["10.0.0.3"]);
  writeFileSync(file, "");
  await until(() => said(on, /changes\.zone: there is no SOA record.*last good/).length === 1);
  assert.deepEqual(await on.ids("a"), ["web.changes:3"]);
  writeFileSync(file, zoneText("_a._tcp SRV 0 0 5 web\nweb A 10.0.0.5"));
  await untilIds(on, "a", ["web.changes:5"]);
  // Another file beside it, then one goes.
  on.write("second.zone", zoneText("_b._tcp SRV 0 0 1 web\nweb A 10.0.0.9"));
  await untilIds(on, "b", ["web.second:1"]);
  rmSync(file);
  await untilIds(on, "a", []);
  await until(async () => (await on.ask("web.changes.", "A")).rcode === "REFUSED");
  assert.deepEqual(await addresses(on, "web.second."), ["10.0.0.9"]);
  assert.equal(said(on, /10\.0\.0\.444/).length, 1);
});

test("the directory may go and another one come; that is no deletion", async () => {
  const folder = join(on.directory, "more");
  await untilIds(on, "m", ["web.moved:1"]);
  const away = `${folder}.away`;
  renameSync(folder, away);
  await until(() => said(on, /more: there is no such file or directory/).length > 0);
  assert.deepEqual(await on.ids("m"), ["web.moved:1"]);
  assert.deepEqual(await addresses(on, "web.moved."), ["10.0.0.1"]);
  // Linked in, as deployments and Kubernetes switch from one version to the next.
  const next = `${folder}.next`;
  mkdirSync(next);
  writeFileSync(join(next, "moved.zone"), zoneText("$INCLUDE hosts.inc"));
  writeFileSync(join(next, "hosts.inc"), "_m._tcp SRV 0 0 2 web\nweb A 10.0.0.2\n");
  symlinkSync(next, folder);
  await untilIds(on, "m", ["web.moved:2"]);
  // What it includes is watched too.
  writeFileSync(join(next, "hosts.inc"), "_m._tcp SRV 0 0 3 web\nweb A 10.0.0.3\n");
  await untilIds(on, "m", ["web.moved:3"]);
});

test("a file of the account's own zone adds to it, and nothing is answered twice", async () => {
  on.write("rollcall.zone", zoneText("_api._tcp SRV 0 100 80 web\nweb A 10.0.0.1\nwww CNAME web"));
  await on.register("api", "dynamic", { address: "10.0.0.2", port: 80 });
  await untilIds(on, "api", ["dynamic", "web.rollcall:80"]);
  const { answers } = await on.ask("_api._tcp.rollcall.", "SRV");
  assert.equal(answers.length, 2, JSON.stringify(answers));
  assert.ok(answers.some(({ text }) => text === "0 100 80 web.rollcall."));
  assert.equal((await on.ask("www.rollcall.", "A")).answers.length, 2);
  // What the file says shows in the serial, although no instance changed.
  const before = Number((await on.ask("rollcall.", "SOA")).answers[0]?.text.split(" ")[2]);
  on.write("rollcall.zone", zoneText("_api._tcp SRV 0 100 80 web\nweb A 10.0.0.1\nwww CNAME web\nnew A 10.0.0.9"));
  await until(async () => (await addresses(on, "new.rollcall."))[0] === "10.0.0.9");
  const after = Number((await on.ask("rollcall.", "SOA")).answers[0]?.text.split(" ")[2]);
  assert.ok(after > before, `serial ${after} after ${before}`);
});

test("an instance of somebody else's is never taken over", async () => {
  await on.register("f", "web.foreign:1", { address: "10.9.9.9", port: 9 });
  on.write("foreign.zone", zoneText("_f._tcp SRV 0 0 1 web\n_f._tcp SRV 0 0 2 web\nweb A 10.0.0.1"));
  await untilIds(on, "f", ["web.foreign:1", "web.foreign:2"]);
  assert.equal((await on.instances("f"))[0]?.address, "10.9.9.9");
  await until(
    () => said(on, /foreign\.zone:5: instance web\.foreign:1 of f is already registered through http/).length === 1,
  );
  // Two files may name the same target; each has an instance of its own.
  on.write("other.zone", zoneText("_f._tcp SRV 0 0 2 web.foreign."));
  await untilIds(on, "f", ["web.foreign:1", "web.foreign:2", "web.foreign:2@other"]);
  rmSync(join(on.zones, "foreign.zone"));
  await untilIds(on, "f", ["web.foreign:1", "web.foreign:2@other"]);
});
test("over a restart: broken files keep their instances, removed ones lose them", async (t) => {
  const own = await startSite(t, {
    "zones/good.zone": zoneText("_a._tcp SRV 0 0 1 web\nweb A 10.0.0.1"),
    "zones/gone.zone": zoneText("_b._tcp SRV 0 0 1 web\nweb A 10.0.0.2"),
    "zones/broken.zone": zoneText("_c._tcp SRV 0 0 1 web\nweb A 10.0.0.3"),
  });
  await untilIds(own, "a", ["web.good:1"]);
  await untilIds(own, "b", ["web.gone:1"]);
  await untilIds(own, "c", ["web.broken:1"]);
  await own.rollcall.kill("SIGKILL");
  rmSync(join(own.zones, "gone.zone"));
  own.write("broken.zone", "$TTL 60\n@ SOA a b c\n");
  own.write("good.zone", zoneText("_a._tcp SRV 0 0 2 web\nweb A 10.0.0.4"));
  await own.rollcall.restart();
  await untilIds(own, "a", ["web.good:2"]);
  await untilIds(own, "b", []);
  assert.deepEqual(await own.ids("c"), ["web.broken:1"]);
  assert.deepEqual(await addresses(own, "web.good."), ["10.0.0.4"]);
  assert.equal((await own.ask("web.broken.", "A")).rcode, "REFUSED");
  assert.equal(said(own, /broken\.zone:2: the serial "c" is no number.*the zone is not served/).length, 1);
  // Out of the settings altogether.
  await own.rollcall.kill("SIGKILL");
  writeFileSync(join(own.directory, "rollcall.yaml"), JSON.stringify({ dialectSettings: { dns: {} } }));
  await own.rollcall.restart();
  await untilIds(own, "a", []);
  await untilIds(own, "c", []);
});
