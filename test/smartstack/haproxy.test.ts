/** Debian's HAProxy, kept right while traffic flows: backends are added, drained and killed, and the registry goes and comes back. */
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { readServers } from "../../packages/registry/src/smartstack/haproxy/runtime.ts";
import { tellHaproxy } from "../../packages/registry/src/smartstack/haproxy/socket.ts";
import { requirePackage } from "../harness/packages.ts";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";
import { surviveOutage } from "./outage.ts";
import {
  nerveService,
  prepareHaproxy,
  startAgent,
  startBackend,
  synapseService,
  Traffic,
  untilAnswered,
} from "./rig.ts";

const haproxy = requirePackage("haproxy", "haproxy");
const { skip } = haproxy;
const registry = await startRollcall({ after }, { flags: ["--replicator", "memory"] });
const client = createClient({ url: registry.url });
/** test/interop has a longer one. */
const OUTAGE_MS = 2000;
/** Reloads are at least so far apart: from where one begins; they are told of when they are done. */
const RELOADS_MS = 500;
/** What fails is tried again after 1 s, and after 2 s. */
const RETRIED_MS = 2500;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("backends come, drain, are killed and come back, and no reload is needed for them", { skip }, async (t) => {
  const ground = await prepareHaproxy(t, haproxy.path);
  const [one, two] = [await startBackend(t, "one"), await startBackend(t, "two")];
  const services = { one: nerveService(one), two: nerveService(two) };
  const synapse = { services: { web: synapseService(ground) }, haproxy: ground.haproxy };
  const nerve = { instance_id: "box", services };
  const { reloads, reload } = await startAgent(t, registry.url, { nerve, synapse });
  await ground.start();
  await untilAnswered(ground.url, ["one", "two"]);
  // The first configuration is reloaded once HAProxy is there; whatever comes then goes by the socket.
  await until(() => reloads() > 0);
  const reloaded = reloads();

  const traffic = new Traffic(ground.url);
  await traffic.more(50);
  const three = await startBackend(t, "three");
  await reload({ nerve: { ...nerve, services: { ...services, three: nerveService(three) } }, synapse });
  await untilAnswered(ground.url, ["one", "three", "two"]);
  assert.deepEqual(traffic.failures, [], "one that came cost nothing");

  // Drained by an operator's word, and then withdrawn by its check.
  await client.override("web", "box", "draining");
  await untilAnswered(ground.url, ["three", "two"]);
  await client.override("web", "box", null);
  await untilAnswered(ground.url, ["one", "three", "two"]);
  await one.say("bad");
  await untilAnswered(ground.url, ["three", "two"]);
  await one.say("ok");
  await untilAnswered(ground.url, ["one", "three", "two"]);
  assert.deepEqual(traffic.failures, [], "drains and withdrawals cost nothing");

  await two.program.kill("SIGKILL");
  await untilAnswered(ground.url, ["one", "three"]);
  // What was on its connections when it was killed is lost; all else HAProxy says again to another one.
  assert.ok(traffic.failures.length <= 4, traffic.failures.join("\n"));
  const lost = traffic.failures.length;
  await startBackend(t, "two", two.port);
  await untilAnswered(ground.url, ["one", "three", "two"]);
  await traffic.end();
  assert.equal(traffic.failures.length, lost);

  const weightOf = async () => {
    const asked = await tellHaproxy(ground.socketPath, ["show servers state web"]);
    const found = [...(readServers(asked).get("web")?.values() ?? [])].find(({ port }) => port === three.port);
    return found?.weight;
  };
  assert.equal(await weightOf(), 1);
  await reload({ nerve: { ...nerve, services: { ...services, three: nerveService(three, { weight: 40 }) } }, synapse });
  await until(async () => (await weightOf()) === 40);
  assert.equal(reloads(), reloaded, "nothing of this was a reload");
});

test("more backends than slots are a reload, which costs no request", { skip }, async (t) => {
  const ground = await prepareHaproxy(t, haproxy.path);
  const backends = await Promise.all(Array.from({ length: 7 }, (_, at) => startBackend(t, `b${at}`)));
  const register = (at: number) =>
    client.registerOnce({ service: "many", id: `b${at}`, address: "127.0.0.1", port: backends[at]?.port ?? 0, ttl: 0 });
  await register(0);
  const synapse = {
    services: { web: synapseService(ground, { discovery: { method: "rollcall", service: "many" } }) },
    haproxy: ground.haproxy,
  };
  const { reloads, reloadedAt } = await startAgent(t, registry.url, { synapse });
  await ground.start();
  await untilAnswered(ground.url, ["b0"]);
  await until(() => reloads() > 0);
  const reloaded = reloads();
  const traffic = new Traffic(ground.url);
  await traffic.more(50);
  for (let at = 1; at < 7; at++) await register(at);
  await untilAnswered(
    ground.url,
    backends.map(({ name }) => name),
  );
  assert.ok(reloads() > reloaded);
  assert.ok(reloads() <= reloaded + 2, `${reloads()} reloads for six backends`);
  for (const [at, ms] of reloadedAt.slice(1).entries())
    assert.ok(ms - (reloadedAt[at] as number) > RELOADS_MS / 2, `reloads at ${reloadedAt}`);
  await traffic.more(50);
  assert.deepEqual((await traffic.end()).failures, []);
});

test("a registry that goes and comes back empties nothing", { skip }, (t) =>
  surviveOutage(t, haproxy.path, { outageMs: OUTAGE_MS }),
);

