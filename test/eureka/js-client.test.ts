/** eureka-js-client as it comes from npm, against the whole program. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, test } from "node:test";
import { Eureka as Client, type FoundInstance, type RequestOptions } from "eureka-js-client";
import type { Rollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { type Scope, until } from "../harness/scope.ts";
import { type Eureka, eurekaOf, startEureka } from "./rig.ts";

interface Options {
  /** URLs of applications, the first one first. */
  readonly servers: readonly string[];
  readonly instance?: Record<string, unknown>;
  readonly eureka?: Record<string, unknown>;
  readonly shouldUseDelta?: boolean;
  readonly token?: string;
}

interface Running {
  readonly client: Client;
  /** What went to which server: `GET delta`. */
  readonly asked: readonly string[];
  /** Warnings and errors that the client logged. */
  readonly complaints: readonly string[];
  /** How often an event came. */
  count(event: "registered" | "heartbeat" | "registryUpdated"): number;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ends it without a word to the server, as a crash does. */
  die(): void;
}

/** As its own page shows it. */
const INSTANCE = {
  app: "jqservice",
  hostName: "localhost",
  ipAddr: "127.0.0.1",
  statusPageUrl: "http://localhost:3000/info",
  port: { $: 3000, "@enabled": "true" },
  vipAddress: "jq.test.something.com",
  dataCenterInfo: { "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", name: "MyOwn" },
};

/** The client with short intervals; it dies with the test. */
function createClient(t: Scope, options: Options): Running {
  const { servers, token } = options;
  const asked: string[] = [];
  const complaints: string[] = [];
  const counts: Record<string, number> = {};
  const complain = (...words: unknown[]) => complaints.push(words.join(" "));
  const client = new Client({
    logger: { debug() {}, info() {}, warn: complain, error: complain },
    shouldUseDelta: options.shouldUseDelta ?? false,
    requestMiddleware(outgoing: RequestOptions, done) {
      asked.push(`${outgoing.method ?? "GET"} ${outgoing.uri}`);
      if (token !== undefined) outgoing.auth = { user: "service", password: token };
      done(outgoing);
    },
    eureka: {
      serviceUrls: { default: [...servers] },
      heartbeatInterval: 60,
      registryFetchInterval: 40,
      requestRetryDelay: 10,
      ...options.eureka,
    },
    instance: { ...INSTANCE, ...options.instance },
  });
  for (const event of ["registered", "heartbeat", "registryUpdated"])
    client.on(event, () => {
      counts[event] = (counts[event] ?? 0) + 1;
    });
  const die = () => {
    clearInterval(client.heartbeat);
    clearInterval(client.registryFetch);
  };
  t.after(die);
  return {
    client,
    asked,
    complaints,
    count: (event) => counts[event] ?? 0,
    start: () => settle((done) => client.start(done)),
    stop: () => settle((done) => client.stop(done)),
    die,
  };
}

function settle(run: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    run((error) => (error ? reject(error) : resolve()));
  });
}

const appsOf = ({ base }: Eureka) => `${base}/eureka/v2/apps/`;

/** Instances of an application as a client has them now. */
function idsOf(found: readonly FoundInstance[]): string[] {
  return found.map(({ instanceId, hostName }) => instanceId ?? hostName).sort();
}

/** Waits until a client has these instances of an application and no others. */
async function waitForIds({ client }: Running, app: string, ids: readonly string[]): Promise<void> {
  const wanted = JSON.stringify([...ids].sort());
  const what = `${app} to be ${wanted}`;
  await until(() => JSON.stringify(idsOf(client.getInstancesByAppId(app))) === wanted, { what, intervalMs: 5 });
}

/** An instance registered by the native API. */
async function putNative(rollcall: Rollcall, path: string, body: object, token?: string): Promise<void> {
  const [service, id] = path.split("/");
  const answer = await request(`${rollcall.url}/v2/default/services/${service}/instances/${id}`, {
    method: "PUT",
    body,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
  });
  assert.ok(answer.status < 300, answer.text);
}

async function getNative(rollcall: Rollcall, path: string) {
  const [service, id] = path.split("/");
  return request(`${rollcall.url}/v2/default/services/${service}/instances/${id}`);
}

/** For tests that keep to an application of their own. */
const shared = await startEureka({ after });

