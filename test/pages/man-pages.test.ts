/** The dialects' pages: what stands under "Example" works when it is pasted. That of dns has a test of its own. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { commandsOf, openShell } from "../harness/shell.ts";
import { openNsqd } from "../nsqlookupd/rig.ts";

const curl = requirePackage("curl", "curl");
const dig = requirePackage("bind9-dnsutils", "dig");
const serf = requirePackage("serf", "serf");
/** It is in no package: see test/interop/doozer-go.test.ts. */
const doozer = process.env.ROLLCALL_TEST_DOOZER ?? "";

/** Each request prints its status behind its answer. */
const CURL = `curl() { command curl -sS -w '\\n<%{http_code}>\\n' "$@"; }\n`;

interface Around {
  /** Said in the shell before. */
  readonly before?: string;
  /** Texts for others. */
  readonly replaced?: Readonly<Record<string, string>>;
}

/** Pastes a page's example, its ports replaced; answers what it printed when every request was taken. */
async function paste(
  t: TestContext,
  dialect: string,
  around: (registry: Rollcall) => Around | Promise<Around> = () => ({}),
): Promise<string> {
  const registry = await startRollcall(t, { dialects: "all" });
  const { before = "", replaced = {} } = await around(registry);
  const shell = openShell(t, {});
  const [block, ...more] = commandsOf(`packages/registry/src/dialects/${dialect}/README.md`, "Example");
  assert.ok(block !== undefined && more.length === 0);
  let commands = block
    .replaceAll(":7070", `:${registry.port()}`)
    .replaceAll(":8080/skydns", `:${registry.port("skydns")}/skydns`)
    .replaceAll(":8761", `:${registry.port("eureka")}`)
    .replaceAll(":8500", `:${registry.port("consul")}`)
    .replaceAll("-p 8600", `-p ${registry.port("dns")}`)
    // A long poll would wait for a change, and a stream has no end.
    .replaceAll("wait=30s", "wait=1s")
    .replaceAll("curl -N", "curl -N --max-time 1");
  for (const [text, other] of Object.entries(replaced)) {
    assert.ok(commands.includes(text), text);
    commands = commands.replaceAll(text, other);
  }
  const output = await shell.run(`${CURL}${before}\n${commands}`, 60_000);
  const statuses = [...output.matchAll(/^<(\d{3})>$/gm)].map((match) => match[1]);
  const requests = block.match(/^curl /gm) ?? [];
  assert.equal(statuses.length, requests.length, output);
  for (const status of statuses) assert.match(status ?? "", /^20\d$/, output);
  return output;
}

test("http: registered, found, followed, explained, and configuration compared and set", {
  skip: curl.skip,
}, async (t) => {
  const output = await paste(t, "http");
  assert.match(output, /"id":"w1"/);
  assert.match(output, /event: ready/);
  assert.match(output, /"summary":"It is shown as passing/);
  assert.match(output, /"key":"web\/limits\/rate","revision":\d+,"version":2/);
  assert.match(output, /"addr":"127\.0\.0\.1:8080","meta":\{"idc":"shanghai"\}/);
});

test("rackspace: the token is good for a heartbeat, and the tag finds the service", { skip: curl.skip }, async (t) => {
  const output = await paste(t, "rackspace");
  assert.equal(output.match(/"token": "[0-9a-f-]{36}"/g)?.length, 1);
  assert.match(output, /"count": 1,/);
  assert.match(output, /"id": "\/production\/cassandra\/listen_ip"/);
});

test("skydns: announced, found in both ways, watched, removed", { skip: curl.skip || dig.skip }, async (t) => {
  const output = await paste(t, "skydns");
  assert.match(output, /"UUID":"1001","Name":"TestService"/);
  assert.match(output, /SRV\s+10 100 80 web1\.site\.com\./);
});

test("eureka: registered, kept alive, fetched, taken out and let back in", { skip: curl.skip }, async (t) => {
  const output = await paste(t, "eureka");
  assert.match(output, /"apps__hashcode":"UP_1_"/);
  assert.match(output, /<instanceId>orders-1<\/instanceId>/);
});

test("consul: a service beating and found, a key put and read, and a leader elected", {
  skip: curl.skip,
}, async (t) => {
  const output = await paste(t, "consul");
  assert.match(output, /^hello$/m);
  assert.match(output, /^X-Consul-Index: [1-9]/m);
  assert.equal(output.match(/^true$/gm)?.length, 3);
  assert.match(output, /"ServiceID":"web-1"|"ID":"web-1"/);
});

test("nsqlookupd: the topic of an nsqd is looked up, and found by DNS", { skip: curl.skip || dig.skip }, async (t) => {
  // nsqd and nsqadmin are in no package: one that registers and takes what is published stands in for them.
  const broker = createServer((_, answer) => answer.end("OK"));
  await new Promise<void>((resolve) => broker.listen(0, "127.0.0.1", resolve));
  t.after(() => void broker.close());
  const { port } = broker.address() as AddressInfo;
  const output = await paste(t, "nsqlookupd", async (registry) => {
    const [tcp, http] = [registry.port("nsqlookupd"), portOf(registry, "http")];
    await openNsqd(t, tcp, { address: "127.0.0.1", topics: ["orders"] });
    return {
      before: "nsqd() { :; }; nsqadmin() { :; }",
      replaced: { ":4160": `:${tcp}`, ":4161": `:${http}`, ":4151": `:${port}` },
    };
  });
  assert.match(output, /"producers":\[\{"remote_address":"127\.0\.0\.1:\d+"/);
  assert.match(output, /IN\s+SRV\s+\d+ \d+ 4150 /);
});

function portOf({ endpoints }: Rollcall, scheme: string): number {
  return endpoints.find((one) => one.dialect === "nsqlookupd" && one.scheme === scheme)?.port ?? 0;
}

test("serf: an instance is a member, events are told, a query is asked", {
  skip: curl.skip || serf.skip,
}, async (t) => {
  const output = await paste(t, "serf", (registry) => ({
    replaced: { ":7373": `:${registry.port("serf")}`, "serf query": "serf query -timeout=300ms" },
  }));
  assert.equal(output.match(/^api-1\.api +10\.0\.0\.1:8080 +alive/gm)?.length, 2);
  assert.match(output, /Event 'deploy' dispatched/);
  assert.match(output, /Total Responses: 0/);
});

test("doozer: a file set, read, found and followed", {
  skip: curl.skip || (doozer === "" && "ROLLCALL_TEST_DOOZER does not name the original's command"),
}, async (t) => {
  const output = await paste(t, "doozer", (registry) => ({
    before: `doozer() { '${doozer}' "$@"; }`,
    replaced: { ":8046": `:${registry.port("doozer")}` },
  }));
  assert.match(output, /^\d+000000$/m);
  assert.match(output, /10\.0\.0\.5/);
  assert.match(output, /\/app\/db\/host/);
});
