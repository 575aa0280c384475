/** xDS of the grpc dialect: messages as they are on the wire, and gRPC's own client for Node. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { ClientHttp2Stream } from "node:http2";
import { after, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { Message, readFields } from "../../packages/registry/src/net/grpc/protobuf.ts";
import { until } from "../harness/scope.ts";
import { startEcho } from "./echo.ts";
import { Client, frameOf, Raw, startGrpc } from "./rig.ts";

const scope = { after };
// A few are many here, so that they are held.
const rollcall = await startGrpc(scope, { config: { protection: { leasesMin: 3 } } });
const client = new Client(scope, rollcall.port("grpc"));

const TYPE = {
  lds: "type.googleapis.com/envoy.config.listener.v3.Listener",
  rds: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  cds: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  eds: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
} as const;

/** A field by its path of numbers, all of them: as texts, or numbers. */
function at(message: Buffer, ...[field, ...rest]: readonly number[]): (Buffer | number)[] {
  const found: (Buffer | number)[] = [];
  readFields(message, (number, value, bytes) => {
    if (number !== field) return;
    const one = bytes.length > 0 ? bytes : value;
    if (rest.length === 0) found.push(one);
    else if (Buffer.isBuffer(one)) found.push(...at(one, ...rest));
  });
  return found;
}

const texts = (message: Buffer, ...path: readonly number[]): string[] =>
  at(message, ...path).map((one) => (Buffer.isBuffer(one) ? one.toString("utf8") : String(one)));

/** `zone weight: address port health weight, …` of each locality. */
function localities(assignment: Buffer): string[] {
  return at(assignment, 2).map((locality) => {
    const places = at(locality as Buffer, 2).map((place) => {
      const [socket] = at(place as Buffer, 1, 1, 1) as Buffer[];
      return [
        ...texts(socket as Buffer, 2),
        ...texts(socket as Buffer, 3),
        ...texts(place as Buffer, 2),
        ...texts(place as Buffer, 4, 1),
      ].join(" ");
    });
    return `${texts(locality as Buffer, 1, 2)} ${texts(locality as Buffer, 3, 1)}: ${places.sort().join(", ")}`;
  });
}

interface Told {
  readonly version: string;
  readonly nonce: string;
  readonly type: string;
  /** The bytes of each resource by its name. */
  readonly resources: ReadonlyMap<string, Buffer>;
  readonly gone: readonly string[];
}

/** A node with these metadata. */
function toNode(metadata: Readonly<Record<string, string>>): Message {
  const struct = new Message();
  for (const [key, text] of Object.entries(metadata))
    struct.message(1, new Message().bytes(1, key).message(2, new Message().bytes(3, text)));
  return new Message().bytes(1, "node").message(3, struct);
}

/** One stream of discovery. */
class Ads {
  readonly stream: ClientHttp2Stream;
  readonly #isDelta: boolean;
  #bytes = Buffer.alloc(0);
  readonly told: Told[] = [];
  code: string | undefined;

  constructor(raw: Raw, isDelta = false) {
    this.#isDelta = isDelta;
    this.stream = raw.open(
      `${isDelta ? "Delta" : "Stream"}AggregatedResources`,
      {},
      "/envoy.service.discovery.v3.AggregatedDiscoveryService/",
    );
    this.stream.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      while (this.#bytes.length >= 5 && this.#bytes.length >= 5 + this.#bytes.readUInt32BE(1)) {
        const end = 5 + this.#bytes.readUInt32BE(1);
        this.told.push(this.#read(this.#bytes.subarray(5, end)));
        this.#bytes = this.#bytes.subarray(end);
      }
    });
    for (const event of ["response", "trailers"])
      this.stream.on(event, (heard) => {
        this.code ??= heard["grpc-status"];
      });
  }

  #read(message: Buffer): Told {
    const resources = at(message, 2).map((one) => {
      const any = this.#isDelta ? (at(one as Buffer, 2)[0] as Buffer) : (one as Buffer);
      const value = at(any, 2)[0] as Buffer;
      return [texts(value, 1)[0] ?? "", value] as const;
    });
    const [version = "", nonce = "", type = ""] = [texts(message, 1)[0], texts(message, 5)[0], texts(message, 4)[0]];
    return { version, nonce, type, resources: new Map(resources), gone: this.#isDelta ? texts(message, 6) : [] };
  }

  /** State of the world. `nonce`: answers that response; `error`: refuses it. */
  ask(type: string, names: readonly string[], nonce = "", error?: string, token?: string): void {
    const message = new Message();
    if (token !== undefined) message.message(2, toNode({ rollcall_token: token }));
    for (const name of names) message.bytes(3, name);
    message.bytes(4, type).bytes(5, nonce);
    if (error !== undefined) message.message(6, new Message().number(1, 3).bytes(2, error));
    this.stream.write(frameOf(message.end()));
  }

  delta(type: string, names: readonly string[], more: { dropped?: string[]; known?: [string, string][] } = {}): void {
    const message = new Message().bytes(2, type);
    for (const name of names) message.bytes(3, name);
    for (const name of more.dropped ?? []) message.bytes(4, name);
    for (const [name, version] of more.known ?? []) message.message(5, new Message().bytes(1, name).bytes(2, version));
    this.stream.write(frameOf(message.end()));
  }

  async next(): Promise<Told> {
    return until(() => this.told.shift(), { what: "a response of discovery" });
  }
}

