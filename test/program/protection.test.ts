/** Protection in the whole program: in real time, over real sockets, in every dialect. Its rules: around/protection.test.ts. */
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { after, test } from "node:test";
import { type Client, createClient } from "@rollcall/client";
import { freeze } from "../harness/process.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { type Scope, until } from "../harness/scope.ts";

const flags = ["--dialects", "http,eureka,skydns,dns", "--eureka-port", "0", "--skydns-port", "0", "--dns-port", "0"];
const server = await startRollcall({ after }, { flags });

/** A client of an account that nobody else uses. */
let accounts = 0;
const nextClient = (): Client => createClient({ url: server.url, account: `account-${++accounts}` });

/** Instances that beat until they are told to stop. */
class Pods {
  readonly #client: Client;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(scope: Scope, client: Client) {
    this.#client = client;
    scope.after(() => this.silence());
  }

  async start(service: string, ids: readonly string[], ttlMs: number, beatMs: number): Promise<void> {
    await Promise.all(
      ids.map((id) => {
        const address = `${service}-${id}.test`;
        return this.#client.registerOnce({ service, id, address, port: 80, ttl: `${ttlMs}ms` });
      }),
    );
    if (beatMs === 0) return;
    // All in one request: on a busy machine they would drift apart.
    const leases = ids.map((id) => `${service}/${id}`);
    const beat = (): void => void this.#client.leases.renewMany(leases).catch(() => {});
    beat();
    this.#timers.add(setInterval(beat, beatMs));
  }

  /** Until each has beaten so often. */
  async haveBeaten(service: string, times: number): Promise<void> {
    await until(async () => {
      const { leases } = await this.#client.leases.list();
      return leases.filter(({ lease }) => lease.startsWith(`${service}/`)).every(({ beats }) => beats >= times);
    });
  }

  silence(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.clear();
  }
}

const names = (count: number, prefix = "i"): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function count(client: Client, service: string): Promise<{ listed: number; held: number }> {
  const { instances } = await client.service(service);
  return { listed: instances.length, held: instances.filter((one) => one.held !== null).length };
}

test("what falls silent together is held, per account and per service; nine are not", {
  concurrency: true,
}, async (t) => {
  await Promise.all([
    t.test("30 of 30, beside 40 leases that keep nothing", async (t) => {
      const client = nextClient();
      await Promise.all(names(40, "idle").map((lease) => client.leases.grant({ lease, ttl: "600s" })));
      const pods = new Pods(t, client);
      await pods.start("api", names(30), 6000, 1000);
      await pods.haveBeaten("api", 3);
      pods.silence();
      await until(async () => (await count(client, "api")).held >= 27);
      await pause(2500);
      assert.ok((await count(client, "api")).listed >= 27);
    }),
    t.test("one service of 12 in an account of 32", async (t) => {
      const client = nextClient();
      const [api, db] = [new Pods(t, client), new Pods(t, client)];
      await Promise.all([api.start("api", names(12), 6000, 1000), db.start("db", names(20), 30_000, 1000)]);
      await Promise.all([api.haveBeaten("api", 3), db.haveBeaten("db", 3)]);
      api.silence();
      await until(async () => (await count(client, "api")).held >= 6);
      await pause(2500);
      assert.ok((await count(client, "api")).listed >= 6);
      assert.deepEqual(await count(client, "db"), { listed: 20, held: 0 });
    }),
    t.test("9 of 9", async (t) => {
      const client = nextClient();
      await new Pods(t, client).start("api", names(9), 2000, 0);
      await until(async () => (await count(client, "api")).listed === 0);
    }),
    t.test("beats that are too rare are told of before, and half stays", async (t) => {
      const client = nextClient();
      const pods = new Pods(t, client);
      await pods.start("rare", names(30), 12_000, 10_000);
      await pods.haveBeaten("rare", 2);
      const isTold = () =>
        server.logs.some(({ service, msg }) => service === "rare" && /fewer than two in a ttl/.test(String(msg)));
      await until(isTold);
      const [one] = (await client.service("rare")).instances;
      const explained = await client.explain("rare", one?.id ?? "");
      assert.equal(explained.keptAliveBy?.beatsTooRare, true);
      assert.match(explained.summary, /fewer than two in a ttl: when many fall silent together, protection may notice/);
      const { listed } = await count(client, "rare");
      pods.silence();
      await pause(15_000);
      assert.ok((await count(client, "rare")).listed >= listed / 2);
    }),
    ...[true, false].map((same) =>
      t.test(`a crash loop, ${same ? "with the same addresses" : "with new ones"}`, async () =>
        crashLoop(nextClient(), same),
      ),
    ),
  ]);
});

