/** Nodes that copy each other, beside three Eureka servers that do. */
import { SPRING_CLOUD } from "../peers/java.ts";
import type { Comparison, Goal, Group, Row } from "../row.ts";
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

function toBytes(id: string, what: string, ours: string): Row {
  const title = `what each of three nodes sends to the others, ${what}`;
  return { id: `gossip-bytes-${id}`, scenario: WEIGHT.id, title, unit: "B/s", ours, beside: [] };
}

const ROWS: readonly Row[] = [
  ...toVisible(3, {}, true),
  ...toVisible(7, { median: { atMost: 50 }, p99: { atMost: 500 } }, false),
  ...toVisible(31, {}, false),
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
  {
    id: "gossip-writes",
    scenario: WRITES.id,
    title: "register at one of three nodes, 64 connections",
    unit: "/s",
    ours: "copied",
    beside: [],
  },
  {
    id: "gossip-writes-alone",
    scenario: WRITES.id,
    title: "the same at a node without others",
    unit: "/s",
    ours: "alone",
    beside: [],
  },
  {
    id: "gossip-writes-share",
    scenario: WRITES.id,
    title: "the first in per cent of the second",
    unit: "%",
    ours: "percent",
    goal: { atLeast: 80 },
    beside: [],
  },
];

export const GOSSIP: Group = {
  id: "gossip",
  title: "Nodes that copy each other, beside Eureka servers that do",
  programs: ["wrk"],
  scenarios: [VISIBLE, WEIGHT, WRITES],
  rows: ROWS,
};
