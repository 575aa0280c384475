/**
 * Three whole nodes in places of their own, as a process that may be in namespaces of its own: each is cut off in turn
 * while clients go on everywhere, one is killed and loses its data, one's clock goes wrong. Prints a JSON line for each
 * step, with what was wrong.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import * as eureka from "../eureka/rig.ts";
import { openGround, type Place } from "../faults/ground/ground.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { type Answer, request } from "../harness/requests.ts";
import { type Scope, until } from "../harness/scope.ts";
import { makeWrongClock } from "../harness/wrong-clock.ts";

interface Node {
  readonly name: string;
  readonly place: Place;
  readonly rollcall: Rollcall;
  setClock(offMs: number): void;
}

interface Cluster {
  readonly nodes: readonly Node[];
  cut(node: Node): Promise<void>;
  mend(): Promise<void>;
}

const BEYOND_LOOPBACK = ["--insecure", "--link-key", "k".repeat(32)];
const TTL_MS = 3000;
const BEAT_MS = 300;

async function startCluster(scope: Scope): Promise<Cluster> {
  const ground = await openGround(scope);
  const nodes: Node[] = [];
  for (const name of ["n1", "n2", "n3"]) {
    const place = await ground.place(name);
    const clock = makeWrongClock(scope, 0);
    // Each has heard of the one before, and the first of nobody.
    const before = nodes.at(-1)?.place.address;
    const flags = [
      ...["--replicator", "gossip", "--name", name, "--host", place.address, "--link-port", "7072"],
      ...["--dialects", "http,eureka", ...BEYOND_LOOPBACK, ...(before === undefined ? [] : ["--peers", before])],
    ];
    const rollcall = await startRollcall(scope, { flags, prefix: place.prefix, ...clock.options });
    nodes.push({ name, place, rollcall, setClock: clock.set });
  }
  return {
    nodes,
    async cut({ place }) {
      for (const other of nodes)
        if (other.place !== place) {
          await ground.cut(place, other.place);
          await ground.cut(other.place, place);
        }
    },
    mend: () => ground.mend(),
  };
}

function ask({ rollcall }: Node, method: string, path: string, body?: unknown): Promise<Answer> {
  return request(`${rollcall.url}/v2/default/${path}`, { method, body });
}

async function put(node: Node, path: string, body: unknown): Promise<void> {
  const { status, text } = await ask(node, "PUT", path, body);
  assert.ok(status < 300, `${node.name}: ${path}: ${status} ${text}`);
}

/** All that a node shows, without what is its own. */
async function pictureOf(node: Node): Promise<string> {
  const service = await ask(node, "GET", "services/api");
  const keys = await ask(node, "GET", "config?prefix=&limit=1000");
  const at = { apps: `http://${node.place.address}:${node.rollcall.port("eureka")}/eureka/apps` };
  const { hashcode, ids } = await eureka.fetchAll(at);
  const instances = service.status === 404 ? [] : service.json().instances;
  type Instance = { readonly id: string; readonly meta: object };
  type Key = { readonly key: string; readonly value: string };
  return JSON.stringify([
    instances.map(({ id, meta }: Instance) => [id, meta]).sort(),
    keys.json().keys.map(({ key, value }: Key) => [key, value]),
    hashcode,
    ids,
  ]);
}

async function allAgree(nodes: readonly Node[]): Promise<string> {
  return until(
    async () => {
      const pictures = await Promise.all(nodes.map(pictureOf));
      assert.deepEqual(pictures.slice(1), pictures.slice(0, -1));
      return pictures[0];
    },
    { what: "all nodes to have the same", intervalMs: 100 },
  );
}

async function readiness({ rollcall }: Node): Promise<{
  readonly ready: boolean;
  readonly partitioned: boolean;
  readonly nodes: readonly { readonly node: string; readonly present: boolean; readonly heardMs: number | null }[];
}> {
  return (await request(`${rollcall.url}/readyz`)).json();
}

/** Instances that beat at one node each, all the time: they must be there whenever that node is asked. */
class Beaters {
  readonly #stop = new AbortController();
  readonly #done: Promise<unknown>;
  readonly complaints: string[] = [];
  /** A node that is down on purpose. */
  paused: Node | undefined;
  beats = 0;

  constructor(nodes: readonly Node[]) {
    this.#done = Promise.all(nodes.map((node) => this.#beat(node)));
  }

