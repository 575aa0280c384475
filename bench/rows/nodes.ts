/** Three nodes over three members of etcd, beside other registries of three servers; all of them and the load on one machine. */
import { type Group, type Row, SAME } from "../row.ts";
import { EMPTY } from "../scenarios/nodes/empty.ts";
import { HEARTBEAT } from "../scenarios/nodes/heartbeat.ts";
import { LAG } from "../scenarios/nodes/lag.ts";
import { LOST } from "../scenarios/nodes/lost.ts";
import { REGISTER } from "../scenarios/nodes/register.ts";

const FROM_THREE = "register at three nodes, 64 connections each";

const ROWS: readonly Row[] = [
  {
    id: "nodes-register",
    scenario: REGISTER.id,
    title: FROM_THREE,
    unit: "/s",
    ours: "registrations",
    goal: { atLeast: 15_000 },
    beside: [
      {
        peer: "etcd",
        metric: "registrations",
        work: "lease grant + put at three members, 64 connections each",
        goal: { atLeast: 0.9 },
      },
      { peer: "consul", metric: "registrations", work: "catalog/register at three servers, 64 connections each" },
      { peer: "zookeeper", metric: "registrations", work: "ephemeral nodes at three servers, 64 sessions each" },
    ],
  },
  {
    id: "nodes-register-slowest",
    scenario: REGISTER.id,
    title: `${FROM_THREE}: the slowest node's share`,
    unit: "%",
    ours: "slowestPercent",
    goal: { atLeast: 20 },
    each: true,
    beside: [],
  },
  {
    id: "nodes-register-p99",
    scenario: REGISTER.id,
    title: `${FROM_THREE}: p99 of an answer, at the slowest`,
    unit: "ms",
    ours: "p99Ms",
    goal: { atMost: 50 },
    beside: [{ peer: "consul", metric: "p99Ms", work: SAME }],
  },
  {
    id: "nodes-register-cost",
    scenario: REGISTER.id,
    title: `${FROM_THREE}: processor time of all servers for one`,
    unit: "µs",
    ours: "cpuUs",
    beside: [
      { peer: "etcd", metric: "cpuUs", work: SAME },
      { peer: "consul", metric: "cpuUs", work: SAME },
      { peer: "zookeeper", metric: "cpuUs", work: SAME },
    ],
  },
  {
    id: "nodes-register-load",
    scenario: REGISTER.id,
    title: `${FROM_THREE}: processor time of the load for one`,
    unit: "µs",
    ours: "loadCpuUs",
    beside: [
      { peer: "etcd", metric: "loadCpuUs", work: SAME },
      { peer: "consul", metric: "loadCpuUs", work: SAME },
      { peer: "zookeeper", metric: "loadCpuUs", work: SAME },
    ],
  },
  {
    id: "nodes-lag",
    scenario: LAG.id,
    title: "one change: sent to A until a watcher at B has it",
    unit: "ms",
    ours: "sentToThere",
    goal: { atMost: 4 },
    beside: [],
  },
  {
    id: "nodes-lag-p99",
    scenario: LAG.id,
    title: "the same, p99",
    unit: "ms",
    ours: "sentToThereP99",
    beside: [],
  },
  {
    id: "nodes-lag-between",
    scenario: LAG.id,
    title: "one change: from a watcher at A to one at B",
    unit: "ms",
    ours: "hereToThere",
    beside: [],
  },
  {
    id: "nodes-heartbeat",
    scenario: HEARTBEAT.id,
    title: "heartbeats at a node that passes them on",
    unit: "/s",
    ours: "forwarded",
    beside: [],
  },
  {
    id: "nodes-heartbeat-kept",
    scenario: HEARTBEAT.id,
    title: "heartbeats at the node that keeps the leases",
    unit: "/s",
    ours: "kept",
    beside: [],
  },
  {
    id: "nodes-heartbeat-share",
    scenario: HEARTBEAT.id,
    title: "the first in per cent of the second",
    unit: "%",
    ours: "percent",
    goal: { atLeast: 80 },
    beside: [],
  },
  {
    id: "nodes-lost-leader",
    scenario: LOST.id,
    title: "etcd's leader killed: the longest pause of changes",
    unit: "ms",
    ours: "leader",
    goal: { atMost: 2000 },
    beside: [],
  },
  {
    id: "nodes-lost-pen",
    scenario: LOST.id,
    title: "the node with the pen killed: the longest pause of changes at another one",
    unit: "ms",
    ours: "pen",
    goal: { atMost: 2000 },
    beside: [],
  },
  {
    id: "nodes-stopped-pen",
    scenario: LOST.id,
    title: "the node with the pen stopped (SIGSTOP): the longest pause of changes at another one",
    unit: "ms",
    ours: "stopped",
    goal: { atMost: 2000 },
    beside: [],
  },
  {
    id: "nodes-empty",
    scenario: EMPTY.id,
    title: "a node with an empty directory among 100 000 instances: until its first read",
    unit: "ms",
    ours: "empty",
    goal: { atMost: 1000 },
    beside: [],
  },
];

export const NODES: Group = {
  id: "nodes",
  title: "Three nodes over etcd, beside three servers of others",
  programs: ["wrk", "etcd"],
  scenarios: [REGISTER, LAG, HEARTBEAT, LOST, EMPTY],
  rows: ROWS,
};