test("a socket that is gone is said once, and changes are reloads until it is back", { skip }, async (t) => {
  const ground = await prepareHaproxy(t, haproxy.path);
  const [one, two, three] = [
    await startBackend(t, "one"),
    await startBackend(t, "two"),
    await startBackend(t, "three"),
  ];
  const services = { one: nerveService(one), two: nerveService(two) };
  const synapse = { services: { web: synapseService(ground) }, haproxy: ground.haproxy };
  const { reloads, reload, said } = await startAgent(t, registry.url, {
    nerve: { instance_id: "box", services },
    synapse,
  });
  const program = await ground.start();
  await untilAnswered(ground.url, ["one", "two"]);
  await until(() => reloads() > 0);
  const before = said.length;
  const lines = () => said.slice(before).filter((line) => line.startsWith("HAProxy"));
  const traffic = new Traffic(ground.url);
  await traffic.more(20);
  rmSync(ground.socketPath);
  const more = { instance_id: "box", services: { ...services, three: nerveService(three) } };
  await reload({ nerve: more, synapse });
  await untilAnswered(ground.url, ["one", "three", "two"]);
  await client.override("web", "box", "draining");
  await untilAnswered(ground.url, ["three", "two"]);
  await client.override("web", "box", null);
  await untilAnswered(ground.url, ["one", "three", "two"]);
  assert.deepEqual((await traffic.end()).failures, []);
  const gone = lines().filter((line) => line.includes("does not answer"));
  assert.equal(gone.length, 1, said.join("\n"));
  // Begun anew it has its socket again, and is told.
  await program.kill("SIGKILL");
  await ground.start();
  await until(() => lines().includes("HAProxy's socket is well again"));
  const reloaded = reloads();
  await reload({ nerve: { instance_id: "box", services }, synapse });
  await untilAnswered(ground.url, ["one", "two"]);
  assert.equal(reloads(), reloaded);
});

test("without a socket each change is a reload, however soon it comes after another", { skip }, async (t) => {
  const ground = await prepareHaproxy(t, haproxy.path, { do_socket: false });
  const [one, two] = [await startBackend(t, "one"), await startBackend(t, "two")];
  const register = (id: string, port: number) =>
    client.registerOnce({ service: "bare", id, address: "127.0.0.1", port, ttl: 0 });
  await register("one", one.port);
  const synapse = {
    services: { web: synapseService(ground, { discovery: { method: "rollcall", service: "bare" } }) },
    haproxy: ground.haproxy,
  };
  const { reloads } = await startAgent(t, registry.url, { synapse });
  await ground.start();
  await untilAnswered(ground.url, ["one"]);
  await until(() => reloads() > 0);
  const traffic = new Traffic(ground.url);
  await traffic.more(20);
  const reloaded = reloads();
  await register("two", two.port);
  await until(() => reloads() > reloaded);
  await client.deregister("bare", "one");
  await untilAnswered(ground.url, ["two"]);
  await register("one", one.port);
  await untilAnswered(ground.url, ["one", "two"]);
  assert.deepEqual((await traffic.end()).failures, []);
});

test("a configuration that HAProxy refuses leaves the old one, and is said once", { skip }, async (t) => {
  const ground = await prepareHaproxy(t, haproxy.path);
  const one = await startBackend(t, "one");
  const nerve = { instance_id: "box", services: { one: nerveService(one) } };
  const right = { services: { web: synapseService(ground) }, haproxy: ground.haproxy };
  const { reloads, reload, said } = await startAgent(t, registry.url, { nerve, synapse: right });
  await ground.start();
  await untilAnswered(ground.url, ["one"]);
  await until(() => reloads() > 0);
  const before = readFileSync(ground.configPath, "utf8");
  const wrong = {
    ...right,
    services: { web: synapseService(ground, { haproxy: { port: ground.port, backend: ["balance nobody"] } }) },
  };
  await reload({ nerve, synapse: wrong });
  const refusals = () => said.filter((line) => line.includes("refused by its check"));
  await until(() => refusals().length > 0);
  await wait(RETRIED_MS);
  assert.equal(refusals().length, 1, said.join("\n"));
  assert.equal(readFileSync(ground.configPath, "utf8"), before);
  await untilAnswered(ground.url, ["one"]);
  // Who comes meanwhile is told to the HAProxy that runs.
  const two = await startBackend(t, "two");
  await reload({ nerve: { ...nerve, services: { ...nerve.services, two: nerveService(two) } }, synapse: wrong });
  await untilAnswered(ground.url, ["one", "two"]);
  await reload({ nerve, synapse: right });
  await until(() => said.includes("HAProxy is well again"));
});

test("HAProxy that is not there is said once, and kept right when it comes", { skip }, async (t) => {
  const ground = await prepareHaproxy(t, haproxy.path);
  const one = await startBackend(t, "one");
  const files = {
    nerve: { instance_id: "box", services: { one: nerveService(one) } },
    synapse: { services: { web: synapseService(ground) }, haproxy: ground.haproxy },
  };
  const { said } = await startAgent(t, registry.url, files);
  await until(() => said.some((line) => line.startsWith("HAProxy: the reload failed: ")));
  await wait(RETRIED_MS);
  assert.equal(said.filter((line) => line.startsWith("HAProxy: ")).length, 1, said.join("\n"));
  await ground.start();
  await untilAnswered(ground.url, ["one"]);
  await until(() => said.includes("HAProxy is well again"));
});

test("a program that is not there is said as that", async (t) => {
  const ground = await prepareHaproxy(t, "/nowhere/haproxy");
  const synapse = { services: { web: synapseService(ground) }, haproxy: ground.haproxy };
  const { said } = await startAgent(t, registry.url, { synapse });
  await until(() => said.some((line) => line.startsWith("HAProxy: HAProxy is not there: ")));
});
