/**
 * Real agents of Serf, mirrored by one of them: they are instances, one is killed, one leaves, one is parted from the
 * others and comes back. A process of its own, which may be in namespaces of its own: there no packet comes through; else
 * the one that is parted is stopped. Ends with 0 when all was as it should be.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ground, openGround, type Place } from "../faults/ground/ground.ts";
import { Ends } from "../harness/ends.ts";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { run, serf, startSerf } from "./rig.ts";

const ends = new Ends();
const ground: Ground = await openGround(ends);
const isApart = ground.kind === "namespaces";

const file = join(temporaryDirectory(ends, "serf"), "agent.json");
// Those that are thought to have failed are sought each half minute else.
writeFileSync(file, JSON.stringify({ reconnect_interval: "1s" }));

interface Agent {
  readonly place: Place;
  readonly rpc: string;
  readonly bind: string;
  readonly child: ChildProcess;
}

async function startAgent(node: string, role: string, join?: Agent): Promise<Agent> {
  const place = await ground.place(node);
  const bind = `${place.address}:${await freePort()}`;
  const rpc = `${place.address}:${await freePort()}`;
  const args = ["agent", "-node", node, "-bind", bind, "-rpc-addr", rpc, "-profile", "local", "-config-file", file];
  const more = join === undefined ? [] : ["-join", join.bind];
  const [command = "", ...all] = [...place.prefix, serf.path, ...args, "-tag", `role=${role}`, "-tag", "port=8080"];
  const child = spawn(command, [...all, ...more], { stdio: "ignore" });
  ends.after(() => void child.kill("SIGKILL"));
  await until(async () => (await run(rpc, "members")).code === 0, { what: `${node} to answer` });
  return { place, rpc, bind, child };
}

const one = await startAgent("one", "api");
// Who fails is given up in seconds where two of those that stay say so, and after 18 s where one does.
const [rollcall, two, three, four, five, six] = await Promise.all([
  startSerf(ends, { mirror: { address: one.rpc } }),
  startAgent("two", "api", one),
  startAgent("three", "db", one),
  startAgent("four", "api", one),
  startAgent("five", "api", one),
  startAgent("six", "api", one),
]);

async function instances(service: string): Promise<readonly { id: string; address: string; ports: object }[]> {
  const { status, json } = await request(`${rollcall.url}/v2/default/services/${service}`);
  return status === 404 ? [] : json().instances;
}
const ids = async () => [...(await instances("api")), ...(await instances("db"))].map(({ id }) => id).sort();
const are = (...wanted: string[]) =>
  until(async () => (await ids()).join() === wanted.sort().join(), { what: `${wanted} to be there` });

await are("one", "two", "three", "four", "five", "six");
const [found] = (await instances("db")).map(({ id, address, ports }) => ({ id, address, ports }));
assert.deepEqual(found, { id: "three", address: three.place.address, ports: { default: 8080 } });
// Ours shows them as they are called there.
const { out } = await run(`127.0.0.1:${rollcall.port("serf")}`, "members");
// Tags come in no order.
assert.match(out, new RegExp(`^two +${two.place.address}:8080 +alive +(port=8080,role=api|role=api,port=8080)$`, "m"));

await run(two.rpc, "event", "-coalesce=false", "deploy", "v7");
const key = `${rollcall.url}/v2/default/config/${encodeURIComponent("/serf/events/deploy")}`;
await until(async () => (await request(key)).text.includes("v7"), { what: "the user event in the configuration" });

// One dies, one leaves, one is parted from the others and comes back.
three.child.kill("SIGKILL");
const left = run(four.rpc, "leave");
if (!isApart) two.child.kill("SIGSTOP");
for (const other of isApart ? [one, three, four, five, six] : []) {
  await ground.cut(two.place, other.place);
  await ground.cut(other.place, two.place);
}
await are("one", "five", "six");
assert.equal((await left).code, 0);
// It lives, and thinks the same of the others.
if (isApart) assert.match((await run(two.rpc, "members")).out, /^two .* alive/m);
await ground.mend();
two.child.kill("SIGCONT");
await are("one", "two", "five", "six");

// The mirror's own agent goes: what was seen last stays.
one.child.kill("SIGKILL");
await until(() => rollcall.logs.some(({ msg }) => /is not reached/.test(String(msg))), { what: "a line in the log" });
assert.deepEqual(await ids(), ["five", "one", "six", "two"]);
await rollcall.restart({ flags: ["--dialects", "http,serf", "--serf-port", "0"] });
assert.deepEqual(await ids(), [], "nobody is mirrored any more");
await ends.end();
process.exit();
