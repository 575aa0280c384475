/** Nerve's and Synapse's files on a ZooKeeper that is asked itself. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Once } from "../../packages/registry/src/smartstack/host/once.ts";
import { Session } from "../../packages/registry/src/smartstack/zookeeper/session.ts";
import { create, FLAG, look, OP } from "../../packages/registry/src/smartstack/zookeeper/wire.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import { nerveService, startAgent, startBackend } from "./rig.ts";

const PATH = "/nerve/services/web/services";

/** `place`: of the ZooKeeper, as `host:port`. */
export async function liveOnZooKeeper(scope: Scope, place: string): Promise<void> {
  const folder = temporaryDirectory(scope, "out");
  const [one, two] = [await startBackend(scope, "one"), await startBackend(scope, "two")];
  const at = { zk_hosts: [place], zk_path: PATH };
  const services = {
    one: nerveService(one, { ...at, labels: { az: "a" } }),
    two: nerveService(two, { ...at, use_path_encoding: true, weight: 7 }),
  };
  const discovery = { method: "zookeeper", path: PATH, hosts: [place] };
  const { close } = await startAgent(scope, "http://127.0.0.1:1", {
    nerve: { instance_id: "box", services },
    synapse: { services: { web: { discovery } }, file_output: { output_directory: folder } },
    zookeeper: true,
  });
  interface Row {
    readonly port: number;
    readonly weight: number;
    readonly labels: Readonly<Record<string, string>>;
  }
  const rows = () => JSON.parse(readFileSync(join(folder, "web.json"), "utf8")) as readonly Row[];
  const untilThere = (...ports: readonly number[]) =>
    until(
      () =>
        String(
          rows()
            .map(({ port }) => port)
            .sort(),
        ) === String([...ports].sort()),
      { what: `${ports}` },
    );

  await untilThere(one.port, two.port);
  assert.deepEqual(rows().find(({ port }) => port === one.port)?.labels, { az: "a" });
  assert.equal(rows().find(({ port }) => port === two.port)?.weight, 7);
  await one.say("bad");
  await untilThere(two.port);
  await one.say("ok");
  await untilThere(one.port, two.port);

  // A member as Finagle writes it, of a session of its own, which ends.
  const session = new Session([place], new Once({ info() {}, warn() {} }));
  scope.after(() => session.close());
  await until(() => session.isUp);
  const member = { serviceEndpoint: { host: "10.0.0.1", port: 9 }, additionalEndpoints: {}, status: "ALIVE" };
  const data = Buffer.from(JSON.stringify(member));
  await session.ask(OP.create, create(`${PATH}/member_`, data, FLAG.ephemeral | FLAG.sequential));
  await session.ask(OP.create, create(`${PATH}/nothing_`, Buffer.from("?"), FLAG.ephemeral | FLAG.sequential));
  await untilThere(one.port, two.port, 9);
  await session.close();
  await untilThere(one.port, two.port);

  const other = new Session([place], new Once({ info() {}, warn() {} }));
  scope.after(() => other.close());
  await until(() => other.isUp);
  const names = async () => (await other.ask(OP.getChildren, look(PATH, false))).texts();
  assert.equal((await names()).length, 2);
  await close();
  assert.deepEqual(await names(), [], "an agent that ends takes its nodes along");
}
