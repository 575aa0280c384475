/** How the SDK keeps instances and leases alive when packets, connections or answers are lost. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { freeze, startProcess } from "../harness/process.ts";
import { startRollcall } from "../harness/program.ts";
import { ROOT } from "../harness/root.ts";
import { until } from "../harness/scope.ts";

const scope = { after };
/** Newer versions of Node warn of timers that would end in the past. */
const warnings: Error[] = [];
process.on("warning", (warning) => warnings.push(warning));
const registry = await startRollcall(scope);
/** Sees the registry as it is. */
const direct = createClient({ url: registry.url });
const spec = { service: "api", address: "127.0.0.1", port: 8080 };

/** What happens to a request on its way; false: it reaches the registry. */
type Fate = (request: IncomingMessage, response: ServerResponse) => boolean;
const lost: Fate = () => true;
const reset: Fate = (request) => {
  request.socket.destroy();
  return true;
};
const busy: Fate = (_, response) => {
  response.writeHead(503).end();
  return true;
};
const halfAnswered: Fate = (_, response) => {
  response.writeHead(200, { "content-length": "15" }).write("{");
  return true;
};

/** A way to the registry on which the next requests that `hits` have a fate each. */
async function startWay(hits: RegExp) {
  const fates: Fate[] = [];
  const { hostname: host, port } = new URL(registry.url);
  const way = createServer((request, response) => {
    if (hits.test(`${request.method} ${request.url}`) && fates.shift()?.(request, response)) return;
    const { method, url: path, headers } = request;
    const passed = send({ host, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      pipeline(answer, response, () => {});
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    request.pipe(passed);
  }).listen(0, "127.0.0.1");
  await once(way, "listening");
  after(() => {
    way.closeAllConnections();
    way.close();
  });
  return { url: `http://127.0.0.1:${(way.address() as AddressInfo).port}`, fates };
}

async function expired(id: string): Promise<number> {
  const { events } = await direct.eventsPage({ types: ["instance.expired"], limit: 1000 });
  return events.filter(({ instance }) => instance === id).length;
}

const LOSSES: Record<string, readonly Fate[]> = {
  "one heartbeat is": [lost],
  "two heartbeats are": [lost, lost],
  "a connection and a heartbeat are": [reset, lost],
  "the half of two answers is": [halfAnswered, halfAnswered],
  "a heartbeat is refused, and the next one is": [busy, lost],
};
test("an instance lives on when something is lost", { concurrency: true }, async (t) => {
  const each = Object.entries(LOSSES).map(([what, fates], index) =>
    t.test(`when ${what} lost`, async () => {
      const id = `lossy-${index}`;
      const way = await startWay(/^POST .*\/heartbeat$/);
      const registration = await createClient({ url: way.url }).register({ ...spec, id, ttl: "6s" });
      const beats = async () => (await direct.leases.get(registration.registered.lease as string)).beats;
      way.fates.push(...fates);
      const before = await beats();
      const isThrough = async () => way.fates.length === 0 && (await beats()) > before;
      await until(isThrough, { what: "a heartbeat to come through" });
      assert.equal(await expired(id), 0);
      await registration.close();
    }),
  );
  await Promise.all(each);
});

test("an instance lives on while SYNs are dropped for half of its ttl", async () => {
  const relay = startProcess(scope, process.execPath, [join(ROOT, "test/client/relay.mjs"), String(registry.port())]);
  const port = Number(await until(() => /^port=(\d+)$/.exec(relay.lines[0] ?? "")?.[1]));
  const rollcall = createClient({ url: `http://127.0.0.1:${port}` });
  const registration = await rollcall.register({ ...spec, id: "syn", ttl: "4s" });
  const fillers = [0, 1].map(() => connect(port, "127.0.0.1").on("error", () => {}));
  await freeze(relay.child);
  // Those of a stopped relay wait in its queue; what comes after them gets no answer from the kernel.
  for (let i = 0; i < 4; i++) fillers.push(connect(port, "127.0.0.1").on("error", () => {}));
  const startMs = performance.now();
  await until(() => registration.state === "away", { what: "the loss to be noticed" });
  await until(() => performance.now() - startMs > 2000, { what: "half of the ttl" });
  relay.child.kill("SIGCONT");
  await until(() => registration.state === "registered", { what: "the registry to be reached again" });
  assert.equal(await expired("syn"), 0);
  for (const filler of fillers) filler.destroy();
  await registration.close();
});

test("a held session is taken up within the ttl although the first attempt gets no answer", async () => {
  const way = await startWay(/\/session$/);
  const { lease } = await direct.leases.grant({ ttl: "2s" });
  let downs = 0;
  const session = createClient({ url: way.url }).leases.session(lease, { onDown: () => void downs++ });
  after(() => session.close());
  await until(async () => (await direct.leases.get(lease)).beats > 0);
  way.fates.push(lost);
  await registry.restart();
  await until(() => downs > 1, { what: "the lost attempt" });
  const beats = async () => (await direct.leases.get(lease)).beats;
  const before = await beats();
  await until(async () => (await beats()) > before + 1, { what: "the session to hold the lease again" });
  session.close();
  assert.equal(await session.ended, undefined);
});

test("an update with another ttl is kept alive by it, from and to permanent as well", async () => {
  const registration = await direct.register({ ...spec, id: "changing", ttl: "60s" });
  const beats = async () => (await direct.leases.get(registration.registered.lease as string)).beats;
  for (const ttl of ["1s", 0, "1s"]) {
    await registration.update({ ttl });
    if (ttl !== 0) {
      const before = await beats();
      await until(async () => (await beats()) >= before + 4, { what: `four heartbeats at ${ttl}` });
    }
  }
  const { lease } = await direct.leases.grant({ ttl: "60s" });
  assert.equal((await registration.update({ lease })).lease, lease);
  assert.equal((await registration.update({ ttl: "1s" })).ttlMs, 1000);
  assert.equal(await expired("changing"), 0);
  await registration.close();
});

test("a refused update is not what is registered again", async () => {
  const registration = await direct.register({ ...spec, id: "updated", ttl: "1s" });
  await assert.rejects(registration.update({ weight: -1 }));
  await Promise.all([registration.update({ tags: ["a"] }), registration.update({ zone: "east" })]);
  await direct.deregister("api", "updated");
  const shown = await until(() => direct.instance("api", "updated"), { what: "it to register again" });
  assert.deepEqual([shown.tags, shown.zone, shown.weight], [["a"], "east", 100]);
  await registration.close();
});

test("close tries twice, and throws in the time limit when the registry is away", async () => {
  const way = await startWay(/^DELETE /);
  const once = await createClient({ url: way.url }).register({ ...spec, id: "closing", ttl: "30s" });
  way.fates.push(reset);
  await Promise.all([once.close(), once.close()]);
  assert.equal(await direct.instance("api", "closing"), null);
  const twice = await createClient({ url: way.url, timeoutMs: 500 }).register({ ...spec, id: "closing", ttl: "30s" });
  way.fates.push(lost, lost);
  const startMs = performance.now();
  await assert.rejects(twice.close(), { code: "unreachable" });
  assert.ok(performance.now() - startMs < 2000);
  await direct.deregister("api", "closing");
});

test("those that beat by themselves may say how long an answer is waited for", async () => {
  const way = await startWay(/^POST /);
  const rollcall = createClient({ url: way.url });
  const { lease } = await direct.leases.grant({ ttl: "30s" });
  const calls = [
    () => rollcall.heartbeat("api", "nobody", { timeoutMs: 100 }),
    () => rollcall.leases.renew(lease, { timeoutMs: 100 }),
    () => rollcall.leases.renewMany([lease], { timeoutMs: 100 }),
  ];
  for (const call of calls) {
    way.fates.push(lost);
    await assert.rejects(call(), /did not answer within 100 ms/);
  }
});

test("none of this made the runtime warn", () => {
  assert.deepEqual(warnings, []);
});
