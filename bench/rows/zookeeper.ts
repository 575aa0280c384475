/** The zookeeper dialect beside Debian's ZooKeeper: one server each, fsync on, the same load by the same sessions. */
import { type Goal, type Group, type Row, SAME } from "../row.ts";
import { CROWDS } from "../scenarios/zookeeper/crowds.ts";
import { NODES_POPULATION } from "../scenarios/zookeeper/population.ts";
import { RATES } from "../scenarios/zookeeper/rates.ts";

function toRow(id: string, scenario: string, title: string, unit: Row["unit"], ours: string, goal?: Goal): Row {
  const beside = { peer: "zookeeper", metric: ours, work: SAME } as const;
  return { id, scenario, title, unit, ours, beside: [goal === undefined ? beside : { ...beside, goal }] };
}

const ROWS: readonly Row[] = [
  toRow("zookeeper-create", RATES.id, "ephemeral create, 64 sessions with 8 requests each", "/s", "creates", {
    atLeast: 1,
  }),
  toRow("zookeeper-get", RATES.id, "getData of 250 bytes, the same sessions", "/s", "reads", { atLeast: 2 }),
  toRow("zookeeper-list", RATES.id, "getChildren of 100 with a watch, the same sessions", "/s", "lists", {
    atLeast: 2,
  }),
  toRow("zookeeper-fanout", CROWDS.id, "one change to 1 000 watchers, the last", "ms", "fanout", { atMost: 0.4 }),
  toRow("zookeeper-connect", CROWDS.id, "10 000 sessions that connect, 100 at once", "/s", "connects"),
  toRow("zookeeper-ping", CROWDS.id, "the same sessions, all pinging", "/s", "pings"),
  toRow("zookeeper-flood", CROWDS.id, "5 000 sessions of 10 nodes end, 1 000 ping: the slowest answer", "ms", "flood", {
    atMost: 0.2,
  }),
  toRow("zookeeper-memory", NODES_POPULATION.id, "100 000 nodes and 10 000 sessions", "MB", "memory", { atMost: 0.5 }),
  toRow("zookeeper-restart", NODES_POPULATION.id, "restart with 100 000 nodes to the first read", "ms", "restart", {
    atMost: 0.7,
  }),
  toRow("zookeeper-killed", NODES_POPULATION.id, "the same after kill -9", "ms", "restartKilled", { atMost: 0.7 }),
];

export const ZOOKEEPER: Group = {
  id: "zookeeper",
  title: "The zookeeper dialect beside ZooKeeper",
  programs: [],
  scenarios: [RATES, CROWDS, NODES_POPULATION],
  rows: ROWS,
};
