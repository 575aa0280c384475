/**
 * etcd's Go client 3.6 and 3.5 with all that comes beside it, valkeyrie's store, CoreDNS with its etcd plugin, and what
 * go-kit and gRPC register: `go/etcd-clients`, one module for all of them.
 */
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { Caller, startEtcd } from "../etcd/dialect/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { buildModule } from "./go-rig.ts";

const go = requirePackage("golang-go", "go");
const clients = [
  ["3.6", await buildModule("etcd-clients", go, { part: "client" })],
  ["3.5", await buildModule("etcd-clients", go, { part: "client", modules: "older.mod" })],
] as const;
const valkeyrie = await buildModule("etcd-clients", go, { part: "valkeyrie" });
const coredns = await buildModule("etcd-clients", go, { part: "coredns" });
const registries = await buildModule("etcd-clients", go, { part: "registries" });

for (const [version, program] of clients)
  test(`the Go client ${version} and its recipes work, and go on after a kill`, {
    skip: program.skip,
    timeout: 120_000,
  }, async (t) => {
    const rollcall = await startEtcd(t, { dialects: "etcd" });
    const port = rollcall.port("etcd");
    const client = program.start(t, [`127.0.0.1:${port}`]);
    await until(() => client.gone !== undefined || client.lines.includes("ready"), {
      what: "the client to be through",
    });
    await rollcall.restart();
    await new Caller(t, port).must("KV/Put", { key: "restart/started", value: "1" });
    const { code } = await client.exited;
    assert.deepEqual([code, client.lines.at(-1)], [0, "all went well"], client.lines.join("\n"));
  });

test("valkeyrie's store, which Traefik reads, works", { skip: valkeyrie.skip, timeout: 60_000 }, async (t) => {
  const rollcall = await startEtcd(t, { dialects: "etcd" });
  const client = valkeyrie.start(t, [`127.0.0.1:${rollcall.port("etcd")}`]);
  const { code } = await client.exited;
  assert.deepEqual([code, client.lines.at(-1)], [0, "all went well"], client.lines.join("\n"));
});

test("CoreDNS answers from what its plugin finds", { skip: coredns.skip, timeout: 60_000 }, async (t) => {
  const rollcall = await startEtcd({ after }, { dialects: "etcd" });
  const caller = new Caller(t, rollcall.port("etcd"));
  const records = {
    "web/a": { host: "10.0.0.1", port: 80, ttl: 60 },
    "web/b": { host: "10.0.0.2", port: 81, priority: 5 },
    "alias/x": { host: "web.rollcall.test" },
    "note/x": { text: "a note" },
  };
  for (const [key, value] of Object.entries(records))
    await caller.must("KV/Put", { key: `/skydns/test/rollcall/${key}`, value: JSON.stringify(value) });
  await caller.must("KV/Put", {
    key: "/skydns/arpa/in-addr/10/0/0/1",
    value: JSON.stringify({ host: "web.rollcall.test" }),
  });
  const port = await freePort();
  const file = join(temporaryDirectory(t, "coredns"), "Corefile");
  const endpoint = `http://127.0.0.1:${rollcall.port("etcd")}`;
  const plugin = `bind 127.0.0.1\n errors\n etcd rollcall.test in-addr.arpa {\n path /skydns\n endpoint ${endpoint}\n }`;
  writeFileSync(file, `.:${port} {\n ${plugin}\n}\n`);
  coredns.start(t, ["-conf", file]);
  const resolver = new Resolver({ timeout: 500, tries: 3 });
  resolver.setServers([`127.0.0.1:${port}`]);
  const addresses = async (name: string) => (await resolver.resolve4(name)).sort();
  await until(() => addresses("web.rollcall.test"), { what: "CoreDNS to answer" });
  assert.deepEqual(await addresses("web.rollcall.test"), ["10.0.0.1", "10.0.0.2"]);
  assert.deepEqual((await resolver.resolveSrv("web.rollcall.test")).map((one) => one.port).sort(), [80, 81]);
  assert.deepEqual(await resolver.resolve4("a.web.rollcall.test"), ["10.0.0.1"]);
  assert.deepEqual(await resolver.resolveCname("x.alias.rollcall.test"), ["web.rollcall.test"]);
  assert.deepEqual(await resolver.resolveTxt("note.rollcall.test"), [["a note"]]);
  assert.deepEqual(await resolver.reverse("10.0.0.1"), ["web.rollcall.test"]);
  await caller.must("KV/DeleteRange", { key: "/skydns/test/rollcall/web/b" });
  await until(async () => (await addresses("web.rollcall.test")).join() === "10.0.0.1");
});

test("what go-kit and gRPC register is an instance, and an instance is what they find", {
  skip: registries.skip,
  timeout: 100_000,
}, async (t) => {
  const layouts = [
    { prefix: "/services", kind: "go-kit" },
    { prefix: "prod", kind: "grpc" },
  ];
  const rollcall = await startEtcd(t, { dialects: "http,etcd", config: { layouts } });
  const services = `${rollcall.url}/v2/default/services`;
  const client = registries.start(t, [`127.0.0.1:${rollcall.port("etcd")}`]);
  const said = (line: string) =>
    until(() => client.lines.includes(line) || client.gone !== undefined, { what: `"${line}" of the client` });
  const find = (path: string) => request(`${services}/${path}`);
  const shop = `${services}/shop/instances`;
  for (const [kind, own, address, port] of [
    ["go-kit", "kit/instances/one", "10.0.0.1", 8080],
    ["grpc", "rpc/instances/two", "10.0.0.2", 9090],
  ] as const) {
    await said(`${kind}: registered`);
    const found = (await find(own)).json();
    assert.deepEqual([found.address, found.ports.default], [address, port], client.lines.join("\n"));
    const put = (id: string, at: string) =>
      request(`${shop}/${id}`, { method: "PUT", body: { address: at, port: 80, ttl: "100s" } });
    await put("a", "10.0.1.1");
    const shown = kind === "go-kit" ? /^go-kit: found (?:\w+:\/\/)?10\.0\.1\.1:80$/ : /^grpc: found 10\.0\.1\.1:80$/;
    await until(() => client.lines.some((line) => shown.test(line)), { what: `${kind} to find what came` });
    await put("b", "10.0.1.2");
    await until(() => client.lines.some((line) => line.startsWith(kind) && /1\.1:80 .*1\.2:80$/.test(line)));
    // Its lease, of four seconds, is kept by the client.
    await new Promise((done) => setTimeout(done, 5000));
    assert.equal((await find(own)).status, 200);
    for (const id of ["a", "b"]) await request(`${shop}/${id}`, { method: "DELETE" });
    await said(`${kind}: deregistered`);
    await until(async () => (await find(own)).status === 404, { what: `${own} to be gone` });
  }
  const { code } = await client.exited;
  assert.deepEqual([code, client.lines.at(-1)], [0, "all went well"], client.lines.join("\n"));
});
