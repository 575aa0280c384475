/**
 * Clients of Consul, doozer, Serf, hera, NSQ, ZooKeeper and etcd at three nodes: what is done at one is so at the others, and nobody is told
 * that anything is gone because a node is killed.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Fields } from "../../packages/registry/src/dialects/serf/wire/frames.ts";
import { bytesOf, Frames, isMap, numberOf, textOf } from "../../packages/registry/src/dialects/serf/wire/frames.ts";
import { type Write, write } from "../../packages/registry/src/dialects/serf/wire/msgpack.ts";
import { Client } from "../doozer/rig.ts";
import type { Rollcall } from "../harness/program.ts";
import { type Answer, request } from "../harness/requests.ts";
import { type Scope, until } from "../harness/scope.ts";
import { openNsqd } from "../nsqlookupd/rig.ts";
import * as etcd from "./etcd.ts";
import { ask } from "./rig.ts";
import * as zookeeper from "./zookeeper.ts";

export type Three = readonly [Rollcall, Rollcall, Rollcall];

/** One that is open while the first node is killed; what it returns is called then. */
export type Witness = (scope: Scope, nodes: Three) => Promise<() => Promise<void>>;

function consul(node: Rollcall, method: string, path: string, body?: unknown): Promise<Answer> {
  return request(`http://127.0.0.1:${node.port("consul")}/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
  });
}

async function fine(answer: Promise<Answer>): Promise<Answer> {
  const found = await answer;
  assert.equal(found.status, 200, found.text);
  return found;
}

async function beginSession(node: Rollcall, more: object = {}): Promise<string> {
  return (await fine(consul(node, "PUT", "/session/create", { TTL: "10s", LockDelay: "0s", ...more }))).json().ID;
}

const indexOf = ({ headers }: Answer): number => Number(headers["x-consul-index"]);

/** Nothing is waited for between two steps: what one node has acknowledged the next one knows. */
async function locks(_: Scope, [a, b, c]: Three): Promise<void> {
  for (let nth = 0; nth < 8; nth++) {
    const session = await beginSession(a);
    const [renewed] = (await fine(consul(b, "PUT", `/session/renew/${session}`))).json();
    assert.equal(renewed.ID, session);
    assert.equal((await fine(consul(c, "PUT", `/kv/lock?acquire=${session}`, `${nth}`))).json(), true);
    const other = await beginSession(b);
    assert.equal((await fine(consul(a, "PUT", `/kv/lock?acquire=${other}`, "other"))).json(), false);
    const [held] = (await fine(consul(b, "GET", "/kv/lock"))).json();
    assert.deepEqual([held.Session, held.LockIndex, atob(held.Value)], [session, nth + 1, `${nth}`]);
    if (nth % 2 === 0) assert.equal((await fine(consul(a, "PUT", `/kv/lock?release=${session}`, ""))).json(), true);
    else await fine(consul(c, "PUT", `/session/destroy/${session}`));
    assert.equal((await fine(consul(b, "GET", "/kv/lock"))).json()[0].Session, undefined);
    await fine(consul(b, "PUT", `/session/destroy/${session}`));
    assert.equal((await consul(a, "PUT", `/session/renew/${session}`)).status, 404);
    await fine(consul(a, "PUT", `/session/destroy/${other}`));
  }
}

async function blocking(_: Scope, nodes: Three): Promise<void> {
  let index = indexOf(
    await fine(consul(nodes[0], "PUT", "/kv/seen", "0").then(() => consul(nodes[0], "GET", "/kv/seen"))),
  );
  for (let nth = 1; nth <= 20; nth++) {
    const [here, there] = [nodes[nth % 3], nodes[(nth + 1) % 3]] as [Rollcall, Rollcall];
    const waiting = consul(there, "GET", `/kv/seen?index=${index}&wait=30s&stale`);
    // Changes of others wake nobody.
    await fine(consul(here, "PUT", "/kv/other", `${nth}`));
    await fine(consul(here, "PUT", "/kv/seen", `${nth}`));
    const woken = await fine(waiting);
    assert.equal(atob(woken.json()[0].Value), `${nth}`);
    assert.ok(indexOf(woken) > index, `${indexOf(woken)} after ${index}`);
    index = indexOf(woken);
  }
}

async function catalog(_: Scope, [a, b, c]: Three): Promise<void> {
  const service = { ID: "web1", Name: "web", Port: 80, Address: "10.0.0.1", Check: { TTL: "20s" } };
  await fine(consul(a, "PUT", "/agent/service/register", service));
  await fine(consul(b, "PUT", "/agent/check/pass/service:web1"));
  const [one] = (await fine(consul(c, "GET", "/health/service/web?passing"))).json();
  assert.equal(one.Service.ID, "web1");
  const waiting = consul(
    b,
    "GET",
    `/health/service/web?passing&index=${indexOf(await consul(c, "GET", "/health/service/web"))}`,
  );
  await fine(consul(c, "PUT", "/agent/check/fail/service:web1"));
  assert.deepEqual((await fine(waiting)).json(), []);
  const node = { Node: "db", Address: "10.0.0.9", Service: { Service: "db", Port: 5432 } };
  await fine(consul(b, "PUT", "/catalog/register", node));
  assert.equal((await fine(consul(a, "GET", "/catalog/node/db"))).json().Services.db.Port, 5432);
  await fine(consul(c, "PUT", "/catalog/deregister", { Node: "db" }));
  assert.equal((await fine(consul(b, "GET", "/catalog/node/db"))).json(), null);
  await fine(consul(b, "PUT", "/agent/service/deregister/web1"));
  assert.deepEqual((await fine(consul(a, "GET", "/catalog/service/web"))).json(), []);
}

async function doozer(scope: Scope, nodes: Three): Promise<void> {
  const clients = (await Promise.all(nodes.map((node) => Client.open(scope, node.port("doozer"))))) as [
    Client,
    Client,
    Client,
  ];
  const [a, b, c] = clients;
  let rev = await a.set("/walk/0", "start");
  for (let nth = 1; nth <= 20; nth++) {
    const [here, there, third] = [0, 1, 2].map((by) => clients[(nth + by) % 3]) as [Client, Client, Client];
    const waiting = there.ask("WAIT", { path: "/walk/**", rev: rev + 1 });
    const set = await here.set(`/walk/${nth}`, `${nth}`);
    const told = await waiting;
    assert.deepEqual([told.path, told.value, told.rev], [`/walk/${nth}`, `${nth}`, set]);
    assert.equal((await third.ask("GET", { path: `/walk/${nth}`, rev: set })).value, `${nth}`);
    rev = set;
  }
  assert.equal((await b.ask("SET", { path: "/walk/20", value: "x", rev: 1 })).error, "REV_MISMATCH");
  assert.equal((await c.ask("DEL", { path: "/walk/1", rev })).error, undefined);
  assert.ok(((await b.ask("WAIT", { path: "/walk/1", rev: rev + 1 })).rev ?? 0) > rev);
}

/** A client of Serf's agent. */
class Talk {
  /** Records that came under a number of this client's, besides the first. */
  readonly told: { readonly seq: number; readonly body: Fields }[] = [];
  readonly #socket: Socket;
  readonly #frames = new Frames();
  readonly #answers = new Map<number, string>();
  #seq = 0;
  #head: Fields | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  static async open(scope: Scope, node: Rollcall): Promise<Talk> {
    const socket = connect({ host: "127.0.0.1", port: node.port("serf"), noDelay: true });
    scope.after(() => void socket.destroy());
    await once(socket, "connect");
    const talk = new Talk(socket);
    await talk.say("handshake", { Version: 1 });
    return talk;
  }

  /** Resolves with the number that it was said under. */
  async say(command: string, ...body: readonly Write[]): Promise<number> {
    const seq = ++this.#seq;
    this.#socket.write(write({ Command: command, Seq: seq }, ...body));
    await until(() => this.#answers.has(seq), { intervalMs: 2, what: `an answer to ${command}` });
    assert.equal(this.#answers.get(seq), "");
    return seq;
  }

  #take(chunk: Buffer): void {
    this.#frames.push(chunk);
    for (let next = this.#frames.next(); typeof next === "object"; next = this.#frames.next()) {
      assert.ok(isMap(next.value));
      if (next.value.has("Seq")) {
        const seq = numberOf(next.value, "Seq");
        this.#head = next.value;
        if (!this.#answers.has(seq)) this.#answers.set(seq, textOf(next.value, "Error"));
      } else this.told.push({ seq: numberOf(this.#head as Fields, "Seq"), body: next.value });
    }
  }
}

async function serf(scope: Scope, nodes: Three): Promise<void> {
  const talks = (await Promise.all(nodes.map((node) => Talk.open(scope, node)))) as [Talk, Talk, Talk];
  for (const talk of talks) await talk.say("stream", { Type: "user,query,member-join,member-leave" });
  const [a, b, c] = talks;
  const heard = (talk: Talk, event: string) => talk.told.filter(({ body }) => textOf(body, "Event") === event);
  for (let nth = 0; nth < 6; nth++) {
    const from = talks[nth % 3] as Talk;
    await from.say("event", { Name: "deploy", Payload: Buffer.from(`v${nth}`), Coalesce: false });
  }
  for (const talk of talks) {
    await until(() => heard(talk, "user").length === 6, { what: "all events at every node" });
    const versions = heard(talk, "user").map(({ body }) => bytesOf(body, "Payload").toString());
    assert.deepEqual(versions.sort(), ["v0", "v1", "v2", "v3", "v4", "v5"]);
  }
  const seq = await c.say("query", { Name: "load", Payload: Buffer.from("?"), RequestAck: true, Timeout: 20e9 });
  await until(() => heard(a, "query").length === 1 && heard(b, "query").length === 1);
  const [asked] = heard(a, "query");
  await a.say("respond", { ID: numberOf(asked?.body as Fields, "ID"), Payload: Buffer.from("0.5") });
  const answers = () => c.told.filter((one) => one.seq === seq).map(({ body }) => body);
  await until(() => answers().length >= 4, { what: "three acks and an answer" });
  const acks = answers().filter((body) => textOf(body, "Type") === "ack");
  assert.deepEqual(acks.map((body) => textOf(body, "From")).sort(), ["n1", "n2", "n3"]);
  const [said] = answers().filter((body) => textOf(body, "Type") === "response");
  assert.equal(bytesOf(said as Fields, "Payload").toString(), "0.5");
  const brief = { address: "10.0.0.1", port: 80, ttl: "1s" };
  assert.equal((await ask(nodes[0], "PUT", "services/serfed/instances/m1", brief)).status, 201);
  for (const talk of talks) await until(() => heard(talk, "member-join").length > 0);
  // That one failed is known at every node, and so is that it was given up.
  const statuses = async () => {
    const found: string[] = [];
    for (const talk of talks) {
      const from = talk.told.length;
      const asked = await talk.say("members-filtered", { Name: "m1.serfed" });
      await until(() => talk.told.slice(from).some((one) => one.seq === asked), { intervalMs: 2 });
      const members = talk.told
        .slice(from)
        .find((one) => one.seq === asked)
        ?.body.get("Members") as readonly Fields[];
      found.push(members.map((member) => textOf(member, "Status")).join());
    }
    return found.join(" ");
  };
  await until(async () => (await statuses()) === "failed failed failed");
  await b.say("force-leave", { Node: "m1.serfed" });
  await until(async () => (await statuses()) === "left left left", { what: "it is given up everywhere" });
}

const hera = (node: Rollcall, method: string, path: string, body?: unknown): Promise<Answer> =>
  request(`http://127.0.0.1:${node.port("hera")}${path}`, { method, ...(body === undefined ? {} : { body }) });

async function heras(_: Scope, nodes: Three): Promise<void> {
  const [a, b, c] = nodes;
  const entry = (nth: number) => ({ host: "10.1.1.1", port: 12345, updated_at: `2012-12-18T13:27:0${nth}Z` });
  for (let nth = 0; nth < 10; nth++) {
    assert.equal((await hera(a, "PUT", `/storage/e${nth}`, entry(0))).status, 204);
    const found = await hera(nth % 2 === 0 ? b : c, "GET", `/storage/e${nth}`);
    assert.deepEqual(found.json(), entry(0), found.text);
  }
  const revision = async () => (await ask(a, "GET", "services/storage/instances/e1")).json().revision;
  const before = await revision();
  // Heartbeats at whichever node write nothing, and are shown by all.
  for (const [nth, node] of [b, c, a, b].entries()) {
    const atMs = Date.now();
    assert.equal((await hera(node, "PUT", "/storage/e1", entry(nth + 1))).status, 204);
    await until(() => Date.now() > atMs, { intervalMs: 1 });
  }
  assert.equal(await revision(), before);
  // What a node was told while it was not reached is lost: the next beat says it again.
  for (const node of nodes)
    await until(async () => {
      if ((await hera(node, "GET", "/storage/e1")).json().updated_at === entry(4).updated_at) return true;
      return (await hera(b, "PUT", "/storage/e1", entry(4))).status !== 204;
    });
  assert.equal((await hera(c, "DELETE", "/storage/e1")).status, 204);
  await until(async () => (await hera(a, "GET", "/storage")).json().e1 === undefined);
  assert.equal((await hera(a, "DELETE", "/storage/e1")).status, 404);
  const deltas = (await hera(b, "GET", "/_deltas?n2=0")).json().n2 as readonly (readonly [string, string])[];
  assert.ok(deltas.some(([service, id]) => service === "storage" && id === "e2"));
}

const lookup = (node: Rollcall, path: string, method = "GET"): Promise<Answer> =>
  request(
    `http://127.0.0.1:${node.endpoints.find(({ dialect, scheme }) => dialect === "nsqlookupd" && scheme === "http")?.port}${path}`,
    { method },
  );

const producers = async (node: Rollcall, topic: string): Promise<readonly string[]> =>
  ((await lookup(node, `/lookup?topic=${topic}`)).json().producers ?? []).map(
    (one: { broadcast_address: string; tcp_port: number }) => `${one.broadcast_address}:${one.tcp_port}`,
  );

async function nsq(scope: Scope, nodes: Three): Promise<void> {
  const [a, b, c] = nodes;
  const everywhere = async (topic: string, wanted: readonly string[]): Promise<void> => {
    for (const node of nodes)
      await until(async () => JSON.stringify((await producers(node, topic)).toSorted()) === JSON.stringify(wanted), {
        what: `${topic} is at ${wanted.join()}`,
      });
  };
  // An nsqd tells every lookupd that it knows; here all of them show it, once.
  const lines = await Promise.all(
    [a, b].map((node) => openNsqd(scope, node.port("nsqlookupd"), { address: "10.0.0.7", topics: ["parcels ship"] })),
  );
  await openNsqd(scope, c.port("nsqlookupd"), { address: "10.0.0.8", topics: ["parcels"] });
  await everywhere("parcels", ["10.0.0.7:4150", "10.0.0.8:4150"]);
  const told = (await lookup(c, "/nodes")).json().producers as readonly { readonly broadcast_address: string }[];
  assert.equal(told.filter((one) => one.broadcast_address === "10.0.0.7").length, 1);
  await lookup(b, "/topic/tombstone?topic=parcels&node=10.0.0.8:4151", "POST");
  await everywhere("parcels", ["10.0.0.7:4150"]);
  lines[0]?.socket.destroy();
  // The other connection shows it still.
  const left = async () => (await ask(c, "GET", "services/parcels")).json().instances.length;
  await until(async () => (await left()) === 2);
  await everywhere("parcels", ["10.0.0.7:4150"]);
  lines[1]?.socket.destroy();
  await everywhere("parcels", []);
  await lookup(a, "/topic/create?topic=made", "POST");
  await until(async () => (await lookup(c, "/lookup?topic=made")).status === 200);
  await lookup(c, "/topic/delete?topic=made", "POST");
  await until(async () => (await lookup(b, "/lookup?topic=made")).status === 404);
}

/** Each is run with all nodes up. */
export const WALKS: Readonly<Record<string, (scope: Scope, nodes: Three) => Promise<void>>> = {
  "a session of Consul begun at one node is renewed, used and ended at others": locks,
  "a blocking query of Consul goes on at another node, and is woken by another's change": blocking,
  "services, checks and nodes of Consul are the same at every node": catalog,
  "revs of doozer go on at another node, and what waits there is told": doozer,
  "events, queries and members of Serf are those of all nodes": serf,
  "entries of hera are put, beaten and deleted at any node": heras,
  "an nsqd that is connected to several nodes is shown by all of them, once": nsq,
  "a session of ZooKeeper goes from node to node, and numbers and watches are those of all": zookeeper.sessions,
  "watches, leases and members of etcd are the same at every node": etcd.walk,
  "keys of etcd are read at any node as soon as they are written at another, and one of many wins": etcd.keys,
};

/** Statuses of a heartbeat that goes on until it is good again, none of them one that says that all is lost. */
async function beatsOn(beat: () => Promise<Answer>, good: number, honest: readonly number[]): Promise<void> {
  const seen = new Set<number>();
  let isGood = 0;
  await until(async () => {
    const { status } = await beat();
    seen.add(status);
    isGood = status === good ? isGood + 1 : 0;
    return isGood >= 3;
  });
  assert.deepEqual(
    [...seen].filter((status) => status !== good && !honest.includes(status)),
    [],
  );
}

const consulLocks: Witness = async (_, [a, b, c]) => {
  const session = await beginSession(a);
  await fine(consul(a, "PUT", `/kv/kept?acquire=${session}`, "mine"));
  const kept = await fine(consul(b, "GET", "/kv/kept"));
  const waiting = consul(b, "GET", `/kv/kept?index=${indexOf(kept)}&wait=60s`);
  return async () => {
    await beatsOn(() => consul(b, "PUT", `/session/renew/${session}`), 200, [500, 503]);
    assert.equal((await fine(consul(c, "GET", "/kv/kept"))).json()[0].Session, session);
    assert.equal((await fine(consul(c, "PUT", `/kv/kept?release=${session}`, "free"))).json(), true);
    assert.equal(atob((await fine(waiting)).json()[0].Value), "free");
  };
};

const doozerWaits: Witness = async (scope, [a, b, c]) => {
  const [first, second, third] = (await Promise.all(
    [a, b, c].map((node) => Client.open(scope, node.port("doozer"))),
  )) as [Client, Client, Client];
  const rev = await first.set("/kept", "1");
  const waiting = second.ask("WAIT", { path: "/kept", rev: rev + 1 });
  return async () => {
    await until(async () => (await third.ask("SET", { path: "/kept", value: "2", rev: -1 })).rev !== undefined);
    assert.equal((await waiting).value, "2");
  };
};

const serfStreams: Witness = async (scope, [, b, c]) => {
  const [at, other] = [await Talk.open(scope, b), await Talk.open(scope, c)];
  await at.say("stream", { Type: "user" });
  return async () => {
    await other.say("event", { Name: "after", Payload: Buffer.from("kill"), Coalesce: false });
    await until(() => at.told.some(({ body }) => textOf(body, "Name") === "after"));
  };
};

const heraBeats: Witness = async (_, [a, b]) => {
  const entry = { host: "10.1.1.1", port: 1, updated_at: "2012-12-18T13:27:00Z" };
  assert.equal((await hera(a, "PUT", "/kept/k1", entry)).status, 204);
  return () => beatsOn(() => hera(b, "PUT", "/kept/k1", entry), 204, [503, 504]);
};

const nsqProducers: Witness = async (scope, [a, b, c]) => {
  const spec = { address: "10.0.0.9", topics: ["kept"] };
  for (const node of [a, b]) await openNsqd(scope, node.port("nsqlookupd"), spec);
  return async () => {
    // What came by the node that is gone lapses with its lease; nobody sees it twice meanwhile, or not at all.
    for (const node of [b, c]) assert.deepEqual(await producers(node, "kept"), ["10.0.0.9:4150"]);
  };
};

export const WITNESSES: readonly Witness[] = [
  consulLocks,
  doozerWaits,
  serfStreams,
  heraBeats,
  nsqProducers,
  zookeeper.watches,
  etcd.locks,
];