let registered = 0;
async function register(service: string, id: string, more: object = {}): Promise<void> {
  registered += 1;
  const instance = { address: `10.0.0.${registered}`, port: 80, ttl: { seconds: 60 }, ...more };
  await client.ask("Catalog/Register", { service, id, instance });
}

test("a service is a listener, a route, a cluster and its endpoints, which follow the catalog", async (t) => {
  const place = (nth: number, more: object) => register("web", `w${nth}`, { address: `10.1.0.${nth}`, ...more });
  await place(1, { zone: "a", weight: 10 });
  await place(2, { zone: "a", weight: 30, status: "warning" });
  await place(3, { zone: "b", status: "critical" });
  await place(4, { zone: "b", status: "draining" });
  await place(5, { zone: "b", weight: 0 });
  // Clients take neither names nor what has no port, nor an address twice.
  await place(6, { address: "host.example" });
  await place(7, { port: null });
  await register("web", "twin", { address: "10.1.0.1", zone: "a", status: "critical" });
  const ads = new Ads(new Raw(t, rollcall.port("grpc")));
  ads.ask(TYPE.lds, ["web", "none"]);
  const listener = await ads.next();
  assert.deepEqual([listener.type, [...listener.resources.keys()]], [TYPE.lds, ["web"]]);
  // Its manager asks for the route of this name.
  assert.deepEqual(texts(listener.resources.get("web") as Buffer, 19, 1, 2, 3, 2), ["web"]);
  ads.ask(TYPE.rds, ["web"]);
  assert.deepEqual(texts((await ads.next()).resources.get("web") as Buffer, 2, 3, 2, 1), ["web"]);
  ads.ask(TYPE.cds, ["web"]);
  const cluster = await ads.next();
  assert.deepEqual([texts(cluster.resources.get("web") as Buffer, 2)], [["3"]]);
  ads.ask(TYPE.eds, ["web"]);
  const first = await ads.next();
  assert.deepEqual(localities(first.resources.get("web") as Buffer), [
    "a 40: 10.1.0.1 80 1 10, 10.1.0.2 80 1 30",
    "b 1: 10.1.0.3 80 2 100, 10.1.0.4 80 3 100, 10.1.0.5 80 3 1",
  ]);
  // Taken, refused, and an answer to something older: none of them is told anything.
  ads.ask(TYPE.eds, ["web"], first.nonce);
  for (let nth = 0; nth < 100; nth++) ads.ask(TYPE.eds, ["web"], first.nonce, "no such thing");
  ads.ask(TYPE.cds, ["other"], "0");
  await client.ask("Catalog/Override", { service: "web", id: "w1", status: "draining" });
  const drained = await ads.next();
  assert.deepEqual([drained.type, drained.nonce], [TYPE.eds, "2"]);
  assert.match(localities(drained.resources.get("web") as Buffer)[0] as string, /^a 30: 10\.1\.0\.1 80 3 10/);
  assert.deepEqual(ads.told, []);
  const noted = rollcall.logs.filter((line) => line.reason === "no such thing");
  assert.equal(noted.length, 1, "refused a hundred times, noted once");
  for (let nth = 1; nth <= 7; nth++) await client.ask("Catalog/Deregister", { service: "web", id: `w${nth}` });
  await client.ask("Catalog/Deregister", { service: "web", id: "twin" });
  // The endpoints stay as none; the cluster and the listener are there no more.
  const last = async (type: string) => until(() => ads.told.findLast((told) => told.type === type && isEmpty(told)));
  assert.deepEqual(localities((await last(TYPE.eds)).resources.get("web") as Buffer), []);
  for (const type of [TYPE.cds, TYPE.lds]) assert.equal((await last(type)).resources.size, 0);
});

