/** Clients that know two nodes, over the end of one and the silence of the other: whole programs, one of them killed. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Client, createClient, type Registration, type RegistrationState } from "@rollcall/client";
import { cleanEnvironment, freeze, type Program, startProcess } from "../harness/process.ts";
import { PROGRAM, type Rollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";
import { etcd, startNodes } from "./rig.ts";

const { skip } = etcd;
const scope = { after };
const TTL_MS = 4000;

let a: Rollcall;
let b: Rollcall;
let client: Client;
/** Sees each node as it is. */
let atA: Client;
let atB: Client;
let registration: Registration;
let programs: Record<"watch" | "events" | "keep", Program>;
const states: RegistrationState[] = [];
const seen: number[] = [];
const told: (string | undefined)[] = [];
const sessionEnds: unknown[] = [];
const written: number[] = [];
const stop = new AbortController();
after(() => stop.abort());

function start(...args: string[]): Program {
  const env = cleanEnvironment({ ROLLCALL_URL: `${a.url},${b.url}` });
  return startProcess(scope, process.execPath, [PROGRAM, ...args], { env });
}

async function follow(): Promise<void> {
  for await (const item of client.watch({ prefix: "k/", signal: stop.signal, after: 0 })) {
    if (item.kind === "commit") seen.push(item.commit.revision);
    assert.notEqual(item.kind, "resync");
  }
}

async function followEvents(): Promise<void> {
  const events = client.events({ types: ["key.put"], after: "0-0", signal: stop.signal });
  for await (const event of events) told.push(event.key);
}

async function write(at: Client, count: number): Promise<void> {
  for (let i = 0; i < count; i++) written.push((await at.config.put(`k/${written.length}`, "v")).revision);
}

/** Everybody has seen everything, once and in order. */
async function allSeen(): Promise<void> {
  const keys = written.map((_, nth) => `k/${nth}`);
  const { watch, events } = programs;
  await until(() => [seen, told, watch.logs, events.logs].every(({ length }) => length >= written.length), {
    what: "all to be seen by all",
  });
  assert.deepEqual(seen, written);
  assert.deepEqual(told, keys);
  assert.deepEqual(
    watch.logs.map(({ revision }) => revision),
    written,
  );
  assert.deepEqual(
    events.logs.map(({ key }) => key),
    keys,
  );
}

async function begin(): Promise<void> {
  [a, b] = (await startNodes(scope, 2)).nodes as [Rollcall, Rollcall];
  client = createClient({ url: [a.url, b.url], spread: false, timeoutMs: 3000 });
  [atA, atB] = [createClient({ url: a.url }), createClient({ url: b.url })];
  const spec = { service: "api", id: "a1", address: "10.0.0.1", port: 80, ttl: `${TTL_MS}ms` };
  registration = await client.register(spec, { onState: (state) => void states.push(state) });
  const { lease } = await client.leases.grant({ ttl: `${TTL_MS}ms` });
  const session = client.leases.session(lease);
  session.ended.then((error) => void sessionEnds.push(error));
  after(() => session.close());
  void follow();
  void followEvents();
  programs = {
    watch: start("watch", "--prefix", "k/", "--after", "0", "-o", "json"),
    events: start("events", "--follow", "--after", "0-0", "--type", "key.put", "-o", "json"),
    keep: start("register", "kept", "k1", "--ttl", `${TTL_MS}ms`, "--keep"),
  };
  await until(() => programs.keep.lines.length > 0, { what: "the command line to have registered" });
}

if (!skip) await begin();

interface Came {
  readonly lease: string | null;
  readonly createRevision: number;
}

async function came(at: Client, service: string, id: string): Promise<Came | undefined> {
  const found = await at.instance(service, id);
  return found === null ? undefined : { lease: found.lease, createRevision: found.createRevision };
}

test("all goes on at the other node when one is killed: nothing is lost, told twice or registered anew", {
  skip,
}, async () => {
  await write(atA, 5);
  await allSeen();
  const before = [await came(atA, "api", "a1"), await came(atA, "kept", "k1")];
  assert.equal(client.url, a.url);
  const writing = (async () => {
    for (let i = 0; i < 40; i++) await write(atB, 1);
  })();
  await a.kill("SIGKILL");
  await writing;
  await allSeen();
  assert.equal(client.url, b.url);
  // The keeper of the leases is gone: the other one takes them over, and hears them.
  for (const service of ["api", "kept"]) {
    const [{ lease } = { lease: null }] = (await atB.service(service)).instances;
    await until(async () => (await atB.leases.get(lease as string)).beats >= 3, { what: `three beats of ${service}` });
  }
  assert.equal(registration.state, "registered");
  assert.deepEqual([await came(atB, "api", "a1"), await came(atB, "kept", "k1")], before);
  assert.deepEqual(sessionEnds, []);
  const { events } = await atB.eventsPage({ types: ["instance.*"], after: "0-0" });
  assert.deepEqual(
    events.map(({ type }) => type),
    ["instance.registered", "instance.registered"],
  );
  assert.match(programs.keep.stderr(), /^(lost touch, trying again: [^\n]+\nin touch again\n)*$/);
});

test("a node that is silent without an end is left within the time of a heartbeat, and one that stops at once", {
  skip,
}, async () => {
  await a.restart();
  await until(async () => (await atA.status()).revision >= (written.at(-1) ?? 0));
  await freeze(b);
  // It is heartbeats that find out; a stream alone would wait for a minute.
  await until(() => client.url === a.url, { what: "the client to leave the node" });
  await write(atA, 3);
  await until(() => seen.length === written.length && told.length === written.length, { what: "all to be seen" });
  process.kill(b.pid, "SIGCONT");
  await until(async () => (await atB.status()).revision >= (written.at(-1) ?? 0));
  await allSeen();
  await a.stop();
  await write(atB, 3);
  await allSeen();
  await until(() => registration.state === "registered");
  await registration.close();
  assert.equal(await atB.instance("api", "a1"), null);
});
