/** Nodes that copy each other, beside three Eureka servers that do. */
import { SPRING_CLOUD } from "../peers/java.ts";
import type { Comparison, Goal, Group, Row } from "../row.ts";
import { SIMULATED, SIMULATED_COUNTS } from "../scenarios/gossip/simulated.ts";
import { VISIBLE } from "../scenarios/gossip/visible.ts";
import { WEIGHT } from "../scenarios/gossip/weight.ts";
import { WRITES } from "../scenarios/gossip/writes.ts";

const EUREKA = `three servers of Spring Cloud ${SPRING_CLOUD} with their defaults`;

function toVisible(count: number, goals: { median?: Goal; p99?: Goal }, beside: boolean): Row[] {
  const title = `a registration at one of ${count} nodes, until all have it`;
  const metrics = [
    [`visible${count}`, "median", goals.median],
    [`visible${count}P99`, "p99", goals.p99],
  ] as const;
  return metrics.map(([ours, what, goal]) => {
    const others: Comparison[] = beside ? [{ peer: "eureka", metric: ours, work: EUREKA }] : [];
    const id = `gossip-visible-${count}${what === "p99" ? "-p99" : ""}`;
    const row: Row = { id, scenario: VISIBLE.id, title: `${title}, ${what}`, unit: "ms", ours, beside: others };
    return goal === undefined ? row : { ...row, goal };
  });
}

function toSimulated(count: number): Row[] {
  const title = `${count} nodes, simulated, messages up to 20 ms under way: until all have a registration`;
  const lossy = `${title}, one message in ten lost, one up to 3 s late`;
  const row = (id: string, ours: string, what: string, unit: Row["unit"] = "ms"): Row => ({
    ...{ id: `gossip-simulated-${count}${id}`, scenario: SIMULATED.id, title: what, unit, ours, beside: [] },
  });
  return [
    row("", `simulated${count}`, `${title}, median`),
    row("-p99", `simulated${count}P99`, `${title}, p99`),
    row("-lossy", `lossy${count}`, `${lossy}, median`),
    row("-lossy-p99", `lossy${count}P99`, `${lossy}, p99`),
    row("-bytes", `bytes${count}`, `what each of ${count} simulated nodes says to the others, idle`, "B/s"),
    row("-cpu", `cpuUs${count}`, `what a registration costs each of ${count} simulated nodes, processor time`, "µs"),
  ];
}

function toBytes(id: string, what: string, ours: string): Row {
  const title = `what each of three nodes sends to the others, ${what}`;
  return { id: `gossip-bytes-${id}`, scenario: WEIGHT.id, title, unit: "B/s", ours, beside: [] };
}

function toWrites(id: string, metric: string, where: string, goal: { atLeast?: number }): Row[] {
  const row = (name: string, ours: string, title: string, unit: Row["unit"]): Row => ({
    ...{ id: `gossip-writes${id}${name}`, scenario: WRITES.id, title, unit, ours, beside: [] },
  });
  const share = row("-share", `${metric}-percent`, `the first in per cent of the second, ${where}`, "%");
  return [
    row("", `copied-${metric}`, `register at one of three nodes, 64 connections, ${where}`, "/s"),
    row("-alone", `alone-${metric}`, `the same at a node without others, ${where}`, "/s"),
    goal.atLeast === undefined ? share : { ...share, goal: { atLeast: goal.atLeast } },
  ];
}

const ROWS: readonly Row[] = [
  ...toVisible(3, {}, true),
  ...toVisible(7, { median: { atMost: 50 }, p99: { atMost: 500 } }, false),
  ...toVisible(31, {}, false),
  ...SIMULATED_COUNTS.flatMap(toSimulated),
  toBytes("0", "idle", "bytes0"),
  toBytes("1000", "1 000 instances beating every 10 s", "few"),
  toBytes("10000", "10 000 instances", "some"),
  toBytes("100000", "100 000 instances", "many"),
  {
    id: "gossip-bytes-share",
    scenario: WEIGHT.id,
    title: "the last in per cent of the first",
    unit: "%",
    ours: "manyPercent",
    goal: { atMost: 120 },
    beside: [],
  },
  {
    id: "gossip-empty",
    scenario: WEIGHT.id,
    title: "a node with an empty directory among 100 000 instances: from its start until it has all",
    unit: "ms",
    ours: "empty",
    goal: { atMost: 5000 },
    beside: [],
  },
  ...toWrites("", "perSecond", "on the same cores", {}),
  ...toWrites("-apart", "apart", "the node and its load on a core of their own", { atLeast: 80 }),
];

export const GOSSIP: Group = {
  id: "gossip",
  title: "Nodes that copy each other, beside Eureka servers that do",
  programs: ["wrk"],
  scenarios: [VISIBLE, SIMULATED, WEIGHT, WRITES],
  rows: ROWS,
};