/** 12 pods with a ttl of 4 s, each with a new id every 1.6 s: none that is gone is held, and all of them go. */
async function crashLoop(client: Client, same: boolean): Promise<void> {
  const turns = 6;
  const leases = (turn: number): string[] => names(12).map((pod) => `loop/${pod}-${turn}`);
  const listNotHeld = async (): Promise<string[]> => {
    const { instances } = await client.service("loop");
    for (const one of instances) assert.equal(one.held, null, one.id);
    return instances.map((one) => one.id);
  };
  for (let turn = 0; turn < turns; turn++) {
    await Promise.all(
      names(12).map((pod) => {
        const id = `${pod}-${turn}`;
        return client.registerOnce({ service: "loop", id, address: same ? pod : id, port: 80, ttl: "4s" });
      }),
    );
    await pause(800);
    await client.leases.renewMany(leases(turn));
    await pause(800);
    await listNotHeld();
  }
  for (let listed = 13; listed > 12; ) {
    await client.leases.renewMany(leases(turns - 1));
    listed = (await listNotHeld()).length;
  }
}

test("a registry that was stopped for a while holds and drops nothing; one that is killed in a silence goes on", async (t) => {
  const own = await startRollcall(t);
  const client = createClient({ url: own.url });
  const pods = new Pods(t, client);
  await pods.start("api", names(12), 4000, 1000);
  await pods.haveBeaten("api", 2);
  await freeze(own);
  await pause(6000);
  process.kill(own.pid, "SIGCONT");
  await pause(4500);
  assert.deepEqual(await count(client, "api"), { listed: 12, held: 0 });
  pods.silence();
  await pause(1500);
  await own.restart();
  const startedMs = performance.now();
  await until(async () => (await count(client, "api")).held === 12);
  assert.ok(performance.now() - startedMs > 3500, "a full ttl after the restart");
  await own.restart();
  await client.leases.renew("api/i0");
  await until(async () => (await count(client, "api")).held === 11);
});

test("every dialect tells held ones apart that has a word for it, and none hides them", async (t) => {
  const own = await startRollcall(t, { flags });
  const client = createClient({ url: own.url });
  await new Pods(t, client).start("api", names(12), 4000, 0);
  await client.registerOnce({ service: "well", id: "w", address: "10.0.0.1", port: 80, ttl: "10m" });
  await until(async () => (await client.leases.held()).leases.length === 12);

  const [api] = (await client.services()).services;
  assert.deepEqual([api?.instances, api?.statuses, api?.held], [12, {}, 12]);
  assert.match(
    (await client.instance("api", "i0"))?.held?.reason ?? "",
    /^12 of 1[23] instances of \S+ \S+ fell silent/,
  );
  const events = await ask(own, "http", "/v2/default/events?after=0&type=instance.held&type=lease.held&limit=1000");
  assert.equal(events.json().events.length, 24);
  const groups = (await ask(own, "http", "/sd/prometheus/default")).json();
  const heldGroups = groups.filter((group: { labels: object }) => Object.values(group.labels).includes("true"));
  assert.equal(heldGroups.length, 12);
  const metrics = (await ask(own, "http", "/metrics")).text;
  assert.match(metrics, /^rollcall_leases_held 12$/m);
  assert.match(metrics, /^rollcall_instances\{status="held"\} 12$/m);
  assert.match(metrics, /^rollcall_instances\{status="passing"\} 1$/m);
  const line = own.logs.find(({ msg }) => String(msg).startsWith("held by protection: 12 of 1"));
  assert.deepEqual([line?.account, line?.service, line?.level], ["default", "api", 40]);

  const app = await ask(own, "eureka", "/eureka/apps/API", { accept: "application/json" });
  const statuses = app.json().application.instance.map((one: { status: string }) => one.status);
  assert.deepEqual(statuses, Array(12).fill("UP"));
  const page = (await ask(own, "eureka", "/")).text;
  assert.match(page, />12 held</);
  assert.match(page, />1 UP</);
  const services = (await ask(own, "skydns", "/skydns/services/")).json();
  const ttls = services.filter((one: { Name: string }) => one.Name === "api").map((one: { TTL: number }) => one.TTL);
  assert.deepEqual(ttls, Array(12).fill(1));
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${own.port("dns")}`]);
  assert.equal((await resolver.resolveSrv("_api._tcp.rollcall")).length, 12);
});

function ask(rollcall: Rollcall, dialect: string, path: string, headers: Record<string, string> = {}) {
  return request(`http://127.0.0.1:${rollcall.port(dialect)}${path}`, { headers });
}
