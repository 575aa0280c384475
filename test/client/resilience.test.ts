/** The SDK when the registry goes away, forgets, or answers nonsense: real processes, real sockets. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { createClient, type RegistrationState, RollcallError } from "@rollcall/client";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";

const scope = { after };
const spec = { service: "api", id: "api-1", address: "127.0.0.1", port: 8080, ttl: "2s" };

test("a registration outlives its ttl, an expiry, and a registry killed and started anew", async () => {
  const server = await startRollcall(scope);
  const rollcall = createClient({ url: server.url });
  const states: RegistrationState[] = [];
  const registration = await rollcall.register(spec, { onState: (state) => void states.push(state) });
  const shown = async () => (await rollcall.service("api")).instances.length === 1;
  const beats = async () => (await rollcall.leases.get(registration.registered.lease as string)).beats;
  await until(async () => (await beats()) >= 4, { what: "four heartbeats" });

  await rollcall.deregister("api", "api-1");
  await until(shown, { what: "the instance to register again after it was forgotten" });

  await server.kill("SIGKILL");
  await until(() => registration.state === "away", { what: "the loss to be noticed" });
  await server.restart();
  await until(() => registration.state === "registered", { what: "the registration to come back" });
  assert.ok(await shown());
  assert.deepEqual(states.slice(-1), ["registered"]);

  await registration.update({ status: "draining" });
  assert.equal((await rollcall.instance("api", "api-1"))?.status, "draining");
  await registration.close();
  assert.equal(await rollcall.instance("api", "api-1"), null);
  await registration.close();
});

test("register waits for a registry that is not there yet, unless told not to", async () => {
  const server = await startRollcall(scope);
  await server.kill("SIGKILL");
  const rollcall = createClient({ url: server.url });
  await assert.rejects(
    rollcall.register(spec, { patient: false }),
    (error) => error instanceof RollcallError && error.code === "unreachable",
  );
  const states: RegistrationState[] = [];
  const registering = rollcall.register(spec, { onState: (state) => void states.push(state) });
  await until(() => states.includes("away"));
  await server.restart();
  await (await registering).close();
});

test("a watch goes on over a restart without losing or repeating a commit", async () => {
  const server = await startRollcall(scope);
  const rollcall = createClient({ url: server.url });
  const seen: number[] = [];
  const stop = new AbortController();
  const following = (async () => {
    for await (const item of rollcall.watch({ prefix: "k/", after: 0, signal: stop.signal }))
      if (item.kind === "commit") seen.push(item.commit.revision);
      else assert.notEqual(item.kind, "resync");
  })();
  const written: number[] = [];
  const write = async () => void written.push((await rollcall.config.put(`k/${written.length}`, "v")).revision);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 5; i++) await write();
    await until(() => seen.length === written.length, { what: "all commits to be seen" });
    await (round === 0 ? server.stop() : server.kill("SIGKILL"));
    await server.restart();
    for (let i = 0; i < 5; i++) await write();
  }
  await until(() => seen.length === written.length, { what: "all commits to be seen" });
  assert.deepEqual(seen, written);
  stop.abort();
  await following;
});

test("discovery keeps the last known instances while the registry is away, and picks in turn", async () => {
  const server = await startRollcall(scope);
  const rollcall = createClient({ url: server.url });
  for (const id of ["a", "b"]) await rollcall.registerOnce({ ...spec, id, ttl: "60s" });
  await rollcall.registerOnce({ ...spec, id: "sick", status: "critical", ttl: "60s" });
  const discovery = rollcall.discover("api", { consumer: "shop" });
  after(() => discovery.close());
  await discovery.ready;
  const picked = () => discovery.pick()?.id;
  assert.deepEqual([picked(), picked(), picked(), picked()].sort(), ["a", "a", "b", "b"]);

  const consumers = async () => (await rollcall.consumers()).consumers;
  await until(async () => (await consumers()).some((one) => one.consumer === "shop" && one.provider === "api"));

  await rollcall.registerOnce({ ...spec, id: "c", ttl: "60s" });
  await until(() => discovery.instances.length === 3, { what: "the new instance" });
  await server.kill("SIGKILL");
  await until(() => discovery.stale, { what: "the loss to be noticed" });
  assert.equal(discovery.instances.length, 3);
  assert.ok(picked());
  await server.restart();
  await until(() => !discovery.stale, { what: "the registry to be back" });
  await rollcall.deregister("api", "c");
  await until(() => discovery.instances.length === 2, { what: "the instance to go" });
});

/** A server that is no registry. */
async function impostor(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "none",
    (error: unknown) => (error instanceof RollcallError ? error.code : String(error)),
  );
}

test("answers that are not the registry's become errors, never hang or crash", async () => {
  const html = createClient({ url: await impostor((_, response) => void response.end("<html>")) });
  assert.equal(await codeOf(html.status()), "bad-answer");
  assert.equal(await codeOf(html.watch().next()), "bad-answer");
  const proxy = createClient({ url: await impostor((_, response) => void response.writeHead(403).end("nope")) });
  assert.equal(await codeOf(proxy.status()), "bad-answer");
  const silent = createClient({ url: await impostor(() => {}), timeoutMs: 100 });
  assert.equal(await codeOf(silent.status()), "unreachable");
  const halfBody = createClient({
    url: await impostor((_, response) => void response.writeHead(200).write("{")),
    timeoutMs: 100,
  });
  assert.equal(await codeOf(halfBody.status()), "unreachable");
  const cut = createClient({ url: await impostor((request) => void request.socket.destroy()) });
  assert.equal(await codeOf(cut.status()), "unreachable");
});

test("an event stream without end of message is given up, one that breaks is taken up where it was", async () => {
  const flood = await impostor((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const piece = `data: ${"x".repeat(1 << 20)}\n`;
    const pour = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on("drain", pour);
    pour();
  });
  assert.equal(await codeOf(createClient({ url: flood }).watch().next()), "bad-answer");

  const asked: (string | undefined)[] = [];
  const breaking = await impostor((request, response) => {
    asked.push(request.headers["last-event-id"] as string | undefined);
    response.writeHead(200, { "content-type": "text/event-stream" });
    const revision = asked.length * 10;
    response.write(`id: ${revision}\nevent: change\ndata: ${JSON.stringify({ revision, changes: [] })}\n\nda`, () =>
      response.destroy(),
    );
  });
  const items = createClient({ url: breaking }).watch();
  const revisions: number[] = [];
  for await (const item of items) {
    if (item.kind === "commit") revisions.push(item.commit.revision);
    if (revisions.length === 3) break;
  }
  assert.deepEqual(revisions, [10, 20, 30]);
  assert.deepEqual(asked, [undefined, "10", "20"]);
});

test("a position that was refused as compacted begins anew with a resync", async () => {
  const queries: string[] = [];
  const url = await impostor((request, response) => {
    queries.push(request.url ?? "");
    if (queries.length === 1) {
      response.writeHead(410, { "content-type": "application/problem+json" });
      response.end(
        JSON.stringify({
          type: "https://rollcall.dev/problems/compacted",
          title: "compacted",
          status: 410,
          detail: "gone",
        }),
      );
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('id: 50\nevent: ready\ndata: {"revision":50}\n\n');
  });
  const items = createClient({ url }).watch({ after: 3 });
  assert.deepEqual((await items.next()).value, { kind: "resync", revision: 50, compacted: 50 });
  assert.deepEqual(queries, ["/v2/default/watch?after=3", "/v2/default/watch"]);
  await items.return();
});
