/** Clients of every protocol that go from one node to another, as if there were one. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { run } from "../cli/rig.ts";
import { PlayedConsul } from "../consul/played-rig.ts";
import { askUdp, openUdp, readMessage } from "../dns/rig.ts";
import { dig } from "../dns/transfer-rig.ts";
import * as eureka from "../eureka/rig.ts";
import type { Rollcall } from "../harness/program.ts";
import { type Answer, openStream, request, revisionIn } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import * as rackspace from "../rackspace/rig.ts";
import { openReceiver } from "../skydns/rig.ts";
import * as consul from "./consul.ts";
import { WALKS, WITNESSES } from "./newer.ts";
import { ask, etcd, startNodes } from "./rig.ts";

const { skip } = etcd;
const INSTANCE = { address: "10.0.0.1", port: 80, ttl: "30s" };
const ZONE = "$TTL 60\n@ SOA ns host 7 3600 600 86400 60\n@ NS ns\nns A 10.0.0.53\n_db._tcp SRV 0 5 5432 ns\n";

/** A secondary that answers every NOTIFY, and notes the serials that it was told of, by zone. */
const secondary = await openUdp("udp4");
const told: { readonly zone: string; readonly serial: number; readonly id: number }[] = [];
secondary.on("message", (packet, { port, address }) => {
  const { question, answers, id } = readMessage(packet);
  const serial = Number(answers[0]?.text.split(" ")[2]);
  if (!told.some((one) => one.id === id && one.serial === serial))
    told.push({ zone: question?.name ?? "", serial, id });
  const answer = Buffer.from(packet);
  answer[2] = (answer[2] as number) | 0x80;
  secondary.send(answer, port, address);
});
after(() => secondary.close());

/** What all nodes mirror. */
const mirrored = new PlayedConsul();
await mirrored.open(10);
after(() => mirrored.close());

/** Flags of a configuration file with these settings and a zone file with this text. */
function configured(zone: string, dns: object = {}, rest: object = {}): readonly string[] {
  const directory = temporaryDirectory({ after }, "nodes");
  mkdirSync(join(directory, "zones"));
  writeFileSync(join(directory, "zones", "corp.example.zone"), zone);
  const notify = [`127.0.0.1:${secondary.address().port}`];
  const settings = { allowTransfer: ["loopback"], files: ["zones"], notify, ...dns };
  const skydns = { callbackHosts: ["loopback"] };
  const dialectSettings = { dns: settings, skydns, consul: { mirror: { url: mirrored.url } } };
  writeFileSync(join(directory, "rollcall.yaml"), JSON.stringify({ dialectSettings, ...rest }));
  return ["--config", join(directory, "rollcall.yaml")];
}

const all = await startNodes({ after }, 3, { flags: configured(ZONE) });
/** The first one has the duty, until it is killed. */
const [a, b, c] = all.nodes as [Rollcall, Rollcall, Rollcall];

async function put(node: Rollcall, key: string, value: string): Promise<Answer> {
  const answer = await ask(node, "PUT", `config/${key}`, value);
  assert.ok(answer.status < 300, answer.text);
  return answer;
}

test("a stream goes on at another node with the position of the one before", { skip }, async () => {
  const total = 60;
  const writing = (async () => {
    for (let nth = 0; nth < total; nth++) await put(nth % 2 === 0 ? a : b, "walk", String(nth));
  })();
  const seen: string[] = [];
  let position = "0";
  for (let turn = 0; seen.length < total; turn++) {
    const node = [a, b, c][turn % 3] as Rollcall;
    const stream = await openStream({ after }, `${node.url}/v2/default/watch?key=walk`, {
      headers: { "last-event-id": position },
    });
    const changes = () => stream.events.filter(({ event }) => event === "change");
    await until(() => changes().length >= 9 || seen.length + changes().length >= total);
    stream.close();
    for (const event of changes()) seen.push(event.json().changes[0].after.value);
    position = changes().at(-1)?.id ?? position;
    assert.deepEqual(
      stream.events.filter(({ event }) => event === "resync"),
      [],
    );
  }
  await writing;
  assert.deepEqual(
    seen,
    Array.from({ length: total }, (_, nth) => String(nth)),
  );
});

