/** Traffic through a HAProxy while the registry is killed, the agent is started anew without it, and the registry is back. */
import assert from "node:assert/strict";
import { createClient } from "@rollcall/client";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";
import type { PeerScope } from "../peers-rig.ts";
import {
  nerveService,
  prepareHaproxy,
  startAgent,
  startBackend,
  synapseService,
  Traffic,
  untilAnswered,
} from "./rig.ts";

/** `path`: of HAProxy. Instances live by leases of 30 s, which count anew when the registry is back. */
export async function surviveOutage(scope: PeerScope, path: string, outageMs: number): Promise<void> {
  const half = () => new Promise((resolve) => setTimeout(resolve, outageMs / 2));
  const registry = await startRollcall(scope);
  const ground = await prepareHaproxy(scope, path);
  const [one, two] = [await startBackend(scope, "one"), await startBackend(scope, "two")];
  const files = {
    nerve: { instance_id: "box", services: { one: nerveService(one), two: nerveService(two) } },
    synapse: { services: { web: synapseService(ground) }, haproxy: ground.haproxy },
  };
  const first = await startAgent(scope, registry.url, files);
  await ground.start();
  await untilAnswered(ground.url, ["one", "two"]);
  const traffic = new Traffic(ground.url);
  await registry.kill("SIGKILL");
  await half();
  // The agent's end and start anew while the registry is away: its snapshot and the file say who is there.
  await first.close();
  const second = await first.again();
  await half();
  await registry.restart();
  const client = createClient({ url: registry.url });
  await until(async () => (await client.service("web")).instances.length === 2);
  await traffic.more(100);
  await untilAnswered(ground.url, ["one", "two"]);
  assert.deepEqual((await traffic.end()).failures, []);
  await second.close();
  assert.equal((await client.service("web")).instances.length, 0, "an agent that ends takes its instances with it");
  await untilAnswered(ground.url, ["one", "two"]);
}