test("it registers, beats, is seen by other dialects, and goes", async (t) => {
  const eureka = shared;
  const one = createClient(t, { servers: [appsOf(eureka)], instance: { metadata: { colour: "blue", "a.b": "ä" } } });
  await one.start();
  await until(() => one.count("heartbeat") >= 3);
  const shown = await getNative(eureka.rollcall, "jqservice/localhost");
  assert.equal(shown.status, 200, shown.text);
  const { address, ports, status, meta } = shown.json();
  assert.deepEqual({ address, ports, status }, { address: "127.0.0.1", ports: { default: 3000 }, status: "passing" });
  assert.deepEqual([meta.colour, meta["a.b"]], ["blue", "ä"]);

  const [own] = one.client.getInstancesByVipAddress("jq.test.something.com");
  assert.deepEqual(idsOf(one.client.getInstancesByAppId("JQSERVICE")), ["localhost"]);
  assert.equal(own?.hostName, "localhost");
  assert.equal(own?.statusPageUrl, INSTANCE.statusPageUrl);
  assert.deepEqual(own?.port, { $: 3000, "@enabled": "true" });
  assert.deepEqual(own?.metadata, { colour: "blue", "a.b": "ä" });
  assert.equal(one.count("registered"), 1);
  await one.stop();
  assert.equal((await getNative(eureka.rollcall, "jqservice/localhost")).status, 404);
  assert.deepEqual(one.complaints, []);
});

test("every prefix that it is configured with does", async (t) => {
  for (const path of ["/apps/", "/v2/apps/", "/eureka/apps/", "/eureka/v2/apps/"]) {
    const one = createClient(t, {
      servers: [],
      instance: { hostName: `on${path.replaceAll("/", "-")}` },
      eureka: { serviceUrls: undefined, host: "127.0.0.1", port: shared.port, servicePath: path },
    });
    await one.start();
    await until(() => one.count("heartbeat") >= 1, { what: `a heartbeat on ${path}` });
    await one.stop();
    assert.deepEqual(one.complaints, [], path);
  }
});

for (const shouldUseDelta of [false, true])
  test(`clients see each other and instances of others come, change and go ${shouldUseDelta ? "by deltas" : "by full fetches"}`, async (t) => {
    const eureka = await startEureka(t);
    const servers = [appsOf(eureka)];
    const one = createClient(t, { servers, shouldUseDelta, instance: { instanceId: "j1" } });
    const seer = createClient(t, { servers, shouldUseDelta, eureka: { registerWithEureka: false } });
    await Promise.all([one.start(), seer.start()]);
    const started = seer.asked.length;
    await waitForIds(seer, "jqservice", ["j1"]);

    const port = { $: 3001, "@enabled": true };
    const two = createClient(t, { servers, shouldUseDelta, instance: { instanceId: "j2", port } });
    await two.start();
    await waitForIds(seer, "jqservice", ["j1", "j2"]);
    await waitForIds(one, "jqservice", ["j1", "j2"]);

    await putNative(eureka.rollcall, "shop/s1", { address: "10.0.0.7", port: 8080, meta: { colour: "red" } });
    await waitForIds(seer, "shop", ["s1"]);
    const [shop] = seer.client.getInstancesByVipAddress("shop");
    assert.ok(shop, "not found by its vip");
    const { hostName, ipAddr, status, metadata } = shop;
    assert.deepEqual({ hostName, ipAddr, status }, { hostName: "10.0.0.7", ipAddr: "10.0.0.7", status: "UP" });
    assert.deepEqual([shop.port.$, metadata.colour], [8080, "red"]);

    await two.stop();
    await waitForIds(seer, "jqservice", ["j1"]);
    // From its first whole answer on it fetches as it is configured to.
    const kinds = new Set(seer.asked.slice(started));
    assert.deepEqual([...kinds], [shouldUseDelta ? "GET delta" : "GET "]);
    assert.deepEqual(
      [...one.complaints, ...two.complaints].filter((line) => !line.startsWith("Unable to retrieve")),
      [],
    );
  });

test("a status that is not UP hides an instance from those who want only UP", async (t) => {
  const servers = [appsOf(shared)];
  const one = createClient(t, { servers, instance: { app: "moody", instanceId: "j1" } });
  const all = createClient(t, { servers, eureka: { registerWithEureka: false, filterUpInstances: false } });
  await Promise.all([one.start(), all.start()]);
  await waitForIds(one, "moody", ["j1"]);
  const put = await request(`${servers[0]}MOODY/j1/status?value=OUT_OF_SERVICE`, { method: "PUT" });
  assert.equal(put.status, 200);
  await waitForIds(one, "moody", []);
  await until(() => all.client.getInstancesByAppId("moody")[0]?.status === "OUT_OF_SERVICE");
  assert.equal((await request(`${servers[0]}MOODY/j1/status?value=UP`, { method: "DELETE" })).status, 200);
  await waitForIds(one, "moody", ["j1"]);
  // Its heartbeats went on all the time, and never did it have to register again.
  const beats = one.count("heartbeat");
  await until(() => one.count("heartbeat") > beats + 1);
  assert.equal(one.count("registered"), 1);
});