test("pages of events and polls go on at another node, without a gap or a repeat", { skip }, async () => {
  const start = (await ask(a, "GET", "events?limit=1")).json().cursor;
  let [cursor, after] = [start, String((await put(a, "poll", "0")).headers.etag).slice(1, -1)];
  const events: string[] = [];
  const polled: string[] = [];
  for (let nth = 1; nth <= 20; nth++) {
    const [here, there] = [[a, b, c][nth % 3], [a, b, c][(nth + 1) % 3]] as [Rollcall, Rollcall];
    await put(here, "poll", String(nth));
    const page = (await ask(there, "GET", `events?after=${cursor}&type=key.put&wait=30s`)).json();
    for (const one of page.events) events.push(one.after.value);
    cursor = page.cursor;
    const commits = (await ask(there, "GET", `watch?key=poll&after=${after}&wait=30s`)).json();
    for (const one of commits.commits) polled.push(one.changes[0].after.value);
    after = commits.position;
  }
  const expected = Array.from({ length: 21 }, (_, nth) => String(nth));
  assert.deepEqual(events, expected);
  assert.deepEqual(polled, expected.slice(1));
});

test("who brings what was answered at one node is not answered an older state at another", { skip }, async () => {
  for (let nth = 0; nth < 30; nth++) {
    const etag = String((await put(a, "mine", String(nth))).headers.etag);
    const same = await ask(b, "GET", "config/mine", undefined, { "if-none-match": etag });
    assert.equal(same.status, 304, `${nth}: ${same.text}`);
    const poll = ask(c, "GET", `config/mine?after=${etag.slice(1, -1)}&wait=30s`);
    const next = await ask(b, "PUT", "config/mine", `${nth}'`, { "if-match": etag });
    assert.equal(next.status, 200, next.text);
    assert.equal((await poll).json().value, `${nth}'`);
  }
});

test("a chain of Rackspace's tokens goes on at any node, and an old token is none", { skip }, async () => {
  const tenant = await rackspace.openTenant(a.url);
  const at = ({ url }: Rollcall): rackspace.Tenant => ({
    ...tenant,
    call: (method, path, body) =>
      request(`${url}/v1.0/${tenant.id}${path}`, { method, body, headers: { "X-Auth-Token": tenant.token } }),
  });
  const walk = [b, c, a, a, b, a, c, c, b];
  for (const kind of ["services", "sessions"] as const) {
    const made = await tenant.call("POST", `/${kind}`, {
      heartbeat_timeout: 30,
      metadata: {},
      ...(kind === "services" && { id: "walker" }),
    });
    assert.equal(made.status, 201, made.text);
    const id = String(made.headers.location).split("/").at(-1) as string;
    const tokens: string[] = [made.json().token];
    for (const node of walk) {
      const beat = await rackspace.beat(at(node), id, tokens.at(-1) as string, kind);
      assert.equal(beat.status, 200, beat.text);
      tokens.push(beat.json().token);
      const shown = await at(walk[tokens.length % walk.length] as Rollcall).call("GET", `/${kind}/${id}`);
      assert.ok(Math.abs(shown.json().last_seen - Date.now()) < 20_000, shown.text);
    }
    for (const node of [a, b, c])
      assert.equal((await rackspace.beat(at(node), id, tokens[0] as string, kind)).status, 404);
  }
  const feed: string[] = [];
  let marker = "";
  for (let nth = 0; nth < 12; nth++) {
    await tenant.call("PUT", `/configuration/key-${nth}`, { value: "v" });
    const node = at([b, c, a][nth % 3] as Rollcall);
    const found = await rackspace.events(node, `?type=configuration_value.update${marker && `&marker=${marker}`}`);
    feed.push(...found.filter(({ id }) => id !== marker).map(({ payload }) => payload.configuration_value_id));
    marker = found.at(-1)?.id ?? marker;
  }
  const last = await rackspace.events(at(a), `?type=configuration_value.update&marker=${marker}`);
  feed.push(...last.filter(({ id }) => id !== marker).map(({ payload }) => payload.configuration_value_id));
  assert.deepEqual(
    feed,
    Array.from({ length: 12 }, (_, nth) => `key-${nth}`),
  );
});

test("what registers with Eureka at one node beats at another at once, and all answer the same", { skip }, async () => {
  const [at, bt, ct] = [a, b, c].map((node) => eureka.eurekaOf(node)) as [eureka.Eureka, eureka.Eureka, eureka.Eureka];
  for (let nth = 0; nth < 10; nth++) {
    await eureka.register(at, "orders", `o${nth}`);
    assert.equal((await eureka.beat(nth % 2 === 0 ? bt : ct, "orders", `o${nth}`)).status, 200, `o${nth}`);
  }
  assert.equal((await eureka.cancel(ct, "orders", "o9")).status, 200);
  const renewedMs = (await eureka.fetchInstance(at, "orders", "o0"))?.leaseInfo.lastRenewalTimestamp;
  assert.ok(renewedMs > 0);
  const elsewhereMs = (await eureka.fetchInstance(ct, "orders", "o0"))?.leaseInfo.lastRenewalTimestamp;
  assert.ok(Math.abs(elsewhereMs - renewedMs) < 1000, `${elsewhereMs} and ${renewedMs}`);
  await until(async () => {
    const fetched = await Promise.all([at, bt, ct].flatMap((one) => [eureka.fetchAll(one), eureka.fetchDelta(one)]));
    const [first] = fetched;
    return (
      fetched.every(({ hashcode }) => hashcode === first?.hashcode) &&
      fetched.every(({ ids }) => ids.includes("ORDERS/o8")) &&
      new Set([1, 3, 5].map((nth) => fetched[nth]?.version)).size === 1
    );
  });
});

