/** A client of each protocol that goes from one node to another, where nodes copy each other. */
import assert from "node:assert/strict";
import { askUdp } from "../dns/rig.ts";
import * as eureka from "../eureka/rig.ts";
import { Client as GrpcClient, type Told } from "../grpc/rig.ts";
import type { Rollcall } from "../harness/program.ts";
import { type Answer, request } from "../harness/requests.ts";
import { type Scope, until } from "../harness/scope.ts";
import { openNsqd } from "../nsqlookupd/rig.ts";
import * as rackspace from "../rackspace/rig.ts";
import * as serf from "../serf/rig.ts";
import { SERVICE } from "../skydns/rig.ts";

/** Writes at the first, reads and renews at the others; `id` is of this walk alone. */
export type Walk = (nodes: readonly [Rollcall, Rollcall, Rollcall], id: string, scope: Scope) => Promise<void>;

const INSTANCE = { address: "10.0.0.7", port: 80, ttl: "10m" };

async function becomes(what: string, ask: () => Promise<Answer>, status: number): Promise<Answer> {
  return until(
    async () => {
      const answer = await ask();
      return answer.status === status && answer;
    },
    { what: `${what}: ${status}` },
  );
}

function native(node: Rollcall, method: string, path: string, body?: unknown): Promise<Answer> {
  return request(`${node.url}/v2/default/${path}`, { method, body });
}

const http: Walk = async ([a, b, c], id) => {
  const path = `services/web/instances/${id}`;
  assert.equal((await native(a, "PUT", path, INSTANCE)).status, 201);
  for (const node of [b, c]) await becomes("read", () => native(node, "GET", path), 200);
  assert.equal((await native(b, "PATCH", path, { tags: ["moved"] })).status, 200);
  await until(async () => (await native(c, "GET", path)).json().tags[0] === "moved");
  assert.equal((await native(c, "POST", `${path}/heartbeat`)).status, 200);
  assert.equal((await native(b, "DELETE", path)).status, 200);
  await becomes("gone", () => native(a, "GET", path), 404);
};

const dns: Walk = async ([a, ...others], id) => {
  assert.equal((await native(a, "PUT", `services/${id}/instances/${id}`, INSTANCE)).status, 201);
  for (const node of others)
    await until(async () => {
      const { answers } = await askUdp("127.0.0.1", node.port("dns"), `${id}.rollcall.`, "A");
      return answers[0]?.text === INSTANCE.address;
    });
};

/** The chain of tokens goes on at any node; that an old one is none is known at the node that saw the next. */
const rackspaces: Walk = async ([a, b, c], id) => {
  const tenant = await rackspace.openTenant(a.url, id);
  const at = ({ url }: Rollcall): rackspace.Tenant => ({
    ...tenant,
    call: (method, path, body) =>
      request(`${url}/v1.0/${tenant.id}${path}`, { method, body, headers: { "X-Auth-Token": tenant.token } }),
  });
  let token = await rackspace.register(tenant, id);
  for (const node of [b, c, a, c]) {
    const beat = await becomes("heartbeat", () => rackspace.beat(at(node), id, token), 200);
    token = beat.json().token;
  }
  assert.equal((await at(b).call("DELETE", `/services/${id}`)).status, 204);
  await becomes("gone", () => tenant.call("GET", `/services/${id}`), 404);
};

const eurekas: Walk = async (nodes, id) => {
  const [a, b, c] = nodes.map((node) => eureka.eurekaOf(node)) as [eureka.Eureka, eureka.Eureka, eureka.Eureka];
  await eureka.register(a, "orders", id);
  for (const node of [b, c]) await becomes("heartbeat", () => eureka.beat(node, "orders", id), 200);
  await until(async () => {
    const fetched = await Promise.all([a, b, c].flatMap((one) => [eureka.fetchAll(one), eureka.fetchDelta(one)]));
    return new Set(fetched.map(({ hashcode }) => hashcode)).size === 1;
  });
  assert.equal((await eureka.cancel(c, "orders", id)).status, 200);
  await becomes("gone", () => request(`${a.apps}/orders/${id}`), 404);
};

