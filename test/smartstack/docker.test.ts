/** Containers as instances, by the events of an Engine that a stand-in speaks for over a real unix socket. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";
import { containerOf, Engine } from "./engine-rig.ts";
import { startAgent, startBackend } from "./rig.ts";

const scope = { after };
const registry = await startRollcall(scope, { flags: ["--replicator", "memory"] });
const client = createClient({ url: registry.url });
const OPTIONS = { hostName: "box", hostAddress: "127.0.0.1" };

async function untilThere(service: string, wanted: Record<string, string>): Promise<void> {
  const there = async () =>
    Object.fromEntries((await client.service(service)).instances.map(({ id, status }) => [id, status]));
  const text = (found: Record<string, string>) => JSON.stringify(Object.entries(found).sort());
  await until(async () => text(await there()) === text(wanted), { what: `${service}: ${JSON.stringify(wanted)}` });
}

test("containers that start, stop, and are well or not", async (t) => {
  const engine = new Engine(t);
  const backend = await startBackend(t, "one");
  engine.set(containerOf("c1", 1001), "start");
  await engine.start();
  await startAgent(t, registry.url, { docker: `unix://${engine.socketPath}`, dockerOptions: OPTIONS });
  await untilThere("web", { "box:c1-name:80": "passing" });
  engine.set(containerOf("c2", 1002, ["SERVICE_NAME=web", "SERVICE_TAGS=blue"]), "start");
  await untilThere("web", { "box:c1-name:80": "passing", "box:c2-name:80": "passing" });
  assert.deepEqual((await client.instance("web", "box:c2-name:80"))?.tags, ["blue"]);
  const sick = { State: { Running: true, Health: { Status: "unhealthy" } } };
  engine.set(containerOf("c1", 1001, [], sick), "health_status: unhealthy");
  await untilThere("web", { "box:c1-name:80": "critical", "box:c2-name:80": "passing" });
  engine.remove("c2");
  await untilThere("web", { "box:c1-name:80": "critical" });
  const plain = containerOf("c4", 1004, ["SERVICE_NAME=wrong"]);
  const labels = { SERVICE_NAME: "labelled", SERVICE_80_ID: "four", SERVICE_COLOUR: "blue", other: "x" };
  engine.set({ ...plain, Config: { ...plain.Config, Labels: labels } }, "start");
  await untilThere("labelled", { four: "passing" });
  assert.deepEqual((await client.instance("labelled", "four"))?.meta, { colour: "blue" });
  // What is not in a container's life is not asked about.
  const asked = engine.asked.length;
  engine.tell("c1", "exec_start: sh");
  engine.set(
    containerOf("c3", backend.port, [
      "SERVICE_NAME=checked",
      "SERVICE_CHECK_HTTP=/health",
      "SERVICE_CHECK_INTERVAL=1s",
    ]),
    "start",
  );
  await untilThere("checked", { "box:c3-name:80": "passing" });
  assert.equal(engine.asked.length, asked + 1);
  await backend.say("bad");
  await untilThere("checked", { "box:c3-name:80": "critical" });
});

test("an Engine that goes takes nobody along, and what happened meanwhile is found", async (t) => {
  const engine = new Engine(t);
  const named = (id: string) => containerOf(id, 1001, ["SERVICE_NAME=stays"]);
  engine.set(named("a"), "start");
  engine.set(named("b"), "start");
  const { said } = await startAgent(t, registry.url, { docker: engine.socketPath, dockerOptions: OPTIONS });
  await until(() => said.some((line) => line.startsWith("Docker: ")));
  await engine.start();
  await untilThere("stays", { "box:a-name:80": "passing", "box:b-name:80": "passing" });
  await engine.stop();
  engine.remove("a");
  engine.set(named("c"), "start");
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await untilThere("stays", { "box:a-name:80": "passing", "box:b-name:80": "passing" });
  await engine.start();
  await untilThere("stays", { "box:b-name:80": "passing", "box:c-name:80": "passing" });
  await until(() => said.includes("Docker is well again"));
});

test("skydock's names are found by SkyDNS' words", async (t) => {
  const engine = new Engine(t);
  await engine.start();
  engine.set(containerOf("0123456789abcdef", 1001), "start");
  const options = { ...OPTIONS, naming: "skydock", environment: "dev" } as const;
  await startAgent(t, registry.url, { docker: engine.socketPath, dockerOptions: options });
  await untilThere("web", { "0123456789ab": "passing" });
  const found = await client.instance("web", "0123456789ab");
  assert.deepEqual(
    [found?.version, found?.address, found?.port, found?.zone, found?.meta["skydns.environment"]],
    ["0123456789abcdef-name", "172.17.0.2", 80, "box", "dev"],
  );
});
