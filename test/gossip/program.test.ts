/** Three whole programs that gossip: cut off from each other and joined again, killed, and one without its data. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, test } from "node:test";
import { openRelay } from "../etcd/relay-rig.ts";
import { freePort } from "../harness/ports.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";

const NAMES = ["n1", "n2", "n3"] as const;

const ports = await Promise.all(NAMES.map(freePort));
const relays = await Promise.all(ports.map((port) => openRelay({ after }, `http://127.0.0.1:${port}`)));
const addresses = relays.map(({ url }) => url.replace("http://", ""));

/** The first is told of nobody, the others of the first alone. */
const nodes = await Promise.all(
  NAMES.map((name, nth) =>
    startRollcall(
      { after },
      {
        flags: [
          ...["--replicator", "gossip", "--name", name, "--dialects", "http,eureka"],
          ...["--link-port", String(ports[nth]), "--link-address", addresses[nth] as string],
          ...(nth === 0 ? [] : ["--peers", addresses[0] as string]),
        ],
      },
    ),
  ),
);

function nodeAt(nth: number): Rollcall {
  return nodes[nth] as Rollcall;
}

function ask(nth: number, method: string, path: string, body?: unknown) {
  return request(`${nodeAt(nth).url}/v2/default/${path}`, { method, body });
}

async function write(nth: number, path: string, body: unknown): Promise<void> {
  const { status, text } = await ask(nth, "PUT", path, body);
  assert.ok(status === 200 || status === 201 || status === 204, `${status} ${text}`);
}

async function idsAt(nth: number): Promise<readonly string[]> {
  const { status, text } = await ask(nth, "GET", "services/api");
  if (status === 404) return [];
  return (JSON.parse(text) as { instances: { id: string }[] }).instances.map(({ id }) => id).sort();
}

async function allHave(ids: readonly string[], of = [0, 1, 2]): Promise<void> {
  for (const nth of of)
    await until(async () => JSON.stringify(await idsAt(nth)) === JSON.stringify(ids), {
      what: `${NAMES[nth]} has ${ids}`,
    });
}

const INSTANCE = { address: "10.0.0.1", port: 80, ttl: "10m" };

test("what is registered at one node is found at all, by every protocol, and renewed at any", async () => {
  await write(0, "services/api/instances/a", INSTANCE);
  await allHave(["a"]);
  for (const { port } of nodes.map((node) => ({ port: node.port("eureka") }))) {
    const { status } = await request(`http://127.0.0.1:${port}/eureka/apps/api`, {
      headers: { accept: "application/json" },
    });
    assert.equal(status, 200);
  }
  for (let i = 0; i < 3; i++) {
    const { status } = await ask(2, "POST", "services/api/instances/a/heartbeat");
    assert.equal(status, 200);
  }
  await until(async () => {
    const { text } = await ask(0, "GET", "leases");
    return (JSON.parse(text) as { leases: { keptBy: string }[] }).leases[0]?.keptBy === "n3";
  });
});

test("every side of a cut goes on, and afterwards all have what each wrote", async () => {
  for (const relay of relays) relay.cut();
  for (const [nth, name] of NAMES.entries()) await write(nth, `services/api/instances/${name}`, INSTANCE);
  assert.equal((await ask(1, "DELETE", "services/api/instances/a")).status, 200);
  for (const nth of [0, 1, 2]) assert.equal((await request(`${nodeAt(nth).url}/readyz`, {})).status, 200);
  for (const relay of relays) relay.mend();
  await allHave(["n1", "n2", "n3"]);
});

test("a node that was killed and has lost its data gets all of it back", async () => {
  const [, second] = nodes as [Rollcall, Rollcall];
  await second.kill("SIGKILL");
  await write(0, "services/api/instances/later", INSTANCE);
  rmSync(second.data, { recursive: true });
  await second.restart();
  assert.deepEqual(await idsAt(1), ["later", "n1", "n2", "n3"], "before it says that it is ready");
  await write(1, "services/api/instances/more", INSTANCE);
  await allHave(["later", "more", "n1", "n2", "n3"]);
});
