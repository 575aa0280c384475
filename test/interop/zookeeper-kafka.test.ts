/** Two brokers of Kafka 3.9 that keep their cluster here: a topic, messages, a controller that is killed, and another: `java/kafka-broker`. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import type { Program } from "../harness/process.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import type { PeerScope } from "../peers-rig.ts";
import { startZookeeper } from "../zookeeper/rig.ts";
import { buildProject, type JavaProject } from "./maven-rig.ts";
import { waitForLine } from "./programs-rig.ts";

const packages = [requirePackage("maven", "mvn"), requirePackage("default-jdk-headless", "javac")];
const project = await buildProject("kafka-broker", packages);

const BROKERS = 2;
const SESSION_MS = 6000;
const QUIET = { "org.slf4j.simpleLogger.defaultLogLevel": "warn" };

/** Starts a broker without waiting for it. */
function startBroker(scope: PeerScope, java: JavaProject, id: number, port: number, zookeeper: number): Program {
  const folder = temporaryDirectory(scope, `kafka-${id}`);
  mkdirSync(join(folder, "log"));
  const settings = {
    "broker.id": id,
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    "log.dirs": join(folder, "log"),
    "zookeeper.connect": `127.0.0.1:${zookeeper}/kafka`,
    "zookeeper.session.timeout.ms": SESSION_MS,
    "num.partitions": 1,
    "default.replication.factor": BROKERS,
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": BROKERS,
    "group.initial.rebalance.delay.ms": 0,
    "num.io.threads": 2,
    "num.network.threads": 1,
    "log.cleaner.enable": false,
    // Smaller, as many run beside it.
    "socket.send.buffer.bytes": 65_536,
    "num.recovery.threads.per.data.dir": 1,
  };
  const file = join(folder, "server.properties");
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  return java.start(scope, "kafka.Kafka", { args: [file], properties: QUIET, cwd: folder });
}

test("a cluster of Kafka starts, creates a topic, loses its controller, elects another and goes on", {
  skip: project.skip,
  timeout: 180_000,
}, async (t) => {
  const rollcall = await startZookeeper(t);
  const ports = [await freePort(), await freePort()];
  const brokers = ports.map((port, id) => startBroker(t, project, id, port, rollcall.port("zookeeper")));
  const read = async (path: string) => {
    const { status, json } = await request(`${rollcall.url}/v2/default/config/${encodeURIComponent(`/kafka${path}`)}`);
    return status === 200 ? json() : undefined;
  };
  for (const id of brokers.keys())
    await until(async () => (await read(`/brokers/ids/${id}`)) !== undefined, {
      what: `broker ${id} to be registered`,
      timeoutMs: 90_000,
    });
  const [addresses, goOn] = [ports.map((port) => `127.0.0.1:${port}`).join(","), join(temporaryDirectory(t), "go-on")];
  const client = project.start(t, "rollcall.Main", { args: [addresses, goOn], properties: QUIET });
  const first = Number((await waitForLine(client, /^controller=(\d)$/, 90_000))[1]);
  // Its session ends by its silence, and its nodes with it.
  await brokers[first]?.kill("SIGKILL");
  const [, elected] = await waitForLine(client, /^elected=(\d)$/, 90_000);
  assert.equal(Number(elected), 1 - first);
  await waitForLine(client, /^went on$/, 90_000);
  assert.equal(await read(`/brokers/ids/${first}`), undefined);
  await rollcall.restart();
  writeFileSync(goOn, "");
  const { code } = await client.exited;
  assert.deepEqual([code, client.lines.at(-1)], [0, "all went well"], client.stderr());
});
