import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runJob } from "../../generators/driver.ts";
import { findPort } from "../../host/child.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { KEY } from "../../load/contention/update.ts";
import type { ContentionJob } from "../../load/job.ts";
import { awaitAnswer, makeDir, type Peer, spawnRollcall, useServer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const CLIENTS = 64;
const TARGETS = ["patch", "eureka", "service", "session", "dns", "beside", "keys", "keys-outside"] as const;

interface Ports {
  readonly native: number;
  readonly eureka: number;
  readonly dns: number;
}

/** A server with the dialects that are asked, and a key for DNS UPDATE. */
async function withServer<T>(use: (ports: Ports, peer: Peer) => Promise<T>): Promise<T> {
  const dir = makeDir("rollcall");
  const ports = { native: await findPort(), eureka: await findPort(), dns: await findPort() };
  // JSON is YAML.
  const config = join(dir, "rollcall.yaml");
  writeFileSync(config, JSON.stringify({ dialectSettings: { dns: { keys: [KEY] } } }));
  const flags = ["--config", config, "--dialects", "http,rackspace,eureka,dns"];
  flags.push("--eureka-port", String(ports.eureka), "--dns-port", String(ports.dns));
  const child = spawnRollcall(join(dir, "data"), ports.native, flags);
  return useServer({ side: "rollcall", port: ports.native, child, dir }, async (peer) => {
    const answers = () => askOnce(ports.native, "GET", "/readyz").then(({ status }) => status === 200);
    await awaitAnswer(peer, "question", () => answers().catch(() => false));
    return use(ports, peer);
  });
}

function portOf({ native, eureka, dns }: Ports, target: ContentionJob["target"]): number {
  return target === "eureka" ? eureka : target === "dns" || target === "beside" ? dns : native;
}

async function measure({ warmMs, measureMs }: Effort): Promise<Sample> {
  return withServer(async (ports, { dir }) => {
    const sample: Sample = {};
    for (const target of TARGETS) {
      const port = portOf(ports, target);
      const job = { kind: "contention", target, port, httpPort: ports.native, dir, clients: CLIENTS } as const;
      const { count, errors, seconds, crowd } = await runJob(
        { ...job, warmMs, measureMs },
        warmMs + measureMs + 60_000,
      );
      if (crowd === undefined || errors > 0) throw new Error(`${errors} changes of ${target} were refused`);
      sample[target] = count / seconds;
      sample[`${target}Slowest`] = crowd.most === 0 ? 0 : (100 * crowd.least) / crowd.most;
      if (crowd.tries !== undefined) sample[`${target}Tries`] = crowd.tries;
    }
    const ours = TARGETS.filter((target) => target !== "keys-outside");
    const tries = ours.flatMap((target) => sample[`${target}Tries`] ?? []);
    if (tries.length === ours.length) sample.tries = Math.max(...tries);
    sample.slowest = Math.min(...ours.map((target) => sample[`${target}Slowest`] as number));
    return sample;
  });
}

/** 64 clients that change one thing, each as soon as its last change is answered. */
export const CONTENTION: Scenario<"rollcall"> = {
  id: "contention",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 400_000,
  measure: (_side, effort) => measure(effort),
};
