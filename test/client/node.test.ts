/** What the SDK does in Node only: snapshots on the disk, TLS of one's own, the own address. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createClient, type DiscoverOptions } from "@rollcall/client";
import { createFetch, createQuickFetch, fileSnapshots, ownAddress } from "@rollcall/client/node";
import { freePort } from "../harness/ports.ts";
import { startRollcall } from "../harness/program.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { createAuthority } from "../net/authority-rig.ts";

const registry = await startRollcall({ after }, { flags: ["--replicator", "memory"] });
const rollcall = createClient({ url: registry.url });

function discover(url: string, service: string, options: DiscoverOptions) {
  const discovery = createClient({ url, timeoutMs: 5000 }).discover(service, options);
  after(() => discovery.close());
  return discovery;
}

test("a program that starts while the registry is down finds its peers by the snapshot, marked stale", async () => {
  const folder = join(temporaryDirectory({ after }), "not", "there yet");
  const snapshots = fileSnapshots(folder);
  for (const id of ["a", "b"]) await rollcall.registerOnce({ service: "db", id, address: "127.0.0.1", port: 5432 });
  const before = discover(registry.url, "db", { snapshots });
  await before.ready;
  const file = await until(() => readdirSync(folder).find((name) => name.endsWith(".json")), { what: "the snapshot" });
  await until(() => JSON.parse(readFileSync(join(folder, file), "utf8")).instances.length === 2);
  before.close();

  const dead = `http://127.0.0.1:${await freePort()}`;
  const after2 = discover(dead, "db", { snapshots });
  await after2.ready;
  assert.deepEqual(after2.instances.map(({ id }) => id).sort(), ["a", "b"]);
  assert.equal(after2.stale, true);
  assert.ok(after2.pick());
  // Of another filter or service nothing is known, and a damaged one is none.
  const others = [discover(dead, "db", { snapshots, zone: "x" }), discover(dead, "dc", { snapshots })];
  writeFileSync(join(folder, file), "{");
  others.push(discover(dead, "db", { snapshots }));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(
    others.map(({ instances }) => instances.length),
    [0, 0, 0],
  );
  assert.deepEqual(readdirSync(folder).length, 1, "no candidate is left");
});

test("the registry's answer replaces the snapshot, also when instances went meanwhile", async () => {
  const folder = temporaryDirectory({ after });
  const snapshots = fileSnapshots(folder);
  const many = Array.from({ length: 20 }, (_, i) => ({
    service: "gone",
    id: `${i}`,
    address: "127.0.0.1",
    port: 1000 + i,
  }));
  for (const spec of many) await rollcall.registerOnce(spec);
  const before = discover(registry.url, "gone", { snapshots });
  await before.ready;
  await until(() => readdirSync(folder).some((name) => name.endsWith(".json")), { what: "the snapshot" });
  before.close();
  for (const { service, id } of many.slice(2)) await rollcall.deregister(service, id);
  const again = discover(registry.url, "gone", { snapshots });
  await until(() => !again.stale);
  assert.equal(again.instances.length, 2);
});

test("the own address is the one towards the registry", async () => {
  assert.equal(await ownAddress(registry.url), "127.0.0.1");
  assert.equal(await ownAddress(["http://[::1]:7070"]), "::1");
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const outside = own.find(({ internal, family }) => !internal && family === "IPv4");
  if (outside !== undefined) assert.equal(await ownAddress(`http://${outside.address}:7070`), outside.address);
  await assert.rejects(ownAddress("http://no-such-host.invalid:7070"));
  assert.equal(await ownAddress(["http://no-such-host.invalid", registry.url]), "127.0.0.1");
});

test("an authority of one's own and a client certificate, without environment variables", async () => {
  const folder = temporaryDirectory({ after });
  const authority = createAuthority(folder, "root");
  const [server, client] = [authority.sign("server", "server"), authority.sign("client", "client")];
  const flags = [
    "--replicator",
    "memory",
    "--tls-cert",
    server.cert,
    "--tls-key",
    server.key,
    "--tls-ca",
    authority.ca,
  ];
  const secure = await startRollcall({ after }, { flags });
  const url = secure.url.replace("http:", "https:");
  const own = { ca: readFileSync(authority.ca), cert: readFileSync(client.cert), key: readFileSync(client.key) };
  for (const [nth, fetch] of [createFetch(own), createQuickFetch(own)].entries()) {
    const service = `s${nth}`;
    const trusted = createClient({ url, fetch });
    await trusted.registerOnce({ service, id: "1", address: "127.0.0.1", port: 1, meta: { name: "Zoë" } });
    const discovery = trusted.discover(service);
    after(() => discovery.close());
    await discovery.ready;
    assert.equal(discovery.instances[0]?.meta.name, "Zoë");
    await trusted.registerOnce({ service, id: "2", address: "127.0.0.1", port: 2 });
    await until(() => discovery.instances.length === 2);
    const watched = trusted.watch({ service });
    assert.equal((await watched.next()).value?.kind, "ready");
    await watched.return();
    await assert.rejects(trusted.register({ service: "..", id: "x", address: "a" }), { code: "invalid" });
    assert.equal(await trusted.instance(service, "none"), null);
  }
  const stranger = createClient({ url, fetch: createFetch({ ca: own.ca }) });
  await assert.rejects(stranger.status(), { code: "unreachable" });
  const careless = createClient({ url, fetch: createQuickFetch({}) });
  await assert.rejects(careless.status(), /self-signed|unable to (get|verify)/);
  const silent = createClient({ url, fetch: createQuickFetch(own), timeoutMs: 2000 });
  const stop = AbortSignal.timeout(300);
  const following = silent.watch({ service: "s", signal: stop });
  for await (const item of following) assert.equal(item.kind, "ready");
});
