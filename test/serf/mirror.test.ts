/** Three real agents, mirrored by one of them: they are instances, one is killed, one leaves, one is cut off. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { test } from "node:test";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { type Scope, until } from "../harness/scope.ts";
import { run, serf, startSerf } from "./rig.ts";

interface RealAgent {
  readonly rpc: number;
  readonly bind: number;
  readonly child: ChildProcess;
}

async function startAgent(scope: Scope, node: string, role: string, join?: RealAgent): Promise<RealAgent> {
  const [rpc, bind] = [await freePort(), await freePort()];
  const args = ["-node", node, "-bind", `127.0.0.1:${bind}`, "-rpc-addr", `127.0.0.1:${rpc}`, "-profile", "local"];
  const more = join === undefined ? [] : ["-join", `127.0.0.1:${join.bind}`];
  const child = spawn(serf.path, ["agent", ...args, "-tag", `role=${role}`, "-tag", "port=8080", ...more], {
    stdio: "ignore",
  });
  scope.after(() => void child.kill("SIGKILL"));
  await until(async () => (await run(rpc, "members")).code === 0, { what: `${node} to answer` });
  return { rpc, bind, child };
}

test("a real cluster is mirrored, through failures, leaving and a partition", { skip: serf.skip }, async (t) => {
  const first = await startAgent(t, "one", "api");
  const [second, third] = await Promise.all([startAgent(t, "two", "api", first), startAgent(t, "three", "db", first)]);
  const address = `127.0.0.1:${first.rpc}`;
  const rollcall = await startSerf(t, { mirror: { address } });
  const instances = async (service: string): Promise<readonly { id: string; address: string; ports: object }[]> => {
    const { status, json } = await request(`${rollcall.url}/v2/default/services/${service}`);
    return status === 404 ? [] : json().instances;
  };
  const ids = async () => [...(await instances("api")), ...(await instances("db"))].map(({ id }) => id).sort();
  const are = (...wanted: string[]) =>
    until(async () => (await ids()).join() === wanted.sort().join(), { what: `${wanted} to be there` });

  await are("one", "two", "three");
  const [found] = (await instances("db")).map(({ id, address: at, ports }) => ({ id, at, ports }));
  assert.deepEqual(found, { id: "three", at: "127.0.0.1", ports: { default: 8080 } });
  // Ours shows them as they are called there.
  const { out } = await run(rollcall.port("serf"), "members");
  assert.match(out, /^two +127\.0\.0\.1:8080 +alive +port=8080,role=api$/m);

  await run(second.rpc, "event", "-coalesce=false", "deploy", "v7");
  const key = `${rollcall.url}/v2/default/config/${encodeURIComponent("/serf/events/deploy")}`;
  await until(async () => (await request(key)).text.includes("v7"), { what: "the user event in the configuration" });

  // One dies; one is cut off, answers nobody, and comes back.
  third.child.kill("SIGKILL");
  second.child.kill("SIGSTOP");
  await are("one");
  second.child.kill("SIGCONT");
  await are("one", "two");
  assert.equal((await run(second.rpc, "leave")).code, 0);
  await are("one");

  // The mirror's own agent goes: what was seen last stays.
  first.child.kill("SIGKILL");
  await until(() => rollcall.logs.some(({ msg }) => /is not reached/.test(String(msg))), { what: "a line in the log" });
  assert.deepEqual(await ids(), ["one"]);
  await rollcall.restart({ flags: ["--dialects", "http,serf", "--serf-port", "0"] });
  assert.deepEqual(await ids(), [], "nobody is mirrored any more");
});