async function serialAt(node: Rollcall, zone: string): Promise<number> {
  const { answers } = await askUdp("127.0.0.1", node.port("dns"), zone, "SOA");
  return Number(answers[0]?.text.split(" ")[2]);
}

const zoneAt = async (node: Rollcall, zone: string): Promise<readonly string[]> =>
  (await dig(node.port("dns"), zone, "AXFR")).sort();

test("a serial of DNS means the same zone at every node, and never goes back; each change is told of once", {
  skip,
}, async () => {
  let before = 0;
  for (let nth = 0; nth < 12; nth++) {
    assert.equal((await ask(a, "PUT", `services/zoned/instances/z${nth}`, { ...INSTANCE, ttl: 0 })).status, 201);
    const serial = await serialAt([b, c, a][nth % 3] as Rollcall, "rollcall.");
    assert.ok(serial > before, `${serial} after ${before}`);
    before = serial;
  }
  const zones = await Promise.all([a, b, c].map((node) => zoneAt(node, "rollcall.")));
  assert.ok((zones[0]?.length ?? 0) > 20);
  assert.deepEqual(zones[1], zones[0]);
  assert.deepEqual(zones[2], zones[0]);
  // Delegations count, too, whenever a node came.
  assert.equal((await request(`${b.url}/v2/shop/config/k`, { method: "PUT", body: "v" })).status, 201);
  await until(async () => {
    const serials = await Promise.all([a, b, c].map((node) => serialAt(node, "rollcall.")));
    return new Set(serials).size === 1 && (serials[0] as number) > before;
  });
  const isTold = (): boolean => told.some(({ zone }) => zone === "rollcall.");
  await until(isTold);
  const { length } = told;
  assert.equal((await ask(b, "DELETE", "services/zoned/instances/z0")).status, 200);
  const serial = await serialAt(a, "rollcall.");
  // What changes within a second is told of together.
  const since = () => told.slice(length).filter(({ zone }) => zone === "rollcall.");
  await until(() => since().some((one) => one.serial >= serial));
  assert.equal(new Set(since().map((one) => one.serial)).size, since().length, JSON.stringify(told));
});

test("a token is good at every node with the next request, and no more soon after it is removed", {
  skip,
}, async () => {
  const made = (
    await request(`${a.url}/v2/_/tokens`, { method: "POST", body: { name: "root", role: "admin" } })
  ).json();
  const as = (node: Rollcall, token: string): Promise<Answer> =>
    request(`${node.url}/v2/_/tokens`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await as(b, made.token)).status, 200);
  for (let nth = 0; nth < 10; nth++) {
    const one = await request(`${b.url}/v2/_/tokens`, {
      method: "POST",
      body: { name: `t${nth}`, role: "admin" },
      headers: { authorization: `Bearer ${made.token}` },
    });
    assert.equal((await as(nth % 2 === 0 ? a : c, one.json().token)).status, 200, `t${nth}`);
    const gone = await request(`${c.url}/v2/_/tokens/${one.json().id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${made.token}` },
    });
    assert.equal(gone.status, 200, gone.text);
    await until(async () => (await as(a, one.json().token)).status === 401, { timeoutMs: 5000 });
  }
  const last = { method: "DELETE", headers: { authorization: `Bearer ${made.token}` } };
  assert.equal((await request(`${a.url}/v2/_/tokens/${made.id}`, last)).status, 200);
  await until(async () =>
    (await Promise.all([a, b, c].map((node) => ask(node, "GET", "services")))).every(({ status }) => status === 200),
  );
});

for (const [name, walk] of Object.entries(WALKS)) test(name, { skip }, (t) => walk(t, [a, b, c]));