  async #beat(node: Node): Promise<void> {
    const path = `services/api/instances/live-${node.name}`;
    await put(node, path, { address: node.place.address, port: 80, ttl: `${TTL_MS}ms` });
    let at = performance.now();
    while (!this.#stop.signal.aborted) {
      await delay(BEAT_MS);
      if (this.paused === node) {
        at = performance.now();
        continue;
      }
      const lateMs = performance.now() - at;
      at = performance.now();
      const beat = await ask(node, "POST", `${path}/heartbeat`).catch(String);
      const isGood = typeof beat !== "string" && beat.status === 200;
      if (this.paused === node) continue;
      // A process that was not run for so long has missed its heartbeats itself.
      if (!isGood && lateMs < TTL_MS)
        this.complaints.push(`${node.name}: ${typeof beat === "string" ? beat : `${beat.status} ${beat.text}`}`);
      this.beats++;
    }
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

async function cutOff(cluster: Cluster, victim: Node): Promise<void> {
  const { nodes } = cluster;
  const others = nodes.filter((node) => node !== victim);
  const [first] = others as [Node];
  await put(first, `services/api/instances/fixed-${victim.name}`, { address: "10.0.0.9", port: 1 });
  await put(first, `config/gone-${victim.name}`, "v");
  await allAgree(nodes);
  await cluster.cut(victim);
  for (const node of nodes)
    await put(node, `services/api/instances/of-${victim.name}-${node.name}`, { address: "10.0.0.1", port: 80 });
  await put(first, `config/both-${victim.name}`, "first");
  await delay(5);
  await put(victim, `config/both-${victim.name}`, "later");
  assert.equal((await ask(victim, "DELETE", `config/gone-${victim.name}`)).status, 200);
  await until(async () => (await readiness(victim)).partitioned, { what: `${victim.name} to know that it is cut off` });
  for (const node of others)
    await until(async () => {
      const { partitioned, ready, nodes: told } = await readiness(node);
      return ready && !partitioned && told.find((one) => one.node === victim.name)?.present === false;
    });
  const { ready, nodes: told } = await readiness(victim);
  assert.ok(ready, "its clients have nobody else");
  assert.ok(told.every(({ node, heardMs }) => node === victim.name || (heardMs ?? 0) >= 10_000));
  // Nobody hears those of the other side: they end there, and are back as soon as the sides meet.
  await until(async () => (await ask(victim, "GET", `services/api/instances/live-${first.name}`)).status === 404);
  await until(async () => (await ask(first, "GET", `services/api/instances/live-${victim.name}`)).status === 404);
  await cluster.mend();
  const picture = await allAgree(nodes);
  for (const node of nodes) assert.ok(picture.includes(`live-${node.name}`), `${node.name}'s beats all the time`);
  for (const node of nodes) assert.ok(picture.includes(`of-${victim.name}-${node.name}`));
  assert.ok(picture.includes(`["both-${victim.name}","later"]`), picture);
  assert.ok(!picture.includes(`gone-${victim.name}`) && picture.includes(`fixed-${victim.name}`), picture);
  for (const node of nodes) await until(async () => !(await readiness(node)).partitioned);
}

async function killAndWipe({ nodes }: Cluster, beaters: Beaters): Promise<void> {
  const [first, second] = nodes as [Node, Node, Node];
  beaters.paused = second;
  await second.rollcall.kill("SIGKILL");
  rmSync(second.rollcall.data, { recursive: true });
  await put(first, "config/while-away", "v");
  await second.rollcall.restart();
  assert.ok((await pictureOf(second)).includes("while-away"), "it has all before it says that it is ready");
  // It was away for longer than its client's lease, perhaps.
  await put(second, "services/api/instances/live-n2", { address: "10.0.0.2", port: 80, ttl: `${TTL_MS}ms` });
  beaters.paused = undefined;
  await allAgree(nodes);
}

async function wrongClock({ nodes }: Cluster): Promise<void> {
  const [first, , third] = nodes as [Node, Node, Node];
  await put(first, "config/clock", "before");
  await allAgree(nodes);
  third.setClock(-3_600_000);
  await delay(50);
  await put(third, "config/clock", "later, by a clock an hour behind");
  await until(async () => (await ask(first, "GET", "config/clock")).json().value.startsWith("later"));
  third.setClock(0);
  await allAgree(nodes);
}

/** Ends what it was told of, the last first. */
const ends: (() => void | Promise<void>)[] = [];
process.once("SIGTERM", () => process.exit());
const cluster = await startCluster({ after: (end) => void ends.push(end) });
const beaters = new Beaters(cluster.nodes);
const steps: readonly (readonly [string, () => Promise<void>])[] = [
  ...cluster.nodes.map((node) => [`${node.name} is cut off`, () => cutOff(cluster, node)] as const),
  ["n2 is killed and loses its data", () => killAndWipe(cluster, beaters)],
  ["the clock of n3 goes wrong", () => wrongClock(cluster)],
];
for (const [step, run] of steps) {
  const startMs = performance.now();
  const wrong = await run().then(
    () => undefined,
    (error: Error) => error.stack ?? String(error),
  );
  const complaints = beaters.complaints.splice(0);
  const tookMs = Math.round(performance.now() - startMs);
  process.stdout.write(`${JSON.stringify({ step, tookMs, beats: beaters.beats, wrong, complaints })}\n`);
  if (wrong !== undefined) break;
}
await beaters.end();
for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end();
process.exit();
