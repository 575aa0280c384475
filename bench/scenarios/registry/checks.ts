import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { findPort, readCpuSeconds, sleep } from "../../host/child.ts";
import { askOnce, connectHttp1, toRequest } from "../../load/clients/http1.ts";
import { connectMany, runSteps } from "../../load/fill.ts";
import { awaitRead, type RegistryPeer } from "../../peers/registry.ts";
import { makeDir, spawnRollcall, useServer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const CHECKS = 10_000;
const CHECKS_QUICK = 1000;
const EVERY_S = 10;
const CONNECTIONS = 32;

/** Something that is always well, in this process. */
async function openTarget(): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((_, response) => response.end("ok"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 4096, resolve));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function fill(port: number, target: number, count: number): Promise<void> {
  const check = { kind: "http", target: `http://127.0.0.1:${target}/`, interval: `${EVERY_S}s`, timeout: "5s" };
  const body = Buffer.from(JSON.stringify({ address: "127.0.0.1", port: target, ttl: 0, checks: [check] }));
  const lines = await connectMany(CONNECTIONS, () => connectHttp1(port));
  const filled = await runSteps(lines, count, (line, number, done) => {
    const path = `/v2/default/services/s${number % 100}/instances/i${number}`;
    line.call(toRequest("PUT", path, body), (answer) => done(answer.status < 300));
  });
  if (filled.errors > 0) throw new Error(`${filled.errors} of ${count} instances were refused`);
}

interface Told {
  readonly runs: number;
  readonly lateS: number;
  readonly waiting: number;
  /** The longest since it was asked last. */
  readonly stallS: number;
}

async function readMetrics(port: number): Promise<Told> {
  const text = (await askOnce(port, "GET", "/metrics")).body.toString("utf8");
  const read = (name: string): number => Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1] ?? Number.NaN);
  const runs = text.matchAll(/^rollcall_check_runs_total\{[^}]*\} (.*)$/gm);
  return {
    runs: Array.from(runs, ([, value]) => Number(value)).reduce((sum, value) => sum + value, 0),
    lateS: read("rollcall_check_late_seconds_total"),
    waiting: read("rollcall_checks_waiting"),
    stallS: read("nodejs_eventloop_lag_max_seconds"),
  };
}

async function measure(_side: "rollcall", effort: Effort): Promise<Sample> {
  const count = effort.quick ? CHECKS_QUICK : CHECKS;
  const dir = makeDir("rollcall");
  const port = await findPort();
  const peer: RegistryPeer = { side: "rollcall", port, dir, child: spawnRollcall(dir, port, ["--dialects", "http"]) };
  const target = await openTarget();
  try {
    return await useServer(peer, async () => {
      await awaitRead(peer);
      await fill(port, target.port, count);
      await sleep(EVERY_S * 1000);
      const pid = peer.child.process.pid ?? 0;
      const [before, cpuBefore] = [await readMetrics(port), readCpuSeconds(pid)];
      await sleep(2 * EVERY_S * 1000);
      const [after, cpuAfter] = [await readMetrics(port), readCpuSeconds(pid)];
      const runs = after.runs - before.runs;
      return {
        runs: runs / (2 * EVERY_S),
        cpu: ((cpuAfter - cpuBefore) / (2 * EVERY_S)) * 100,
        runCpuUs: ((cpuAfter - cpuBefore) * 1e6) / runs,
        late: ((after.lateS - before.lateS) * 1000) / runs,
        stall: after.stallS * 1000,
        waiting: after.waiting,
      };
    });
  } finally {
    target.close();
  }
}

/** Checks by HTTP that the registry runs, all of them well: what they cost, how late they are, and whom they hold up. */
export const CHECKED: Scenario<"rollcall"> = {
  id: "checks",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 300_000,
  measure,
};