test("settings and zone files that differ are named, and no zone is transferred under another's serial", {
  skip,
}, async () => {
  const other = await all.start("n4", {
    flags: configured(ZONE.replace(" 7 ", " 6 ").replace("5432", "5433"), { ttlS: 9 }, { limits: { keysMax: 77 } }),
  });
  const named = ["dns.ttlS", "limits.keysMax", "zone file corp.example."];
  interface Body {
    readonly differences: readonly { readonly node: string; readonly settings: readonly string[] }[];
  }
  const differences = async (node: Rollcall) =>
    (await request(`${node.url}/v2/_/status`))
      .json<Body>()
      .differences.map(({ node: name, settings }) => [name, settings]);
  await until(async () => JSON.stringify(await differences(b)) === JSON.stringify([["n4", named]]));
  await until(async () => (await differences(other)).length === 3);
  const examined = await run(["doctor", "--url", b.url]);
  assert.match(
    examined.stdout,
    /^nodes +warn +n4 is configured otherwise than n2: dns\.ttlS, limits\.keysMax, zone file corp\.example\.$/m,
  );
  assert.match(examined.stdout, /^nodes +(good|warn) +\d of 4 nodes are reached/m);
  assert.ok(b.logs.some(({ msg }) => /the node n4 is configured otherwise.*limits\.keysMax/.test(String(msg))));
  assert.ok(other.logs.some(({ msg }) => /the node n\d has read another text of this zone/.test(String(msg))));
  // An older text at a newcomer undoes nothing, and nobody works against it for ever.
  const ports = async (node: Rollcall) =>
    (await ask(node, "GET", "services/db")).json().instances.map((one: { port: number }) => one.port);
  assert.deepEqual(await ports(other), [5432]);
  const before = (await ask(a, "GET", "services/db")).headers.etag;
  assert.match((await dig(other.port("dns"), "corp.example.", "AXFR")).join("\n"), /failed|SERVFAIL|^$/i);
  assert.ok((await zoneAt(b, "corp.example.")).length > 3);
  assert.equal((await ask(a, "GET", "services/db")).headers.etag, before);
  await other.stop();
});

test("when the node on duty, that keeps leases, is killed, nobody is told that anything is gone", {
  skip,
}, async () => {
  const [at, bt] = [a, b].map((node) => eureka.eurekaOf(node)) as [eureka.Eureka, eureka.Eureka];
  await eureka.register(at, "kept", "k1");
  const tenant = await rackspace.openTenant(a.url);
  const elsewhere = {
    ...tenant,
    call: (method: string, path: string, body?: unknown) =>
      request(`${b.url}/v1.0/${tenant.id}${path}`, { method, body, headers: { "X-Auth-Token": tenant.token } }),
  };
  let token = await rackspace.register(tenant, "kept", 60);
  const receiver = await openReceiver({ after });
  const sky = (node: Rollcall, method: string, path: string, body?: unknown) =>
    request(`http://127.0.0.1:${node.port("skydns")}/skydns${path}`, { method, body });
  const service = {
    Name: "Called",
    Version: "1",
    Environment: "Production",
    Region: "Test",
    Host: "h",
    Port: 1,
    TTL: 60,
  };
  for (const uuid of ["s1", "s2"]) assert.equal((await sky(a, "PUT", `/services/${uuid}`, service)).status, 201);
  const callback = { ...service, Reply: "127.0.0.1", Port: receiver.port };
  await until(async () => (await sky(b, "PUT", "/callbacks/cb", callback)).status === 201);
  assert.equal((await sky(c, "DELETE", "/services/s1")).status, 200);
  await until(() => receiver.received.length > 0);
  const { length } = told;
  const known = [...WITNESSES, consul.checks, consul.mirrorOf(mirrored)];
  const witnesses = await Promise.all(known.map((witness) => witness({ after }, [a, b, c])));
  await a.kill();
  assert.equal((await sky(b, "DELETE", "/services/s2")).status, 200);
  const beats = new Set<number>();
  await until(async () => {
    const [one, other] = await Promise.all([eureka.beat(bt, "kept", "k1"), rackspace.beat(elsewhere, "kept", token)]);
    if (other.status === 200) token = other.json().token;
    beats.add(one.status).add(other.status);
    return one.status === 200 && other.status === 200;
  });
  assert.deepEqual(
    [...beats].filter((status) => status !== 200 && status !== 503),
    [],
  );
  await Promise.all(witnesses.map((tell) => tell()));
  await until(() => receiver.received.some(({ body }) => JSON.parse(body).UUID === "s2"));
  const ended = receiver.received.map(({ body }) => JSON.parse(body).UUID);
  // That the first was told may not have been noted before the kill: then it comes again.
  assert.deepEqual([ended.filter((uuid) => uuid === "s2").length, ended.length <= 3], [1, true], ended.join());
  // The next one on duty tells of every zone.
  await until(() => told.slice(length).some(({ zone }) => zone === "rollcall."));
  assert.ok(revisionIn(String((await put(c, "walk", "on")).headers.etag).slice(1)) > 0);
});
