/** An agent shows an account of a registry as it is there, takes changes for it, and goes on while it is away. */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { run } from "../cli/rig.ts";
import { freePort } from "../harness/ports.ts";
import { startProcess } from "../harness/process.ts";
import { startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { idsOf, revisionOf, startAgent, startPair, untilStale } from "./rig.ts";

const STAYS = { address: "10.0.0.1", ttl: 0 } as const;
/** For what takes neither of them down. */
const calm = await startPair({ after });

test("what is written at either is read at both, at one revision", async () => {
  const { origin, local } = calm;
  const there = await origin.registerOnce({ ...STAYS, service: "api", id: "a", port: 80 });
  await until(async () => (await idsOf(local, "api")).includes("a"));
  const here = await local.registerOnce({ ...STAYS, service: "api", id: "b", port: 81 });
  assert.ok(here.revision > there.revision);
  assert.deepEqual(await idsOf(origin, "api"), ["a", "b"]);
  assert.deepEqual(await idsOf(local, "api"), ["a", "b"], "it is read where it was written, at once");
  assert.deepEqual(await local.instance("api", "a"), await origin.instance("api", "a"));

  const put = await local.config.put("db/host", "x");
  assert.equal((await origin.config.get("db/host"))?.modRevision, put.revision);
  await assert.rejects(local.config.put("db/host", "y", { ifRevision: 0 }), { code: "exists" });
  await local.config.put("db/host", "y", { ifRevision: put.revision });
  assert.equal((await origin.config.get("db/host"))?.value, "y");
  assert.equal(await local.deregister("api", "a"), true);
  assert.deepEqual(await idsOf(origin, "api"), ["b"]);
  assert.equal(await revisionOf(local), await revisionOf(origin));
});

test("a watch goes on at the agent with a position of the registry", async () => {
  const { origin, local } = calm;
  const { revision } = await origin.config.put("k", "1");
  await origin.config.put("k", "2");
  const seen: (string | null | undefined)[] = [];
  const stop = new AbortController();
  for await (const item of local.watch({ key: "k", after: revision, signal: stop.signal })) {
    if (item.kind === "commit")
      for (const change of item.commit.changes) if (change.kind === "key") seen.push(change.after?.value);
    if (item.kind === "ready") await origin.config.put("k", "3");
    if (seen.at(-1) === "3") stop.abort();
  }
  assert.deepEqual(seen.slice(-2), ["2", "3"]);
});

test("leases are the registry's: heartbeats at the agent keep them, and without any they end", async (t) => {
  const { origin, local } = calm;
  await local.registerOnce({ address: "10.0.0.1", service: "beats", id: "kept", ttl: "2s" });
  await local.registerOnce({ address: "10.0.0.2", service: "beats", id: "silent", ttl: "2s" });
  const beating = setInterval(() => void local.heartbeat("beats", "kept").catch(() => {}), 300);
  t.after(() => clearInterval(beating));
  await until(async () => (await idsOf(local, "beats")).length === 1);
  assert.deepEqual(await idsOf(local, "beats"), ["kept"]);
  assert.deepEqual(await idsOf(origin, "beats"), ["kept"]);
  await assert.rejects(local.heartbeat("beats", "silent"), { code: "not-found" });
});

test("status, metrics and the doctor say how an agent stands with its registry", async () => {
  const { registry, agent, origin, local } = calm;
  const { revision } = await origin.config.put("seen", "1");
  await until(async () => (await revisionOf(local)) >= revision);
  const numbers = await numbersOf(agent.url);
  assert.ok((numbers.get("followed_seconds") ?? 0) > 0);
  assert.ok((numbers.get("lag_seconds") ?? -1) >= 0 && (numbers.get("lag_seconds") ?? 60) < 60);
  for (const name of ["stale_seconds", "held"]) assert.equal(numbers.get(name), 0, name);
  const told = await run(["status", "--url", agent.url]);
  assert.match(told.stdout, /^replicator +upstream$/m);
  const dead = `http://127.0.0.1:${await freePort()}`;
  const flags = ["--replicator", "upstream", "--upstream", `${dead},${registry.url}`, "--data", agent.data];
  const doctor = await run(["doctor", "--url", agent.url, ...flags]);
  assert.match(doctor.stdout, /^agent +good +its registry is followed: what it shows is current$/m);
  assert.match(doctor.stdout, new RegExp(`^upstream +warn +.*${dead}`, "m"));
  assert.match(
    doctor.stdout,
    new RegExp(`^upstream +good +${registry.url} answers: .* default is at revision \\d+$`, "m"),
  );
  assert.match(doctor.stdout, /^snapshot +good +written \S+ ago in /m);
});

async function numbersOf(url: string): Promise<ReadonlyMap<string, number>> {
  const { text } = await request(`${url}/metrics`);
  const found = [...text.matchAll(/^rollcall_upstream_(\w+) (\S+)$/gm)];
  return new Map(found.map(([, name = "", value]) => [name, Number(value)]));
}

test("all is shown while the registry is away, also by an agent that starts then, and by other dialects", async (t) => {
  const { registry, agent, origin, local } = await startPair(t, "http,consul");
  await origin.registerOnce({ ...STAYS, service: "api", id: "a", port: 80 });
  await origin.config.put("db/host", "x");
  await until(async () => (await local.config.get("db/host")) !== null);
  await registry.kill();
  await untilStale(local, true);
  assert.deepEqual(await idsOf(local, "api"), ["a"]);
  await assert.rejects(local.config.put("db/host", "y"), { code: "unavailable" });
  assert.equal((await request(`${agent.url}/readyz`)).status, 200);
  const numbers = await numbersOf(agent.url);
  assert.ok((numbers.get("stale_seconds") ?? 0) > 0);
  assert.equal(numbers.get("followed_seconds"), 0);
  assert.match((await run(["status", "--url", agent.url])).stdout, /^the registry \(.*\) is not followed: /m);
  const nowhere = ["--replicator", "upstream", "--upstream", registry.url, "--data", join(agent.data, "none")];
  const doctor = await run(["doctor", "--url", agent.url, ...nowhere]);
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /^agent +warn +the registry .* is not followed: .*: what it shows may be old$/m);
  assert.match(doctor.stdout, new RegExp(`^upstream +bad +.*${registry.url}`, "m"));
  // Its snapshot is written when it stops.
  await agent.stop();
  await agent.restart();
  assert.deepEqual(await idsOf(local, "api"), ["a"]);
  assert.equal((await local.config.get("db/host"))?.value, "x");
  const { text } = await request(`http://127.0.0.1:${agent.port("consul")}/v1/catalog/service/api`);
  assert.equal((JSON.parse(text) as unknown[]).length, 1);

  await registry.restart();
  await untilStale(local, false);
  await local.config.put("db/host", "z");
  assert.equal((await origin.config.get("db/host"))?.value, "z");
});

