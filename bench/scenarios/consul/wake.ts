import { runJob } from "../../generators/driver.ts";
import { type ConsulSide, withConsul } from "../../peers/consul.ts";
import type { Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";

const WATCHERS = 1000;
const CHANGES_MAX = 15;

/** One change to 1 000 blocking queries: the median time from sending it until the last of them is answered. */
export const CONSUL_WAKE: Scenario<ConsulSide> = {
  id: "consul-wake",
  rounds: 2,
  sides: ["consul", "rollcall"],
  roundMsMax: 1_000_000,
  measure: (side, effort) =>
    withConsul(side, async ({ port }) => {
      const changes = Math.min(effort.changes, CHANGES_MAX);
      const job = { kind: "consul-fanout", port, watchers: WATCHERS, connections: WATCHERS } as const;
      const { lagsMs } = await runJob({ ...job, watchesPerStream: 1, changes }, 120_000);
      return { last: findMedian(lagsMs ?? []) };
    }),
};
