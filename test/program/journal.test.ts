/** Who asked for what, and who did what: lines of the log for each dialect. */
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { LogLine } from "../harness/process.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";

const linesOf = (rollcall: Rollcall, msg: string): LogLine[] => rollcall.logs.filter((line) => line.msg === msg);

/** The line that says all of this. */
function find(rollcall: Rollcall, msg: string, fields: LogLine): Promise<LogLine> {
  const says = (line: LogLine): boolean =>
    Object.entries(fields).every(([name, value]) => JSON.stringify(line[name]) === JSON.stringify(value));
  return until(() => linesOf(rollcall, msg).find(says), { what: `${msg} ${JSON.stringify(fields)}` });
}

test("each request gets one line: HTTP, streams when they end, Eureka, SkyDNS, Rackspace, DNS", async (t) => {
  const rollcall = await startRollcall(t, { dialects: "all", flags: ["--log-access", "1", "--log-level", "error"] });
  const at = (dialect: string, path: string): string => `http://127.0.0.1:${rollcall.port(dialect)}${path}`;
  const body = JSON.stringify({ address: "10.0.0.1", port: 80, ttl: "1m" });
  await request(`${rollcall.url}/v2/default/services/api/instances/a1?x=secret`, { method: "PUT", body });
  await request(`${rollcall.url}/v2/default/services/api/instances/a1`, { method: "PUT", body });
  const put = { dialect: "http", account: "default", who: "anyone", from: "127.0.0.1" };
  const asked = "PUT /v2/default/services/api/instances/a1";
  await find(rollcall, "request", { ...put, asked, outcome: 400 });
  const line = await find(rollcall, "request", { ...put, asked, outcome: 201 });
  assert.ok((line.ms as number) > 0);

  const socket = connect(rollcall.port(), "127.0.0.1");
  socket.write("GET /v2/default/watch HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
  await once(socket, "data");
  const stream = { asked: "GET /v2/default/watch", outcome: 200, account: "default" };
  assert.equal(linesOf(rollcall, "request").filter((one) => one.asked === stream.asked).length, 0);
  socket.destroy();
  await find(rollcall, "request", stream);

  await request(at("eureka", "/eureka/apps/NONE/none"), { method: "PUT" });
  await find(rollcall, "request", { dialect: "eureka", outcome: 404, account: "default" });
  await request(at("skydns", "/skydns/services/1"));
  await find(rollcall, "request", { dialect: "skydns", outcome: 404, account: "default" });
  await request(`${rollcall.url}/v1.0/default/services`);
  await find(rollcall, "request", { dialect: "rackspace", asked: "GET /v1.0/default/services", account: "default" });

  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${rollcall.port("dns")}`]);
  const named = { dialect: "dns", from: "127.0.0.1" };
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await resolver.resolve4("api.rollcall"), ["10.0.0.1"]);
    await resolver.resolve4("none.rollcall").catch(() => {});
  }
  await find(rollcall, "request", {
    ...named,
    account: "default",
    asked: "A api.rollcall.",
    outcome: "NOERROR",
  });
  await find(rollcall, "request", { ...named, asked: "A none.rollcall.", outcome: "NXDOMAIN" });
  assert.equal(linesOf(rollcall, "request").filter((one) => one.asked === "A api.rollcall.").length, 2);
  const tcp = connect(rollcall.port("dns"), "127.0.0.1");
  const question = Buffer.from("0001000000010000000000000161016208726f6c6c63616c6c0000010001", "hex");
  tcp.write(Buffer.concat([Buffer.from([0, question.length]), question]));
  await once(tcp, "data");
  tcp.destroy();
  await find(rollcall, "request", { ...named, asked: "A a.b.rollcall." });
  assert.doesNotMatch(rollcall.stderr(), /secret/);
});

test("without the setting there is no line, with a share there are some", async (t) => {
  const rollcall = await startRollcall(t, { flags: ["--dialects", "http"] });
  const some = await startRollcall(t, { flags: ["--dialects", "http", "--log-access", "0.2"] });
  for (let i = 0; i < 300; i++) await request(`${rollcall.url}/v2/default/services`);
  for (let i = 0; i < 300; i++) await request(`${some.url}/v2/default/services`);
  assert.equal(linesOf(rollcall, "request").length, 0);
  const count = linesOf(some, "request").length;
  assert.ok(count > 10 && count < 150, `${count} of 300`);
});

test("tokens, accounts, overrides and releases are audited whatever the level, refused attempts too, without secrets", async (t) => {
  const rollcall = await startRollcall(t, { flags: ["--dialects", "http,eureka", "--log-level", "fatal"] });
  const call = async (method: string, path: string, body?: object, token?: string) => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    return request(`${rollcall.url}/v2/${path}`, { method, headers, body: body && JSON.stringify(body) });
  };
  const made = await call("POST", "_/tokens", { name: "root", role: "admin", account: null });
  const { id, token: root } = made.json();
  const from = "127.0.0.1";
  const first = await find(rollcall, "audit", { deed: "create token", who: "anyone", outcome: "done", from });
  assert.deepEqual(first.on, { name: "root", role: "admin", account: null, id });
  const second = await call("POST", "_/tokens", { name: "ci\n12:00:00", role: "writer", account: "acme" }, root);
  const writer = second.json().token;
  await call("DELETE", `_/tokens/${id}`, undefined, writer);
  await find(rollcall, "audit", { deed: "remove token", who: "ci\n12:00:00", role: "writer", outcome: "forbidden" });
  await call("POST", "_/tokens", { name: "no", role: "admin" }, "guessed-secret");
  const unknown = await find(rollcall, "audit", { deed: "create token", outcome: "forbidden" });
  assert.equal(unknown.who, undefined);
  await call("PUT", "_/accounts/acme", { keysMax: 5 }, root);
  await find(rollcall, "audit", { deed: "set account", on: { name: "acme", keysMax: 5 }, outcome: "done" });
  await call("POST", "acme/held/release", { leases: ["none"] }, root);
  await find(rollcall, "audit", { deed: "release held leases", account: "acme", outcome: "not-found" });

  await call("PUT", "acme/services/api/instances/a1", { address: "10.0.0.1", ttl: "1m" }, writer);
  await call("PUT", "acme/services/api/instances/a1/override", { status: "draining" }, writer);
  const on = { service: "api", id: "a1", status: "draining" };
  await find(rollcall, "audit", { deed: "override status", account: "acme", on, outcome: "done" });
  const eureka = `http://127.0.0.1:${rollcall.port("eureka")}/eureka`;
  const headers = { Authorization: `Bearer ${writer}`, "Content-Type": "application/json" };
  await request(`${eureka}/apps/API/a1/status?value=DOWN`, { method: "PUT", headers });
  await find(rollcall, "audit", { deed: "override status", who: "ci\n12:00:00", account: "acme", outcome: "done" });
  await request(`${eureka}/apps/API/a1/status`, { method: "DELETE" });
  await find(rollcall, "audit", {
    deed: "remove override",
    from,
    on: { service: "API", id: "a1" },
    outcome: "forbidden",
  });
  const line = { appName: "API", id: "a1", status: "UP", action: "StatusUpdate" };
  await request(`${eureka}/peerreplication/batch/`, {
    method: "POST",
    headers,
    body: JSON.stringify({ replicationList: [line] }),
  });
  const batched = await find(rollcall, "audit", { on: { service: "API", id: "a1", status: "UP", replicated: true } });
  assert.equal(batched.deed, "override status");
  for (const secret of [root, writer, "guessed-secret"]) assert.ok(!rollcall.stderr().includes(secret));
  assert.equal(rollcall.stderr().trim().split("\n").length, rollcall.logs.filter(({ msg }) => msg).length);
});

test("at debug the log says what becomes of watches, leases and forwarded questions; also after a reload", async (t) => {
  const file = join(temporaryDirectory(t), "rollcall.yaml");
  const dialectSettings = { dns: { forward: ["127.0.0.1:9"], forwardTimeoutMs: 200 } };
  writeFileSync(file, JSON.stringify({ dialectSettings }));
  const rollcall = await startRollcall(t, { flags: ["--dialects", "http,dns", "--config", file] });
  assert.equal((await request(`${rollcall.url}/v2/default/watch?after=0&wait=0s`)).status, 200);
  writeFileSync(file, JSON.stringify({ dialectSettings, log: { level: "debug" } }));
  process.kill(rollcall.pid, "SIGHUP");
  await find(rollcall, "reloaded", { level: 30 });
  assert.equal(linesOf(rollcall, "watch opened").length, 0);
  const body = JSON.stringify({ address: "10.0.0.1", ttl: "1s" });
  await request(`${rollcall.url}/v2/default/services/api/instances/a1`, { method: "PUT", body });
  const socket = connect(rollcall.port(), "127.0.0.1");
  socket.write("GET /v2/default/watch HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
  await find(rollcall, "watch opened", { account: "default", path: "/v2/default/watch", who: "anyone" });
  socket.destroy();
  await find(rollcall, "watch closed", { account: "default" });
  const resolver = new Resolver({ tries: 1 });
  resolver.setServers([`127.0.0.1:${rollcall.port("dns")}`]);
  await resolver.resolve4("far.example").catch(() => {});
  await find(rollcall, "forward", { server: "127.0.0.1", rcode: "none" });
  await find(rollcall, "lease", { account: "default", cause: "expired", beats: 0, via: "http" });
});