test("what an agent saw a second before it was killed is in its snapshot", async (t) => {
  const { registry, agent, origin, local } = await startPair(t);
  await origin.registerOnce({ ...STAYS, service: "api", id: "a", port: 80 });
  await until(async () => (await idsOf(local, "api")).length === 1);
  await until(() => readFileSync(join(agent.data, "snapshot.ndjson"), "utf8").includes("10.0.0.1"));
  await registry.kill();
  await agent.kill("SIGKILL");
  await agent.restart();
  assert.deepEqual(await idsOf(local, "api"), ["a"]);
});

test("a registry that lost everything empties nothing", async (t) => {
  const { registry, origin, local } = await startPair(t);
  for (const id of ["a", "b"]) await origin.registerOnce({ ...STAYS, service: "api", id, port: id === "a" ? 80 : 81 });
  await origin.config.put("db/host", "x");
  await until(async () => (await local.config.get("db/host")) !== null);
  await registry.kill();
  rmSync(registry.data, { recursive: true, force: true });
  await registry.restart();
  assert.deepEqual(await idsOf(origin, "api"), []);
  // It begins anew with the order of the new registry; what that forgot is marked.
  await until(async () => {
    const one = await local.instance("api", "a");
    return one?.held !== null && one?.held !== undefined;
  });
  assert.deepEqual(await idsOf(local, "api"), ["a", "b"]);
  assert.equal((await local.config.get("db/host"))?.value, "x");

  // What comes back is held no longer; what takes a place of one replaces it.
  await local.registerOnce({ ...STAYS, service: "api", id: "a", port: 80 });
  assert.equal((await local.instance("api", "a"))?.held, null);
  await local.registerOnce({ ...STAYS, service: "api", id: "c", port: 81 });
  await until(async () => (await idsOf(local, "api")).join() === "a,c");
});

