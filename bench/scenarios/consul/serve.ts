import { runJob } from "../../generators/driver.ts";
import type { Rate } from "../../generators/rate.ts";
import { runWrkLoad } from "../../generators/wrk.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { type ConsulSide, withConsul } from "../../peers/consul.ts";
import { measureRates } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const INSTANCES = 100;
/** The whole group is to be done in six minutes. */
const WARM_MS_MAX = 1500;
const MEASURE_MS_MAX = 4000;
/** A peer that is slow is not one that fails. */
const TIMEOUT_S = 10;
const HEALTH = "/v1/health/service/bench-0?passing";
const KEY = "/v1/kv/bench/0001";

async function measure(side: ConsulSide, effort: Effort): Promise<Sample> {
  const span = {
    warmMs: Math.min(effort.warmMs, WARM_MS_MAX),
    measureMs: Math.min(effort.measureMs, MEASURE_MS_MAX),
  };
  return withConsul(side, async (peer) => {
    const { port } = peer;
    const fill = { kind: "consul-fill", port, connections: 8, count: INSTANCES, serviceSize: INSTANCES } as const;
    await runJob(fill, 30_000);
    const { body } = await askOnce(port, "GET", HEALTH);
    const found = (JSON.parse(body.toString("utf8")) as unknown[]).length;
    if (found !== INSTANCES) throw new Error(`${found} of ${INSTANCES} instances are passing`);
    const run =
      (script: string, ...args: string[]) =>
      (): Promise<Rate> =>
        runWrkLoad({ script, port, timeoutS: TIMEOUT_S }, span, args);
    const sample = await measureRates(peer, {
      puts: run("consul-put"),
      gets: run("consul-get", KEY),
      reads: run("consul-get", HEALTH),
      // Last: an agent that has more services takes longer for each.
      registrations: run("consul-register"),
    });
    return { ...sample, bytes: body.length };
  });
}

/** What one client's request costs: services registered and read, keys put and read; 64 connections. */
export const CONSUL_SERVE: Scenario<ConsulSide> = {
  id: "consul-serve",
  rounds: 2,
  sides: ["consul", "rollcall"],
  // The first round may build the peer.
  roundMsMax: 1_000_000,
  measure,
};