test("one that dies is gone after one lease", async (t) => {
  const servers = [appsOf(shared)];
  const leaseInfo = { renewalIntervalInSecs: 1, durationInSecs: 1 };
  const one = createClient(t, { servers, instance: { app: "mortal", instanceId: "j1", leaseInfo } });
  const kept = createClient(t, {
    servers,
    instance: { app: "mortal", instanceId: "j2", leaseInfo, hostName: "other" },
  });
  await Promise.all([one.start(), kept.start()]);
  await waitForIds(kept, "mortal", ["j1", "j2"]);
  const startMs = performance.now();
  one.die();
  await waitForIds(kept, "mortal", ["j2"]);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < 3000, `${tookMs} ms for a lease of 1 s`);
  assert.equal(kept.count("registered"), 1);
});

test("when a server dies, it goes on with the next one", async (t) => {
  const [first, second] = [await startEureka(t), await startEureka(t)];
  const servers = [appsOf(first), appsOf(second)];
  const one = createClient(t, { servers, instance: { instanceId: "j1" } });
  await one.start();
  assert.equal((await getNative(first.rollcall, "jqservice/j1")).status, 200);
  assert.equal((await getNative(second.rollcall, "jqservice/j1")).status, 404);
  await first.rollcall.kill("SIGKILL");
  // The second one does not know it: the heartbeat's empty 404 makes it register again.
  await until(async () => (await getNative(second.rollcall, "jqservice/j1")).status === 200);
  await until(() => one.count("registered") >= 2);
  const beats = one.count("heartbeat");
  await until(() => one.count("heartbeat") > beats + 1);
  await putNative(second.rollcall, "shop/s1", { address: "10.0.0.7", port: 8080 });
  await waitForIds(one, "shop", ["s1"]);
  await one.stop();
  assert.equal((await getNative(second.rollcall, "jqservice/j1")).status, 404);
});

test("a server that was killed comes back with all it knew; one that lost its data is told again", async (t) => {
  const eureka = await startEureka(t);
  const one = createClient(t, { servers: [appsOf(eureka)], eureka: { maxRetries: 0 }, shouldUseDelta: true });
  await one.start();
  await until(() => one.count("heartbeat") >= 1);
  await eureka.rollcall.restart();
  // The first answer after the start is a whole one.
  assert.equal((await request(appsOf(eureka), { headers: { accept: "application/json" } })).status, 200);
  const beats = one.count("heartbeat");
  await until(() => one.count("heartbeat") > beats + 1);
  assert.equal(one.count("registered"), 1);

  await eureka.rollcall.kill("SIGKILL");
  await rm(eureka.rollcall.data, { recursive: true });
  await eureka.rollcall.restart();
  await until(() => one.count("registered") >= 2);
  assert.equal((await getNative(eureka.rollcall, "jqservice/localhost")).status, 200);
});

test("with tokens it needs one that may write, as the password", async (t) => {
  const eureka = await startEureka(t);
  const create = async (role: string, account: string | null, root?: string) => {
    const headers: Record<string, string> = root === undefined ? {} : { authorization: `Bearer ${root}` };
    const answer = await request(`${eureka.rollcall.url}/v2/_/tokens`, {
      body: { name: role, role, account },
      headers,
    });
    assert.ok(answer.status < 300, answer.text);
    return answer.json().token as string;
  };
  const root = await create("admin", null);
  const [writer, reader] = [await create("writer", "default", root), await create("reader", "default", root)];
  await putNative(eureka.rollcall, "shop/s1", { address: "10.0.0.7", port: 8080 }, root);
  const servers = [appsOf(eureka)];

  const stranger = createClient(t, { servers });
  await assert.rejects(stranger.start(), /registration FAILED: status: 401/);
  const onlooker = createClient(t, { servers, token: reader });
  await assert.rejects(onlooker.start(), /registration FAILED: status: 403/);
  const watcher = createClient(t, { servers, token: reader, eureka: { registerWithEureka: false } });
  await watcher.start();
  assert.deepEqual(idsOf(watcher.client.getInstancesByAppId("shop")), ["s1"]);
  const service = createClient(t, { servers, token: writer });
  await service.start();
  await waitForIds(watcher, "jqservice", ["localhost"]);
  await until(() => service.count("heartbeat") >= 2);
  await service.stop();
  await waitForIds(watcher, "jqservice", []);
});

test("it is never turned away at the start, and an empty registry is a registry", async (t) => {
  const eureka = await startEureka(t);
  const watcher = createClient(t, { servers: [appsOf(eureka)], eureka: { registerWithEureka: false } });
  await watcher.start();
  await until(() => watcher.count("registryUpdated") >= 2);
  await Promise.all(
    ["a", "b", "c"].map(async (app) => {
      const one = createClient(t, { servers: [`${eurekaOf(eureka.rollcall).base}/v2/apps`], instance: { app } });
      await one.start();
    }),
  );
  for (const app of ["a", "b", "c"]) await waitForIds(watcher, app, ["localhost"]);
});
