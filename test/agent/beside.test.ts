/** `rollcall agent` with SmartStack's files and Docker: what it refuses, what it would do, and what it does. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "@rollcall/client";
import { run } from "../cli/rig.ts";
import { freePort } from "../harness/ports.ts";
import { startRollcall } from "../harness/program.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { containerOf, Engine } from "../smartstack/engine-rig.ts";
import { nerveService, startBackend } from "../smartstack/rig.ts";
import { startAgent } from "./rig.ts";

test("files are refused with their lines, checked, and done; a SIGHUP reads them again", async (t) => {
  const folder = temporaryDirectory(t);
  const at = (name: string): string => join(folder, name);
  const write = (name: string, content: object): void => writeFileSync(at(name), JSON.stringify(content, null, 1));
  const registry = await startRollcall(t, { flags: ["--replicator", "memory", "--dialects", "http"] });
  writeFileSync(at("rollcall.yaml"), "dialects: [http]\n");
  const flags = ["--config", at("rollcall.yaml"), "--nerve", at("nerve.json"), "--synapse", at("synapse.json")];
  const check = () => run(["agent", "--url", registry.url, "--data", at("data"), ...flags, "--check"]);

  writeFileSync(at("nerve.json"), '{"instance_id": "box",\n "services": {"web": {"host": "h", "port": 1, "prot": 2}}}');
  write("synapse.json", { services: { web: { discovery: { method: "nobody" } } } });
  const refused = await check();
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /nerve\.json:2: services\.web\.checks is missing/);
  assert.match(refused.stderr, /nerve\.json:2: services\.web\.prot is no key that is known here/);
  assert.match(refused.stderr, /synapse\.json:5: services\.web\.discovery\.method must be one of /);

  const one = await startBackend(t, "one");
  const nerve = { instance_id: "box", heartbeat_path: "/h", services: { web: nerveService(one) } };
  const discovery = { method: "zookeeper", path: "/nerve/services/web/services" };
  const synapse = { services: { web: { discovery } }, file_output: { output_directory: at("out") } };
  write("nerve.json", nerve);
  write("synapse.json", synapse);
  const right = await check();
  assert.equal(right.code, 0, right.stderr);
  assert.match(right.stdout, /^register web\/box at 127\.0\.0\.1:\d+ while it passes http /m);
  assert.match(right.stdout, /^follow web: service web of the registry into .*web\.json \(json\)$/m);
  assert.match(right.stdout, /^note: .*nerve\.json:3: heartbeat_path does not carry over: /m);

  const engine = new Engine(t);
  await engine.start();
  engine.set(containerOf("c1", await freePort(), ["SERVICE_NAME=contained"]), "start");
  const agent = await startAgent(t, registry, { flags: [...flags, "--docker", engine.socketPath] });
  const client = createClient({ url: registry.url });
  const idsOf = async (service: string) => (await client.service(service)).instances.map(({ id }) => id);
  await until(async () => (await idsOf("web")).join() === "box" && (await idsOf("contained")).length === 1);
  const ports = () =>
    (JSON.parse(readFileSync(at("out/web.json"), "utf8")) as { port: number }[]).map(({ port }) => port);
  await until(() => ports().join() === String(one.port));

  const reload = async (content: object): Promise<void> => {
    const lines = () => agent.logs.filter(({ msg }) => /^reloaded|the old one stays/.test(String(msg)));
    const before = lines().length;
    write("nerve.json", content);
    process.kill(agent.pid, "SIGHUP");
    await until(() => lines().length > before);
  };
  await reload({ ...nerve, services: { web: nerveService(one, { prot: 1 }) } });
  assert.match(agent.stderr(), /nerve\.json:\d+: services\.web\.prot is no key that is known here/);
  assert.deepEqual(await idsOf("web"), ["box"], "the old configuration stays");
  const more = { ...nerve, services: { ...nerve.services, more: nerveService(one, { zk_path: "/nerve/more" }) } };
  writeFileSync(at("rollcall.yaml"), "dialects: [http]\nwrong: 1\n");
  await reload(more);
  assert.match(agent.stderr(), /the configuration is not right; the old one stays/);
  const shown = () => client.services().then(({ services }) => services.map(({ service }) => service));
  assert.deepEqual((await shown()).sort(), ["contained", "web"], "of two files one is wrong: neither is taken");
  writeFileSync(at("rollcall.yaml"), "dialects: [http]\n");
  await reload(more);
  await until(async () => (await idsOf("more")).join() === "box");
  await agent.stop();
  assert.deepEqual([await idsOf("web"), await idsOf("more"), await idsOf("contained")], [[], [], []]);
  assert.deepEqual(ports(), [one.port], "files stay");
});
