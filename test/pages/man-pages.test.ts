/** The dialects' pages: what stands under "Example" works when it is pasted. That of dns has a test of its own. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { startRollcall } from "../harness/program.ts";
import { commandsOf, openShell } from "../harness/shell.ts";

const curl = requirePackage("curl", "curl");
const dig = requirePackage("bind9-dnsutils", "dig");

/** Each request prints its status behind its answer. */
const CURL = `curl() { command curl -sS -w '\\n<%{http_code}>\\n' "$@"; }\n`;

/** Pastes a page's example, its ports replaced; answers what it printed when every request was taken. */
async function paste(t: TestContext, dialect: string): Promise<string> {
  const registry = await startRollcall(t);
  const shell = openShell(t, {});
  const [block, ...more] = commandsOf(`packages/registry/src/dialects/${dialect}/README.md`, "Example");
  assert.ok(block !== undefined && more.length === 0);
  const commands = block
    .replaceAll(":7070", `:${registry.port()}`)
    .replaceAll(":8080/skydns", `:${registry.port("skydns")}/skydns`)
    .replaceAll(":8761", `:${registry.port("eureka")}`)
    .replaceAll(":8500", `:${registry.port("consul")}`)
    .replaceAll("-p 8600", `-p ${registry.port("dns")}`)
    // A long poll would wait for a change, and a stream has no end.
    .replaceAll("wait=30s", "wait=1s")
    .replaceAll("curl -N", "curl -N --max-time 1");
  const output = await shell.run(CURL + commands, 60_000);
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
