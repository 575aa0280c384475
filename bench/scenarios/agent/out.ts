import { existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { Child, findPort, sleep } from "../../host/child.ts";
import { startAgent, startBackend } from "../../peers/agent.ts";
import { withPeer } from "../../peers/registry.ts";
import { useServer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";
import { isAnswering, toSynapse, until } from "./traffic.ts";

const BACKENDS = 9;
const BACKENDS_QUICK = 3;
const CHECK_MS = 1000;

/** What HAProxy's runtime socket answers. */
function tell(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(path, () => socket.write(`${command}\n`));
    socket.on("data", (piece) => {
      answer += piece.toString();
    });
    socket.on("end", () => resolve(answer));
    socket.on("error", reject);
  });
}

/** The ports that HAProxy sends requests to. */
async function portsInUse(socket: string): Promise<ReadonlySet<number>> {
  const answer = await tell(socket, "show servers state web").catch(() => "");
  const lines = answer.split("\n");
  const head = (lines.find((line) => line.startsWith("# ")) ?? "").slice(2).split(" ");
  const [port, state] = [head.indexOf("srv_port"), head.indexOf("srv_admin_state")];
  const rows = lines.map((line) => line.split(" ")).filter((cells) => cells.length === head.length);
  return new Set(rows.filter((cells) => cells[state] === "0").map((cells) => Number(cells[port])));
}

/** One agent does both halves: it checks servers by HTTP each second, and keeps HAProxy right. */
async function measure(port: number, count: number): Promise<Sample> {
  const proxied = await findPort();
  const { synapse, config, pid, socket } = toSynapse(proxied);
  const all = await Promise.all(Array.from({ length: count }, (_, nth) => startBackend(`b${nth}`)));
  const check = { type: "http", uri: "/", timeout: 0.5, rise: 1, fall: 1 };
  const services = Object.fromEntries(
    all.map(({ port: own }) => [
      `web${own}`,
      {
        ...{ host: "127.0.0.1", port: own, zk_path: "/nerve/services/web/services" },
        ...{ check_interval: CHECK_MS / 1000, checks: [check] },
      },
    ]),
  );
  const nerve = { instance_id: "box", services };
  return useServer(await startAgent(`http://127.0.0.1:${port}`, { nerve, synapse }), async () => {
    await until("a configuration of HAProxy", () => existsSync(config));
    const proxy = new Child("haproxy", "haproxy", ["-W", "-db", "-f", config]);
    await until("HAProxy", () => isAnswering(proxied));
    writeFileSync(pid, String(proxy.process.pid));
    await until("all backends", async () => {
      const ports = await portsInUse(socket);
      return all.every((one) => ports.has(one.port));
    });
    const tookMs: number[] = [];
    for (const { port: own, child } of all.slice(1)) {
      // At any moment between two checks.
      await sleep(CHECK_MS * Math.random());
      const beganMs = performance.now();
      child.process.kill("SIGKILL");
      await until("the end of it", async () => !(await portsInUse(socket)).has(own));
      tookMs.push(performance.now() - beganMs);
    }
    await proxy.stop();
    return { out: findMedian(tookMs), outSlowest: Math.max(...tookMs) };
  });
}

/** A backend is killed: from then until HAProxy, kept right by the agent whose check found it out, sends it nothing more. */
export const OUT: Scenario<"rollcall"> = {
  id: "agent-out",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 120_000,
  measure: (side, { quick }: Effort) =>
    // The last one stays: nothing is emptied.
    withPeer(side, ({ port }) => measure(port, 1 + (quick ? BACKENDS_QUICK : BACKENDS))),
};
