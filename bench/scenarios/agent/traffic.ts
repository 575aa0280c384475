import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@rollcall/client";
import { Child, findPort, sleep } from "../../host/child.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { startAgent, startBackend } from "../../peers/agent.ts";
import { withPeer } from "../../peers/registry.ts";
import { makeDir, useServer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";

const REGISTRATIONS = 40;
const REGISTRATIONS_QUICK = 10;
const WAIT_MS_MAX = 30_000;

export async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const untilMs = performance.now() + WAIT_MS_MAX;
  while (!(await isSo())) {
    if (performance.now() > untilMs) throw new Error(`waited in vain for ${what}`);
    await sleep(1);
  }
}

export function isAnswering(port: number): Promise<boolean> {
  return askOnce(port, "GET", "/").then(
    () => true,
    () => false,
  );
}

/** Debian's HAProxy as a master with its worker, on the file that the agent writes. */
export function toSynapse(port: number) {
  const dir = makeDir("rollcall");
  const [config, pid] = [join(dir, "haproxy.cfg"), join(dir, "pid")];
  // Below what the name of a socket may have.
  const socket = join("/tmp", `rollcall-bench-${process.pid}-${port}.sock`);
  const haproxy = {
    ...{ config_file_path: config, socket_file_path: socket, bind_address: "127.0.0.1" },
    ...{ check_command: `haproxy -c -f ${config}.candidate`, reload_command: `kill -USR2 $(cat ${pid})` },
    global: [`stats socket ${socket} mode 600 level admin expose-fd listeners`],
    defaults: ["mode http", "timeout connect 2s", "timeout client 10s", "timeout server 10s"],
  };
  const web = {
    discovery: { method: "rollcall", service: "web" },
    haproxy: { port, server_options: "", backend: ["balance roundrobin"] },
  };
  return { synapse: { services: { web }, haproxy }, config, pid, socket };
}

async function measure(port: number, count: number): Promise<Sample> {
  const url = `http://127.0.0.1:${port}`;
  const client = createClient({ url });
  const proxied = await findPort();
  const register = (id: string, own: number) =>
    client.registerOnce({ service: "web", id, address: "127.0.0.1", port: own, ttl: 0 });
  const [old, young] = await Promise.all([startBackend("old"), startBackend("young")]);
  await register("old", old.port);
  const { synapse, config, pid } = toSynapse(proxied);
  const ask = () =>
    askOnce(proxied, "GET", "/").then(
      ({ body }) => body.toString(),
      () => "",
    );
  return useServer(await startAgent(url, { synapse }), async () => {
    await until("a configuration of HAProxy", () => existsSync(config));
    const proxy = new Child("haproxy", "haproxy", ["-W", "-db", "-f", config]);
    // A signal that comes before it listens would end it.
    await until("HAProxy", () => isAnswering(proxied));
    writeFileSync(pid, String(proxy.process.pid));
    await until("an answer through HAProxy", async () => (await ask()) === "old");
    const tookMs: number[] = [];
    for (let nth = 0; nth < count; nth++) {
      const beganMs = performance.now();
      const registered = register("young", young.port);
      await until("the new backend", async () => (await ask()) === "young");
      tookMs.push(performance.now() - beganMs);
      await registered;
      await client.deregister("web", "young");
      // Requests go to both in turn: two of the old one's say that the other is out.
      await until("the end of it", async () => (await ask()) === "old" && (await ask()) === "old");
    }
    await proxy.stop();
    return { traffic: findMedian(tookMs), trafficSlowest: Math.max(...tookMs) };
  });
}

/** From just before an instance is registered until HAProxy, kept right by an agent, has sent it the first request. */
export const TRAFFIC: Scenario<"rollcall"> = {
  id: "agent-traffic",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 120_000,
  measure: (side, { quick }: Effort) =>
    withPeer(side, ({ port }) => measure(port, quick ? REGISTRATIONS_QUICK : REGISTRATIONS)),
};