const skydns: Walk = async ([a, b, c], id) => {
  const ask = (node: Rollcall, method: string, body?: unknown): Promise<Answer> =>
    request(`http://127.0.0.1:${node.port("skydns")}/skydns/services/${id}`, { method, body });
  assert.equal((await ask(a, "PUT", SERVICE)).status, 201);
  await becomes("read", () => ask(b, "GET"), 200);
  await becomes("renewed", () => ask(c, "PATCH", { TTL: 90 }), 200);
  assert.equal((await ask(b, "DELETE")).status, 200);
  await becomes("gone", () => ask(a, "GET"), 404);
};

const hera: Walk = async ([a, b, c], id) => {
  const ask = (node: Rollcall, method: string, path: string, body?: string): Promise<Answer> =>
    request(`http://127.0.0.1:${node.port("hera")}${path}`, { method, ...(body !== undefined && { body }) });
  assert.equal((await ask(a, "PUT", `/jobs/${id}`, '{"host":"h","n":1.50}')).status, 204);
  for (const node of [b, c])
    await until(async () => /"n":1\.50/.test((await ask(node, "GET", "/jobs")).text.replace(/\s/g, "")));
  await becomes("deleted", () => ask(b, "DELETE", `/jobs/${id}`), 204);
  await until(async () => !(await ask(a, "GET", "/jobs")).text.includes(id));
};

const nsqlookupd: Walk = async ([a, b, c], id, scope) => {
  const lookUp = (node: Rollcall): Promise<Answer> => {
    const { port } = node.endpoints.find((one) => one.dialect === "nsqlookupd" && one.scheme === "http") ?? { port: 0 };
    return request(`http://127.0.0.1:${port}/lookup?topic=${id}`);
  };
  const nsqd = await openNsqd(scope, a.port("nsqlookupd"), { topics: [id] });
  for (const node of [b, c])
    await until(async () => (await lookUp(node)).json().producers?.[0]?.broadcast_address === "10.0.0.1");
  nsqd.socket.destroy();
  await until(async () => ((await lookUp(c)).json().producers ?? []).length === 0);
};

/** Debian's command. Events go to whom a node reaches at that moment, and are stored nowhere. */
const serfs: Walk = async ([a, b, c], id, scope) => {
  assert.equal((await native(a, "PUT", `services/web/instances/${id}`, INSTANCE)).status, 201);
  await until(async () => (await serf.run(b.port("serf"), "members")).out.includes(`${id}.web`));
  const told = serf.follow(scope, c.port("serf"), "monitor", "-log-level", "debug");
  await until(() => told().includes("rollcall"));
  await until(async () => {
    await serf.run(a.port("serf"), "event", id);
    return told().includes(`EventUser: ${id}`);
  });
};

/** The stream of one node renews what another has registered. */
const grpc: Walk = async (nodes, id, scope) => {
  const [a, b, c] = nodes.map((node) => new GrpcClient(scope, node.port("grpc"))) as [
    GrpcClient,
    GrpcClient,
    GrpcClient,
  ];
  const idsAt = async (client: GrpcClient): Promise<string> =>
    (await client.ask("Catalog/Discover", { service: id, current: true })).instances.map((one: Told) => one.id).join();
  const watch = b.follow("Catalog/Watch", { services: [id] });
  const instance = { address: INSTANCE.address, port: INSTANCE.port, ttl: { seconds: 600 } };
  const { lease } = await a.ask("Catalog/Register", { service: id, id, instance });
  for (const client of [b, c]) await until(async () => (await idsAt(client)) === id);
  await until(async () => JSON.stringify(await watch.next()).includes(INSTANCE.address));
  const beats = c.talk("Leases/KeepAlive");
  await until(async () => {
    beats.call.write({ leases: [lease] });
    return (await beats.next()).beats[0].state === "BEAT_STATE_RENEWED";
  });
  await b.ask("Catalog/Deregister", { service: id, id });
  await until(async () => (await idsAt(a)) === "");
  for (const stream of [watch, beats]) stream.call.cancel();
};

/** Of each dialect that goes without one order of all commits; why it cannot be walked here, if so. */
export const WALKS: Readonly<Record<string, { readonly walk: Walk; readonly skip: false | string }>> = {
  http: { walk: http, skip: false },
  rackspace: { walk: rackspaces, skip: false },
  dns: { walk: dns, skip: false },
  skydns: { walk: skydns, skip: false },
  eureka: { walk: eurekas, skip: false },
  nsqlookupd: { walk: nsqlookupd, skip: false },
  hera: { walk: hera, skip: false },
  serf: { walk: serfs, skip: serf.serf.skip },
  grpc: { walk: grpc, skip: false },
};
