/**
 * Traffic through a HAProxy while the registry is killed, the agent's program is ended and started without it, and the registry
 * is back.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@rollcall/client";
import { startAgent } from "../agent/rig.ts";
import { startRollcall } from "../harness/program.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import type { PeerScope } from "../peers-rig.ts";
import { nerveService, prepareHaproxy, startBackend, synapseService, Traffic, untilAnswered } from "./rig.ts";

export interface Outage {
  readonly outageMs: number;
  /** The registry that comes back knows nothing of what it knew. */
  readonly forgets?: boolean;
}

/** `path`: of HAProxy. Instances live by leases of 30 s, which count anew when the registry is back. */
export async function surviveOutage(
  scope: PeerScope,
  path: string,
  { outageMs, forgets = false }: Outage,
): Promise<void> {
  const half = () => new Promise((resolve) => setTimeout(resolve, outageMs / 2));
  const registry = await startRollcall(scope, { flags: forgets ? ["--replicator", "memory"] : [] });
  const client = createClient({ url: registry.url });
  const ground = await prepareHaproxy(scope, path);
  const [one, two, other] = await Promise.all(["one", "two", "other"].map((name) => startBackend(scope, name)));
  assert.ok(one && two && other);
  // Nobody on this machine speaks for it: whether it stays is the agent's copy's to say.
  await client.registerOnce({ service: "web", id: "other", address: "127.0.0.1", port: other.port, weight: 1, ttl: 0 });
  const folder = temporaryDirectory(scope);
  const file = (name: string, content: object): string => {
    writeFileSync(join(folder, name), JSON.stringify(content));
    return join(folder, name);
  };
  const services = { one: nerveService(one), two: nerveService(two) };
  const synapse = { services: { web: synapseService(ground) }, haproxy: ground.haproxy };
  const agent = await startAgent(scope, registry, {
    flags: [
      ...["--nerve", file("nerve.json", { instance_id: "box", services })],
      ...["--synapse", file("synapse.json", synapse)],
    ],
  });
  await ground.start();
  await untilAnswered(ground.url, ["one", "other", "two"]);
  const traffic = new Traffic(ground.url);
  await registry.kill("SIGKILL");
  await half();
  // The agent's end and start anew while the registry is away: its snapshot and HAProxy's file say who is there.
  if (!forgets) await agent.stop();
  await agent.restart();
  await half();
  await registry.restart();
  const own = async () => (await client.service("web")).instances.filter(({ id }) => id !== "other");
  await until(async () => (await own()).length === 2);
  await traffic.more(100);
  await untilAnswered(ground.url, ["one", "other", "two"]);
  assert.deepEqual((await traffic.end()).failures, []);
  assert.equal((await client.instance("web", "other")) === null, forgets);
  await agent.stop();
  assert.deepEqual(await own(), [], "an agent that ends takes its instances with it");
  await untilAnswered(ground.url, ["one", "other", "two"]);
}