function isEmpty({ type, resources }: Told): boolean {
  return type === TYPE.eds ? localities(resources.get("web") as Buffer).length === 0 : resources.size === 0;
}

test("who names none has all clusters, also those to come, and no listeners", async (t) => {
  await register("all-1", "i", { protocol: "grpc" });
  const ads = new Ads(new Raw(t, rollcall.port("grpc")));
  ads.ask(TYPE.lds, []);
  assert.equal((await ads.next()).resources.size, 0);
  ads.ask(TYPE.cds, []);
  const { resources, nonce } = await ads.next();
  assert.ok(resources.has("all-1"));
  assert.deepEqual(texts(resources.get("all-1") as Buffer, 36, 1), [
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
  ]);
  ads.ask(TYPE.cds, [], nonce);
  await register("all-2", "i");
  const more = await ads.next();
  assert.ok(more.resources.has("all-1") && more.resources.has("all-2"));
  // More of the same changes no cluster.
  await register("all-2", "j");
  await register("all-3", "i");
  assert.ok((await ads.next()).resources.has("all-3"));
});

test("deltas tell what is new, gone and never was, and go on from what is known", async (t) => {
  await register("d1", "i");
  const raw = new Raw(t, rollcall.port("grpc"));
  const ads = new Ads(raw, true);
  ads.delta(TYPE.cds, ["d1", "d2"]);
  const first = await ads.next();
  assert.deepEqual([[...first.resources.keys()], first.gone], [["d1"], ["d2"]]);
  await register("d2", "i");
  assert.deepEqual([...(await ads.next()).resources.keys()], ["d2"]);
  await client.ask("Catalog/Deregister", { service: "d2", id: "i" });
  assert.deepEqual((await ads.next()).gone, ["d2"]);
  ads.delta(TYPE.cds, [], { dropped: ["d2"] });
  // Asked for again it is told again.
  ads.delta(TYPE.cds, ["d1"]);
  assert.deepEqual([...(await ads.next()).resources.keys()], ["d1"]);
  ads.delta(TYPE.eds, ["d1"]);
  const endpoints = await ads.next();
  assert.equal(localities(endpoints.resources.get("d1") as Buffer).length, 1);
  const again = new Ads(raw, true);
  again.delta(TYPE.cds, [], { known: [["gone", "v"]] });
  const all = await again.next();
  assert.ok(all.resources.has("d1"));
  assert.deepEqual(all.gone, ["gone"]);
});

test("what asks for too much, or is no request, ends with a code", async (t) => {
  const raw = new Raw(t, rollcall.port("grpc"));
  const many = Array.from({ length: 10_001 }, (_, nth) => `s${nth}`);
  const cases: readonly [string, (ads: Ads) => void][] = [
    ["8", (ads) => ads.ask(TYPE.eds, many)],
    ["3", (ads) => ads.ask(TYPE.eds, ["x".repeat(1000)])],
    ["13", (ads) => ads.stream.write(frameOf(Buffer.from([0x0a, 0x7f, 1])))],
  ];
  for (const [code, act] of cases) {
    const ads = new Ads(raw);
    act(ads);
    await until(() => ads.code === code, { what: `code ${code}` });
  }
  // Of a kind that is not served nothing is told, and the stream goes on.
  const ads = new Ads(raw);
  ads.ask("type.googleapis.com/envoy.service.runtime.v3.Runtime", ["x"]);
  ads.ask(TYPE.eds, ["nobody"]);
  assert.deepEqual(localities((await ads.next()).resources.get("nobody") as Buffer), []);
});

test("gRPC's client for Node calls a service by name, while instances come, drain and go", async () => {
  process.env.GRPC_XDS_BOOTSTRAP_CONFIG = JSON.stringify({
    xds_servers: [
      {
        server_uri: `127.0.0.1:${rollcall.port("grpc")}`,
        channel_creds: [{ type: "insecure" }],
        server_features: ["xds_v3"],
      },
    ],
    node: { id: "test", locality: {}, metadata: { rollcall_account: "default" } },
  });
  const xds = await import("@grpc/grpc-js-xds");
  xds.register();
  const [one, other] = [await startEcho(scope, "one"), await startEcho(scope, "other")];
  const here = (port: number) => ({ address: "127.0.0.1", port, protocol: "grpc" });
  await register("echo", "one", here(one.port));
  const caller = new grpc.Client("xds:///echo", grpc.credentials.createInsecure());
  after(() => caller.close());
  const say = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const metadata = new grpc.Metadata({ waitForReady: true });
      const deadline = Date.now() + 60_000;
      const pass = (bytes: Buffer) => bytes;
      caller.makeUnaryRequest("/echo/Say", pass, pass, Buffer.alloc(0), metadata, { deadline }, (error, answer) =>
        error === null ? resolve(String(answer)) : reject(error),
      );
    });
  assert.equal(await say(), "one");
  await register("echo", "other", here(other.port));
  await until(async () => (await say()) === "other", { what: "the other instance" });
  await client.ask("Catalog/Override", { service: "echo", id: "one", status: "draining" });
  await until(async () => new Set([await say(), await say(), await say(), await say()]).size === 1);
  await client.ask("Catalog/Deregister", { service: "echo", id: "one" });
  for (let nth = 0; nth < 10; nth++) assert.equal(await say(), "other");
});

