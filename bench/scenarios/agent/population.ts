import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runJob } from "../../generators/driver.ts";
import { readMemory, sleep } from "../../host/child.ts";
import { toService } from "../../load/job.ts";
import { startAgent } from "../../peers/agent.ts";
import { withPeer } from "../../peers/registry.ts";
import { makeDir, useServer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const SERVICES = 1000;
const SERVICE_SIZE = 50;
const VALUE_BYTES = 250;
const MB = 1e6;
const SETTLE_MS = 20_000;
const SETTLE_QUICK_MS = 10_000;
const WRITTEN_MS_MAX = 60_000;

/** What the process had at most since it began. */
function readPeak(pid: number): number {
  const [, kB] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kB) * 1024;
}

async function measure(url: string, settleMs: number): Promise<Sample> {
  const sample: Sample = {};
  await useServer(await startAgent(url), async ({ child }) => {
    await sleep(settleMs);
    sample.shown = readMemory(child.process.pid ?? 0).total / MB;
  });
  const out = makeDir("rollcall");
  const services = Object.fromEntries(
    Array.from({ length: SERVICES }, (_, nth) => [
      toService(nth),
      { discovery: { method: "rollcall", service: toService(nth) } },
    ]),
  );
  const synapse = { services, file_output: { output_directory: out } };
  await useServer(await startAgent(url, { synapse }), async ({ child }) => {
    const last = join(out, `${toService(SERVICES - 1)}.json`);
    const untilMs = performance.now() + WRITTEN_MS_MAX;
    while (readdirSync(out).length < SERVICES || !existsSync(last)) {
      if (performance.now() > untilMs) throw child.fail(`wrote ${readdirSync(out).length} files`);
      await sleep(50);
    }
    const rows = JSON.parse(readFileSync(last, "utf8")) as unknown[];
    if (rows.length !== SERVICE_SIZE) throw child.fail(`wrote ${rows.length} instances`);
    await sleep(settleMs);
    const pid = child.process.pid ?? 0;
    const memory = readMemory(pid);
    sample.memory = memory.total / MB;
    sample.memoryAnonymous = memory.anonymous / MB;
    sample.peak = readPeak(pid) / MB;
  });
  return sample;
}

/** An agent over 1 000 services of 50 instances that are all watched: a file is kept right for each. */
export const POPULATION: Scenario<"rollcall"> = {
  id: "agent-population",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 240_000,
  measure: (side, effort: Effort) =>
    withPeer(side, async ({ port }) => {
      const job = { kind: "rollcall-fill" as const, port, connections: 64, count: SERVICES * SERVICE_SIZE };
      const filled = await runJob({ ...job, serviceSize: SERVICE_SIZE, valueBytes: VALUE_BYTES }, 120_000);
      if (filled.errors > 0) throw new Error(`${filled.errors} instances were refused`);
      return measure(`http://127.0.0.1:${port}`, effort.quick ? SETTLE_QUICK_MS : SETTLE_MS);
    }),
};
