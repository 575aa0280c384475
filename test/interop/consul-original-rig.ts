/**
 * Consul itself, 1.14.11, the last version under the MPL that its Go module builds. Building it takes minutes and 2 GB, so
 * it is run where it is: ROLLCALL_CONSUL names the program, or `npm run bench -- --only consul` has built it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../harness/ports.ts";
import type { Program } from "../harness/process.ts";
import { request } from "../harness/requests.ts";
import { ROOT } from "../harness/root.ts";
import { until } from "../harness/scope.ts";
import type { PeerScope } from "../peers-rig.ts";
import { startShown } from "./programs-rig.ts";

const PATH = process.env.ROLLCALL_CONSUL ?? join(ROOT, ".cache/go/built/consul-1.14.11");

export const original = {
  path: PATH,
  skip: existsSync(PATH)
    ? (false as const)
    : "ROLLCALL_CONSUL names no program of Consul, and no benchmark has built one",
};

export interface Original {
  readonly port: number;
  readonly program: Program;
}

/** A server by itself, called `c0`, which holds all in memory, with its leader. */
export async function startOriginal(scope: PeerScope, port?: number): Promise<Original> {
  const own = port ?? (await freePort());
  const names = ["server", "serf_lan", "serf_wan"];
  const others = await Promise.all(names.map(async (name) => `${name} = ${await freePort()}`));
  const ports = `-hcl=ports { dns = -1, grpc = -1, grpc_tls = -1, ${others.join(", ")} }`;
  const args = ["agent", "-dev", "-node=c0", "-bind=127.0.0.1", "-log-level=error", `-http-port=${own}`, ports];
  const program = startShown(scope, "consul", PATH, args);
  const health = `http://127.0.0.1:${own}/v1/health/node/c0`;
  await until(async () => (await request(health)).text.includes("serfHealth"), { what: "the original to lead" });
  return { port: own, program };
}
