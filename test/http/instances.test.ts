/** One instance over the native API: register, change, beat, check, override, deregister. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";
import { nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);

const body = { address: "10.0.0.1", port: 8080, protocol: "http", tags: ["blue"], meta: { a: "1" }, ttl: "20s" };
const fresh = () => `/v2/${nextAccount()}/services/web/instances/w1`;

test("registers, and answers the same to the same again", async () => {
  const at = fresh();
  const first = await api.call("PUT", at, body);
  assert.equal(first.status, 201);
  const made = first.json();
  assert.deepEqual(made, {
    service: "web",
    id: "w1",
    revision: made.revision,
    created: true,
    lease: "web/w1",
    ttlMs: 20_000,
  });
  const again = await api.call("PUT", at, body);
  assert.equal(again.status, 200);
  assert.equal(again.json().created, false);
  const read = await api.ok("GET", at);
  assert.equal(read.modRevision, made.revision, "the same again is no change");
  assert.equal(read.port, 8080);
  assert.deepEqual(read.ports, { default: 8080 });
  assert.deepEqual(read.meta, { a: "1" });
  assert.equal(read.status, "passing");
  assert.equal(read.via, "http");
});

test("fills in what is left out", async () => {
  const at = fresh();
  const made = await api.ok("PUT", at, { address: "h" });
  assert.equal(made.ttlMs, 30_000);
  const read = await api.ok("GET", at);
  assert.equal(read.weight, 100);
  assert.equal(read.port, 0);
  assert.deepEqual(read.tags, []);
});

test("registers for good with ttl 0, and then has no lease", async () => {
  const at = fresh();
  const made = await api.ok("PUT", at, { address: "h", ttl: 0 });
  assert.equal(made.lease, null);
  assert.equal(made.ttlMs, null);
  assert.deepEqual(await api.ok("POST", `${at}/heartbeat`), { ttlMs: null });
});

test("hangs on an existing lease, and goes with it", async () => {
  const account = nextAccount();
  const at = `/v2/${account}/services/web/instances/w1`;
  await api.refused(404, "not-found", "PUT", at, { address: "h", lease: "shared" });
  await api.ok("POST", `/v2/${account}/leases`, { lease: "shared", ttl: "60s" });
  const made = await api.ok("PUT", at, { address: "h", lease: "shared" });
  assert.equal(made.lease, "shared");
  assert.equal(made.ttlMs, 60_000);
  await api.ok("DELETE", `/v2/${account}/leases/shared`);
  await api.refused(404, "not-found", "GET", at);
});

test("creates only, or changes only what it has seen", async () => {
  const at = fresh();
  const only = { headers: { "if-none-match": "*" } };
  assert.equal((await api.call("PUT", at, body, only)).status, 201);
  await api.refused(412, "exists", "PUT", at, body, only);
  const { modRevision } = await api.ok("GET", at);
  const seen = { headers: { "if-match": `"${modRevision}"` } };
  await api.ok("PUT", at, { ...body, version: "2" }, seen);
  await api.refused(412, "conflict", "PUT", at, { ...body, version: "3" }, seen);
  await api.refused(412, "conflict", "PATCH", at, { version: "3" }, seen);
  await api.refused(412, "conflict", "DELETE", at, undefined, seen);
  await api.refused(400, "invalid", "PUT", at, body, { headers: { "if-match": "what" } });
  await api.refused(400, "invalid", "PUT", at, body, { headers: { "if-none-match": '"7"' } });
  assert.equal((await api.ok("GET", at)).version, "2");
});

test("merges patches", async () => {
  const at = fresh();
  await api.refused(404, "not-found", "PATCH", at, { version: "1" });
  await api.ok("PUT", at, body);
  await api.ok("PATCH", at, { port: 9090, meta: { a: null, b: "2" }, tags: null, zone: "z1" });
  const read = await api.ok("GET", at);
  assert.equal(read.port, 9090);
  assert.deepEqual(read.meta, { b: "2" });
  assert.deepEqual(read.tags, []);
  assert.equal(read.zone, "z1");
  assert.equal(read.ttlMs, 20_000, "a patch that says nothing of it keeps the lease");
  await api.ok("PATCH", at, { ttl: "40s" }, { headers: { "content-type": "application/merge-patch+json" } });
  assert.equal((await api.ok("GET", at)).ttlMs, 40_000);
  await api.refused(400, "invalid", "PATCH", at, { address: null });
  await api.refused(400, "invalid", "PATCH", at, { port: "x" });
});

test("loses no patch of many at once", async () => {
  const at = fresh();
  await api.ok("PUT", at, body);
  await Promise.all(Array.from({ length: 6 }, (_, i) => api.ok("PATCH", at, { meta: { [`k${i}`]: "v" } })));
  assert.equal(Object.keys((await api.ok("GET", at)).meta).length, 7);
});

test("deregisters once", async () => {
  const at = fresh();
  await api.ok("PUT", at, body);
  await api.ok("DELETE", at);
  await api.refused(404, "not-found", "DELETE", at);
  await api.refused(404, "not-found", "GET", at);
});

test("expires without heartbeats, and not with them", async () => {
  const account = nextAccount();
  const quiet = `/v2/${account}/services/web/instances/quiet`;
  const alive = `/v2/${account}/services/web/instances/alive`;
  await api.ok("PUT", alive, { address: "h", ttl: "1s" });
  await api.ok("PUT", quiet, { address: "h", ttl: "1s" });
  const startMs = performance.now();
  await until(
    async () => {
      assert.deepEqual(await api.ok("POST", `${alive}/heartbeat`), { ttlMs: 1000 });
      return (await api.call("GET", quiet)).status === 404;
    },
    { intervalMs: 100, timeoutMs: 5000 },
  );
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= 990 && tookMs < 2300, `ended after ${tookMs} ms`);
  await api.refused(404, "not-found", "POST", `${quiet}/heartbeat`);
  await api.ok("GET", alive);
});

test("takes registering again for a heartbeat", async () => {
  const at = fresh();
  const short = { address: "h", ttl: "1s" };
  await api.ok("PUT", at, short);
  const { createRevision } = await api.ok("GET", at);
  for (let i = 0; i < 8; i++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await api.ok("PUT", at, short);
  }
  assert.equal((await api.ok("GET", at)).createRevision, createRevision, "it never went away");
});

test("shows the worst of its own word and its checks, unless an operator says otherwise", async () => {
  const at = fresh();
  await api.ok("PUT", at, { ...body, checks: [{ id: "disk", status: "passing" }] });
  await api.ok("PUT", `${at}/checks/disk`, { status: "critical", output: "full" });
  await api.ok("PUT", `${at}/checks/new`, { status: "passing" });
  let read = await api.ok("GET", at);
  assert.equal(read.status, "critical");
  assert.equal(read.declaredStatus, "passing");
  assert.deepEqual(
    read.checks.map((check: { id: string; output: string }) => [check.id, check.output]),
    [
      ["disk", "full"],
      ["new", ""],
    ],
  );
  await api.ok("PUT", at, { ...body, checks: [{ id: "disk" }] });
  read = await api.ok("GET", at);
  assert.equal(read.status, "critical", "registering again keeps what a check reported");
  await api.ok("PUT", `${at}/override`, { status: "draining" });
  assert.equal((await api.ok("GET", at)).status, "draining");
  await api.ok("DELETE", `${at}/override`);
  assert.equal((await api.ok("GET", at)).status, "critical");
  await api.refused(404, "not-found", "PUT", `${at}-no/override`, { status: "draining" });
  await api.refused(404, "not-found", "PUT", `${at}-no/checks/disk`, { status: "passing" });
});

test("decodes path segments once, whatever their characters", async () => {
  const account = nextAccount();
  const service = "a b%2Fü#?";
  const id = "http@[::1]:80 %41";
  const at = `/v2/${account}/services/${encodeURIComponent(service.replace("/", ""))}/instances/${encodeURIComponent(id)}`;
  await api.ok("PUT", at, { address: "h" });
  const read = await api.ok("GET", at);
  assert.equal(read.id, id);
  assert.equal(read.service, service);
  await api.ok("POST", `${at}/heartbeat`);
  await api.refused(400, "invalid", "PUT", `/v2/${account}/services/a%2Fb/instances/x`, { address: "h" });
});

test("answers HEAD like GET, without the body", async () => {
  const at = fresh();
  await api.ok("PUT", at, body);
  const answer = await api.call("HEAD", at);
  assert.equal(answer.status, 200);
  assert.equal(answer.text, "");
  assert.equal(Number(answer.headers["content-length"]), (await api.call("GET", at)).bytes.length);
});