test("a reader's token shows the account, a writer's changes it, and one for all does everything", async (t) => {
  const registry = await startRollcall(t, { dialects: "http,consul" });
  const admin = createClient({ url: registry.url });
  await request(`http://127.0.0.1:${registry.port("consul")}/v1/session/create`, { method: "PUT", body: "{}" });
  await admin.config.put("k", "v");
  const all = await admin.admin.tokens.create({ name: "all", account: null, role: "admin" });
  const tokens = createClient({ url: registry.url, token: all.token }).admin.tokens;
  const reader = await tokens.create({ name: "r", account: "default", role: "reader" });
  const writer = await tokens.create({ name: "w", account: "default", role: "writer" });
  const open = async (token: string) => {
    const agent = await startAgent(t, registry, { dialects: "http,consul", env: { ROLLCALL_TOKEN: token } });
    return { agent, client: createClient({ url: agent.url }) };
  };
  const [asReader, asWriter, asAll] = await Promise.all([reader, writer, all].map(({ token }) => open(token)));
  for (const one of [asReader, asWriter, asAll]) assert.equal((await one?.client.config.get("k"))?.value, "v");
  await assert.rejects(asReader?.client.config.put("k", "1") as Promise<unknown>, { code: "forbidden" });
  await asWriter?.client.config.put("k", "2");
  await asAll?.client.config.put("k", "3");
  const consul = (agent: { port(name: string): number } | undefined) =>
    request(`http://127.0.0.1:${agent?.port("consul")}/v1/kv/c`, { method: "PUT", body: "1" });
  assert.equal((await consul(asAll?.agent)).status, 200);
});

test("an agent without a registry and without a snapshot does not start, and says so", async (t) => {
  const data = join(temporaryDirectory(t), "data");
  const url = `http://127.0.0.1:${await freePort()}`;
  const ports = ["--dialects", "http", "--http-port", "0"];
  const said = await run(["agent", "--url", url, "--data", data, ...ports]);
  assert.equal(said.code, 3, said.stderr);
  assert.match(said.stderr, /cannot copy the registry .* there is no snapshot yet/);
  const none = await run(["agent", "--data", data, ...ports]);
  assert.equal(none.code, 2, none.stderr);
  assert.match(none.stderr, /upstream\.urls: an agent needs the address of its registry/);
});

test("two agents do not share a directory", async () => {
  const { registry, agent } = calm;
  const ports = ["--dialects", "http", "--http-port", "0"];
  const said = await run(["agent", "--url", registry.url, "--data", agent.data, ...ports]);
  assert.equal(said.code, 5, said.stderr);
  assert.match(said.stderr, /is in use by process/);
});

test("--check says what would be done, and does none of it", async (t) => {
  const data = join(temporaryDirectory(t), "data");
  const url = `http://127.0.0.1:${await freePort()}`;
  const said = await run(["agent", "--url", url, "--account", "shop", "--data", data, "--check", "--dialects", "http"]);
  assert.equal(said.code, 0, said.stderr);
  assert.match(said.stdout, /follows the account shop of http:.* and opens http\n$/);
});

test("an agent goes on at another address of its registry, and SIGHUP changes what it can", async (t) => {
  const registry = await startRollcall(t);
  const dead = `http://127.0.0.1:${await freePort()}`;
  const data = join(temporaryDirectory(t), "data");
  const file = join(temporaryDirectory(t), "agent.json");
  writeFileSync(file, "{}");
  const relay = startProcess(t, process.execPath, [join(ROOT, "test/client/relay.mjs"), String(registry.port())]);
  const port = await until(() => /^port=(\d+)$/.exec(relay.lines[0] ?? "")?.[1]);
  const flags = ["--url", `${dead},http://127.0.0.1:${port},${registry.url}`, "--config", file];
  const agent = await startRollcall(t, { command: "agent", data, flags });
  const local = createClient({ url: agent.url });
  await local.config.put("k", "v");
  assert.equal((await createClient({ url: registry.url }).config.get("k"))?.value, "v");

  // The one that it follows goes away.
  relay.child.kill("SIGKILL");
  await createClient({ url: registry.url }).config.put("k", "w");
  await until(async () => (await local.config.get("k"))?.value === "w");
  await local.config.put("k", "v");

  // SIGHUP takes over what can be, and names what takes a restart.
  const reload = async (content: object): Promise<(text: RegExp) => Record<string, unknown> | undefined> => {
    const before = agent.logs.length;
    const said = (text: RegExp) => agent.logs.slice(before).find(({ msg }) => text.test(String(msg)));
    writeFileSync(file, JSON.stringify(content));
    process.kill(agent.pid, "SIGHUP");
    await until(() => said(/^reloaded|^the configuration is not right/));
    return said;
  };
  const wrong = await reload({ log: { level: "debug" }, upstream: { holdMs: "soon" } });
  assert.match(String(wrong(/^the configuration is not right/)?.problems), /upstream\.holdMs/);
  const right = await reload({ log: { level: "debug" }, upstream: { holdMs: "5m" } });
  assert.deepEqual(right(/^these have changed/)?.settings, ["upstream"]);
  assert.ok((right(/^reloaded/)?.taken as string[] | undefined)?.includes("log"));
  assert.equal((await local.config.get("k"))?.value, "v");
});
