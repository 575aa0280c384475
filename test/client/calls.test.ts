/** Calls by the names of services, to real servers: fetch, undici, gRPC, node:http; they come, fail, drain and die. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { type Caller, type CallerOptions, createCaller, createClient, type RollcallError } from "@rollcall/client";
import { registerGrpc } from "@rollcall/client/grpc";
import { createLookup } from "@rollcall/client/node";
import { Agent, request, fetch as undiciFetch } from "undici";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";

const registry = await startRollcall({ after }, { flags: ["--replicator", "memory"] });
const rollcall = createClient({ url: registry.url });

interface Backend {
  readonly id: string;
  readonly port: number;
  /** The status of its answers; "cut": it breaks off. */
  answer: number | "cut";
  asked: number;
  stop(): Promise<void>;
}

/** A server that answers with its id, registered. */
async function startBackend(
  service: string,
  id: string,
  more: { zone?: string; tags?: string[] } = {},
): Promise<Backend> {
  const server: Server = createServer((request, response) => {
    backend.asked++;
    if (backend.answer === "cut") request.socket.destroy();
    else response.writeHead(backend.answer).end(`${id} ${request.method} ${request.url}`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    server.closeAllConnections();
    server.close();
  };
  const backend: Backend = { id, port, answer: 200, asked: 0, stop };
  after(stop);
  await rollcall.registerOnce({ service, id, address: "127.0.0.1", port, ...more });
  return backend;
}

function callerOf(options: CallerOptions = {}): Caller {
  const caller = createCaller(rollcall, options);
  after(() => caller.close());
  return caller;
}

const text = async (response: { text(): Promise<string> }) => response.text();

test("fetch takes the name of a service; other hosts are called as they are", async () => {
  const backends = [await startBackend("orders", "o-1"), await startBackend("orders", "o-2")];
  const caller = callerOf();
  const answers = new Set<string>();
  for (let i = 0; i < 4; i++) answers.add(await text(await caller.fetch("http://orders/path?q=1")));
  assert.deepEqual([...answers].sort(), ["o-1 GET /path?q=1", "o-2 GET /path?q=1"]);
  const posted = await caller.fetch(new Request("http://orders/new", { method: "POST", body: "x" }));
  assert.match(await text(posted), /^o-\d POST \/new$/);
  assert.equal(await text(await caller.fetch(`http://127.0.0.1:${backends[0]?.port}/plain`)), "o-1 GET /plain");
  await assert.rejects(callerOf().fetch("http://nobody/"), (error: RollcallError) => {
    assert.equal(error.code, "no-instance");
    assert.match(error.message, /service "nobody" has no instance/);
    return true;
  });
  await rollcall.registerOnce({ service: "portless", id: "p", address: "127.0.0.1" });
  await assert.rejects(callerOf().fetch("http://portless/"), /instance "p" of service "portless" has no port/);
  await assert.rejects(callerOf({ port: "admin" }).fetch("http://orders/"), /has no port "admin"/);
});

test("what dies is called no more, and nobody notices: another one is tried where that does no harm", async () => {
  const [one, other] = [await startBackend("dying", "d-1"), await startBackend("dying", "d-2")] as const;
  const caller = callerOf({ outliers: { failures: 2, ejectMs: 60_000 } });
  await caller.fetch("http://dying/").then(text);
  await one.stop();
  for (let i = 0; i < 20; i++)
    assert.equal(await text(await caller.fetch("http://dying/", { method: "POST" })), "d-2 POST /");
  const standing = caller
    .discovery("dying")
    .standings()
    .find(({ instance }) => instance.id === "d-1");
  assert.ok((standing?.ejectedForMs ?? 0) > 0, "it is ejected");
  assert.equal(standing?.pending, 0);

  // Broken off in the middle: a POST may have been done, a GET may be repeated.
  await startBackend("dying", "d-3");
  await until(() => caller.discovery("dying").instances.length === 3);
  other.answer = "cut";
  for (let i = 0; i < 6; i++) assert.equal(await text(await caller.fetch("http://dying/")), "d-3 GET /");
  const fresh = callerOf({ outliers: false });
  const outcomes = await Promise.allSettled(
    [1, 2, 3, 4, 5, 6].map(() => fresh.fetch("http://dying/", { method: "POST" })),
  );
  assert.ok(outcomes.some(({ status }) => status === "rejected"));
});

test("answers of 500 and more count against an instance, and are answered", async () => {
  const sick = await startBackend("sick", "s-1");
  await startBackend("sick", "s-2");
  sick.answer = 503;
  const caller = callerOf({ outliers: { failures: 3, ejectMs: 60_000 } });
  const statuses: number[] = [];
  for (let i = 0; i < 20; i++) {
    const response = await caller.fetch("http://sick/");
    await response.text();
    statuses.push(response.status);
  }
  assert.equal(statuses.filter((status) => status === 503).length, 3);
});

test("as a dispatcher of undici, and of Node's own fetch", async () => {
  await startBackend("und", "u-1");
  const sick = await startBackend("und", "u-2");
  const agent = new Agent();
  after(() => agent.close());
  const caller = callerOf({ outliers: { failures: 2, ejectMs: 60_000 } });
  const dispatcher = caller.dispatcher(agent);
  const seen = new Set<string>();
  for (let i = 0; i < 4; i++)
    seen.add(await text(await undiciFetch("http://und/a", { dispatcher: dispatcher as Agent })));
  assert.deepEqual([...seen].sort(), ["u-1 GET /a", "u-2 GET /a"]);
  sick.answer = 500;
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++) {
    const { statusCode, body } = await request("http://und/b", { dispatcher: dispatcher as Agent });
    await body.text();
    statuses.push(statusCode);
  }
  assert.equal(statuses.filter((status) => status === 500).length, 2);
  assert.ok(
    caller
      .discovery("und")
      .standings()
      .every(({ pending }) => pending === 0),
  );
  await fetch(registry.url);
  const own = await fetch("http://und/own", { dispatcher: caller.dispatcher() } as RequestInit);
  assert.match(await own.text(), /^u-\d GET \/own$/);
  await assert.rejects(
    request("http://nobody/", { dispatcher: dispatcher as Agent }),
    /service "nobody" has no instance/,
  );
});

test("as a lookup of node:http", async () => {
  const backend = await startBackend("looked", "l-1");
  const lookup = createLookup(callerOf());
  const ask = (host: string) =>
    new Promise<string>((resolve, reject) => {
      const asked = get({ host, port: backend.port, path: "/x", lookup }, (answer) => {
        answer.setEncoding("utf8").once("data", resolve);
      });
      asked.once("error", reject);
    });
  assert.equal(await ask("looked"), "l-1 GET /x");
  assert.equal(await ask("localhost"), "l-1 GET /x");
  await assert.rejects(ask("nobody"), { code: "ENOTFOUND", message: /service "nobody" has no instance/ });
});

const ECHO = "/test.Echo/Say";
const identity = { serialize: (value: Buffer) => value, deserialize: (bytes: Buffer) => bytes };

/** A gRPC server that answers with its id, registered. */
async function startGrpc(service: string, id: string): Promise<{ stop(): void }> {
  const server = new grpc.Server();
  server.register(
    ECHO,
    (_: unknown, done: grpc.sendUnaryData<Buffer>) => done(null, Buffer.from(id)),
    identity.serialize,
    identity.deserialize,
    "unary",
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  after(() => server.forceShutdown());
  await rollcall.registerOnce({ service, id, address: "127.0.0.1", port });
  return { stop: () => server.forceShutdown() };
}

test("as a target of gRPC: instances come, drain and die, by the caller's policy", async () => {
  const first = await startGrpc("echo", "g-1");
  await startGrpc("echo", "g-2");
  const caller = callerOf({ balance: "rendezvous" });
  registerGrpc(grpc, caller, { keyHeader: "x-user" });
  const client = new grpc.Client("rollcall:///echo", grpc.credentials.createInsecure());
  after(() => client.close());
  const say = (user?: string) =>
    new Promise<string>((resolve, reject) => {
      const metadata = new grpc.Metadata({ waitForReady: true });
      if (user !== undefined) metadata.set("x-user", user);
      const { serialize, deserialize } = identity;
      client.makeUnaryRequest(
        ECHO,
        serialize,
        deserialize,
        Buffer.alloc(0),
        metadata,
        { deadline: Date.now() + 30_000 },
        (error, answer) => {
          if (error) reject(error);
          else resolve(String(answer));
        },
      );
    });
  const both = async () => new Set(await Promise.all([say(), say(), say(), say()]));
  await until(async () => (await both()).size === 2, { what: "calls to both" });
  const homes = new Map<string, string>();
  for (let i = 0; i < 10; i++) homes.set(`u${i}`, await say(`u${i}`));
  assert.equal(new Set(homes.values()).size, 2);
  for (const [user, home] of homes) assert.equal(await say(user), home);
  // Draining: not called any more, and no call fails.
  await rollcall.override("echo", "g-1", "draining");
  await until(async () => !(await both()).has("g-1"), { what: "no call to the draining one" });
  first.stop();
  for (let i = 0; i < 10; i++) assert.equal(await say(), "g-2");
  await startGrpc("echo", "g-3");
  await until(async () => (await both()).has("g-3"), { what: "calls to the new one" });
});
