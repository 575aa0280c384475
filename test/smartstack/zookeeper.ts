/** Nerve's and Synapse's files on a ZooKeeper that is asked itself. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Once } from "../../packages/registry/src/smartstack/host/once.ts";
import { Session } from "../../packages/registry/src/smartstack/zookeeper/session.ts";
import { create, FLAG, look, OP } from "../../packages/registry/src/smartstack/zookeeper/wire.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import { type Backend, nerveService, startAgent, startBackend } from "./rig.ts";

const PATH = "/nerve/services/web/services";
const MOVED = "/nerve/services/moved/services";

/** `place`: of the ZooKeeper, as `host:port`; `forget` starts it anew, and no session or node of before is there. */
export async function liveOnZooKeeper(scope: Scope, place: string, forget?: () => Promise<unknown>): Promise<void> {
  const [one, two] = [await startBackend(scope, "one"), await startBackend(scope, "two")];
  const { agent, services, filesOf, portsOf } = await openAgent(scope, place, one, two);
  const untilThere = (...ports: readonly number[]) =>
    until(() => String(portsOf("web").sort()) === String([...ports].sort()), { what: `${ports}` });

  await untilThere(one.port, two.port);
  await one.say("bad");
  await untilThere(two.port);
  await one.say("ok");
  await untilThere(one.port, two.port);

  const session = await openSession(scope, place);
  await addMembers(session);
  await untilThere(one.port, two.port, 9);
  await until(() => String(portsOf("admin")) === "10");
  await session.close();
  await untilThere(one.port, two.port);

  const other = await openSession(scope, place);
  const names = async () => (await other.ask(OP.getChildren, look(PATH, false))).texts();
  assert.equal((await names()).length, 2);

  // The same instance elsewhere: it goes here, and is made there.
  await agent.reload(filesOf({ ...services, one: { ...services.one, zk_path: MOVED } }));
  await until(() => String(portsOf("moved")) === String(one.port));
  await untilThere(two.port);
  await agent.reload(filesOf(services));
  await untilThere(one.port, two.port);

  if (forget !== undefined) {
    await forget();
    await until(async () => (await names().catch(() => [])).length === 2, { what: "nodes of a new session" });
    await one.say("bad");
    await untilThere(two.port);
  }
  await agent.close();
  assert.deepEqual(await names(), [], "an agent that ends takes its nodes along");
}

/** With two services of one path: who stands in the data, and in the name; and watchers of all that is told apart here. */
async function openAgent(scope: Scope, place: string, one: Backend, two: Backend) {
  const folder = temporaryDirectory(scope, "out");
  const at = { zk_hosts: [place], zk_path: PATH };
  const services = {
    one: nerveService(one, { ...at, labels: { az: "a" } }),
    two: nerveService(two, { ...at, use_path_encoding: true, weight: 7 }),
  };
  const watcher = (more: object = {}) => ({ discovery: { method: "zookeeper", path: PATH, hosts: [place], ...more } });
  const watched = {
    web: watcher(),
    heavy: watcher({ label_filters: [{ label: "az", value: "a", condition: "not-equals" }] }),
    admin: watcher({ decode: { method: "serverset", endpoint_name: "admin" } }),
    moved: watcher({ path: MOVED }),
  };
  const filesOf = (registered: object) => ({
    nerve: { instance_id: "box", services: registered },
    synapse: { services: watched, file_output: { output_directory: folder } },
    zookeeper: true,
  });
  const agent = await startAgent(scope, "http://127.0.0.1:1", filesOf(services));
  interface Row {
    readonly port: number;
    readonly weight: number;
    readonly labels: Readonly<Record<string, string>>;
  }
  const rows = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as readonly Row[];
  await until(() => rows("web").length === 2);
  assert.deepEqual(rows("web").find(({ port }) => port === one.port)?.labels, { az: "a" });
  await until(() => rows("heavy")[0]?.weight === 7);
  return { agent, services, filesOf, portsOf: (name: string) => rows(name).map(({ port }) => port) };
}

async function openSession(scope: Scope, place: string): Promise<Session> {
  const session = new Session([place], new Once({ info() {}, warn() {} }));
  scope.after(() => session.close());
  await until(() => session.isUp);
  return session;
}

/** A member as Finagle writes it, and one that says nothing. */
async function addMembers(session: Session): Promise<void> {
  const host = "10.0.0.1";
  const additionalEndpoints = { admin: { host, port: 10 } };
  const member = { serviceEndpoint: { host, port: 9 }, additionalEndpoints, status: "ALIVE" };
  const data = Buffer.from(JSON.stringify(member));
  await session.ask(OP.create, create(`${PATH}/member_`, data, FLAG.ephemeral | FLAG.sequential));
  await session.ask(OP.create, create(`${PATH}/nothing_`, Buffer.from("?"), FLAG.ephemeral | FLAG.sequential));
}