test("when all of a service fall silent at once it keeps its endpoints", async (t) => {
  const ttl = { seconds: 1 };
  for (const id of ["a", "b", "c"]) await register("silent", id, { ttl });
  const ads = new Ads(new Raw(t, rollcall.port("grpc")));
  ads.ask(TYPE.eds, ["silent"]);
  const [locality] = localities((await ads.next()).resources.get("silent") as Buffer);
  assert.equal(locality?.match(/ 80 1 100/g)?.length, 3);
  const held = async () => {
    const { instances } = await client.ask("Catalog/Discover", { service: "silent" });
    return instances.filter((one: { held: unknown }) => one.held !== null).length === 3;
  };
  await until(held, { what: "all to be held" });
  // All that is told from here on is of something else.
  await register("silent", "d", { ttl: { seconds: 60 }, zone: "z" });
  const more = localities((await ads.next()).resources.get("silent") as Buffer);
  assert.deepEqual(more[0], locality);
  assert.equal(more.length, 2);
});

test("clients that never read are parked, and thousands of streams on a connection end with it", async (t) => {
  const open = async () => {
    const text = await (await fetch(`${rollcall.url}/metrics`)).text();
    return Number(/^rollcall_watchers\{dialect="grpc"\} (\d+)/m.exec(text)?.[1] ?? 0);
  };
  const rssMb = (): number =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${rollcall.pid}/status`, "utf8"))?.[1]) / 1024;
  const others = await open();
  // Each answer is some 50 kB.
  for (let nth = 0; nth < 500; nth++) await register("many", `m${nth}`, { zone: `zone-${"z".repeat(50)}` });
  const deaf = new Raw(t, rollcall.port("grpc"), 0);
  const streams = Array.from({ length: 2000 }, (_, nth) => new Ads(deaf, nth % 2 === 1));
  for (const [nth, ads] of streams.entries())
    if (nth % 2 === 1) ads.delta(TYPE.eds, ["many"]);
    else ads.ask(TYPE.eds, ["many"]);
  await until(async () => (await open()) === others + 2000, { what: "2000 streams" });
  const before = rssMb();
  for (let nth = 0; nth < 20; nth++) await register("many", `m${nth}`, { weight: 50 + nth });
  assert.ok(rssMb() - before < 300, `${rssMb() - before} MB more`);
  // Others are told at once.
  const ads = new Ads(new Raw(t, rollcall.port("grpc")));
  ads.ask(TYPE.eds, ["many"]);
  await ads.next();
  deaf.session.destroy();
  await until(async () => (await open()) <= others + 1, { what: "the streams to end" });
});

test("a node's metadata may hold the token, and the stream ends with it", async (t) => {
  const api = `${rollcall.url}/v2/_/tokens`;
  const make = async (account: string | null, role: string, token = "") => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const body = JSON.stringify({ name: role, account, role });
    return (await (await fetch(api, { method: "POST", headers, body })).json()) as { id: string; token: string };
  };
  const admin = await make(null, "admin");
  const reader = await make("team", "reader", admin.token);
  const owner = new Client(scope, rollcall.port("grpc"), { token: admin.token });
  const instance = { address: "10.9.0.1", port: 80, ttl: { seconds: 60 } };
  await owner.ask("Catalog/Register", { account: "team", service: "team-web", id: "i", instance });
  const raw = new Raw(t, rollcall.port("grpc"));
  const nobody = new Ads(raw);
  nobody.ask(TYPE.cds, []);
  await until(() => nobody.code === "16", { what: "code 16" });
  const ads = new Ads(raw);
  ads.ask(TYPE.cds, [], "", undefined, reader.token);
  assert.deepEqual([...(await ads.next()).resources.keys()], ["team-web"]);
  await fetch(`${api}/${reader.id}`, { method: "DELETE", headers: { authorization: `Bearer ${admin.token}` } });
  await until(() => ads.code === "16" || ads.code === "7", { what: "the end" });
});
