/** Consul's HTTP API: one server of Consul with its store on the disk, beside Rollcall. */
import { type Goal, type Group, type Row, SAME } from "../row.ts";
import { CONSUL_BEATS, CONSUL_MEMORY } from "../scenarios/consul/population.ts";
import { CONSUL_SERVE } from "../scenarios/consul/serve.ts";
import { CONSUL_WAKE } from "../scenarios/consul/wake.ts";

function toRow(id: string, scenario: string, title: string, unit: Row["unit"], ours: string, goal?: Goal): Row {
  const comparison = { peer: "consul", metric: ours, work: SAME } as const;
  return { id, scenario, title, unit, ours, beside: [goal === undefined ? comparison : { ...comparison, goal }] };
}

function toBeatRow(id: string, title: string, unit: Row["unit"], ours: string): Row {
  const beside = [{ peer: "consul", metric: ours, work: FEWER } as const];
  return { id, scenario: CONSUL_BEATS.id, title, unit, ours, beside };
}

const SERVE = CONSUL_SERVE.id;
const FEWER = "3 000 of them, passed every 10 s";

const ROWS: readonly Row[] = [
  toRow("consul-register", SERVE, "agent/service/register with a TTL check", "/s", "registrations", { atLeast: 3 }),
  toRow("consul-read", SERVE, "health/service?passing of 100 instances", "/s", "reads", { atLeast: 5 }),
  toRow("consul-kv-get", SERVE, "KV: read one key", "/s", "gets", { atLeast: 5 }),
  toRow("consul-kv-put", SERVE, "KV: put 100 bytes, durable", "/s", "puts", { atLeast: 3 }),
  toRow("consul-wake", CONSUL_WAKE.id, "one change wakes 1 000 blocking queries: the last", "ms", "last", {
    atMost: 0.3,
  }),
  toRow("consul-memory", CONSUL_MEMORY.id, "memory with 10 000 services on 100 nodes", "MB", "memory", { atMost: 0.5 }),
  toBeatRow("consul-beat", "10 000 TTL checks passed every 10 s: p99 of an answer", "ms", "beatP99"),
  toBeatRow("consul-beat-cpu", "the same: processor time for each", "µs", "beatCpuUs"),
];

export const CONSUL: Group = {
  id: "consul",
  title: "Consul's HTTP API, beside Consul itself",
  programs: ["wrk"],
  scenarios: [CONSUL_SERVE, CONSUL_WAKE, CONSUL_MEMORY, CONSUL_BEATS],
  rows: ROWS,
};
