/** Rollcall's own API beside etcd. A goal is judged like for like: 64 connections on both sides, or the same number of watchers. */
import { type Comparison, type Goal, type Group, type Row, SAME } from "../row.ts";
import { BULK } from "../scenarios/registry/bulk.ts";
import { BUSY } from "../scenarios/registry/busy.ts";
import { CHECKED } from "../scenarios/registry/checks.ts";
import { CONTENTION } from "../scenarios/registry/contention.ts";
import { FANOUT } from "../scenarios/registry/fanout.ts";
import { HEARTBEAT } from "../scenarios/registry/heartbeat.ts";
import { POPULATION } from "../scenarios/registry/population.ts";
import { READ } from "../scenarios/registry/read.ts";
import { REGISTER } from "../scenarios/registry/register.ts";

/** The peer etcd. */
function etcd(metric: string, work: string, goal?: Goal): Comparison[] {
  return [goal === undefined ? { peer: "etcd", metric, work } : { peer: "etcd", metric, work, goal }];
}

function toBusyRow(id: string, what: string, ours: string, beside: Comparison[], atMost?: number): Row {
  const title = `2 000 watchers under 1 000 writes/s: ${what}`;
  const row: Row = { id, scenario: BUSY.id, title, unit: "ms", ours, beside };
  return atMost === undefined ? row : { ...row, goal: { atMost } };
}

function toContentionRow(id: string, what: string, ours: string): Row {
  const title = `64 clients change one thing: ${what}`;
  return { id, scenario: CONTENTION.id, title, unit: "/s", ours, beside: [] };
}

function toCheckRow(id: string, what: string, ours: string, unit: Row["unit"]): Row {
  return { id, scenario: CHECKED.id, title: `10 000 checks by HTTP at 10 s: ${what}`, unit, ours, beside: [] };
}

const ROWS: readonly Row[] = [
  {
    id: "heartbeat",
    scenario: "heartbeat",
    title: "heartbeat, one HTTP request each",
    unit: "/s",
    ours: "heartbeats",
    beside: etcd("separate", "lease keep-alive, 64 streams on 64 connections", { atLeast: 3 }),
  },
  {
    id: "heartbeat-shared",
    scenario: "heartbeat",
    title: "heartbeat, one HTTP request each",
    unit: "/s",
    ours: "heartbeats",
    beside: etcd("shared", "lease keep-alive, 64 streams on 8 connections"),
  },
  {
    id: "register",
    scenario: "register",
    title: "register with a lease of its own, durable",
    unit: "/s",
    ours: "registrations",
    beside: etcd("put", "bare 250-byte put, 64 connections", { atLeast: 1.5 }),
  },
  {
    id: "register-shared",
    scenario: "register",
    title: "register with a lease of its own, durable",
    unit: "/s",
    ours: "registrations",
    beside: etcd("putShared", "bare put, 64 streams on 8 connections"),
  },
  {
    id: "register-lease",
    scenario: "register",
    title: "register with a lease of its own, durable",
    unit: "/s",
    ours: "registrations",
    beside: etcd("grantPut", "lease grant + put, 64 connections"),
  },
  {
    id: "read",
    scenario: "read",
    title: "read a service of 100 instances",
    unit: "/s",
    ours: "reads",
    beside: etcd("range", "range over gRPC, 64 connections", { atLeast: 6 }),
  },
  {
    id: "read-shared",
    scenario: "read",
    title: "read a service of 100 instances",
    unit: "/s",
    ours: "reads",
    beside: etcd("rangeShared", "range over gRPC, 64 streams on 8 connections"),
  },
  {
    id: "read-gateway",
    scenario: "read",
    title: "read a service of 100 instances",
    unit: "/s",
    ours: "reads",
    beside: etcd("gateway", "range over the JSON gateway"),
  },
  {
    id: "fanout",
    scenario: "fanout",
    title: "one change to 1 000 SSE connections",
    unit: "ms",
    ours: "connections",
    beside: etcd("connections", "1 000 watch streams on 1 000 connections", { atMost: 0.7 }),
  },
  {
    id: "fanout-streams",
    scenario: "fanout",
    title: "one change to 1 000 SSE connections",
    unit: "ms",
    ours: "connections",
    beside: etcd("streams", "1 000 watch streams on 10 connections"),
  },
  {
    id: "fanout-multiplexed",
    scenario: "fanout",
    title: "one change to 1 000 subscriptions on 10 connections",
    unit: "ms",
    ours: "multiplexed",
    beside: etcd("multiplexed", "1 000 watches on 10 streams", { atMost: 0.7 }),
  },
  {
    ...toBusyRow("busy", "writes/s", "writes", etcd("writes", SAME)),
    unit: "/s",
    goal: { atLeast: 800 },
  },
  toBusyRow("busy-get", "read of 10 instances beside, 99 of 100", "get", etcd("get", "range of 10 keys"), 50),
  toBusyRow("busy-dns", "DNS question beside, 99 of 100", "dns", [], 50),
  toBusyRow("busy-lag", "longest lag of a watcher", "lag", etcd("lag", SAME), 1000),
  {
    ...toBusyRow("busy-missed", "watchers without every change once and in order", "incomplete", [], 0),
    unit: "watchers",
    each: true,
  },
  {
    id: "memory",
    scenario: "population",
    title: "resident memory, 100 000 leased instances",
    unit: "MB",
    ours: "memory",
    beside: etcd("memory", "100 000 leases with a key each", { atMost: 0.6 }),
  },
  {
    id: "memory-restarted",
    scenario: "population",
    title: "the same after a restart",
    unit: "MB",
    ours: "memoryRestarted",
    beside: etcd("memoryRestarted", "100 000 leases with a key each"),
  },
  {
    id: "restart",
    scenario: "population",
    title: "restart with 100 000 instances to the first read, after SIGTERM",
    unit: "ms",
    ours: "restart",
    beside: etcd("restart", "100 000 leases with a key each", { atMost: 0.7 }),
  },
  {
    id: "restart-killed",
    scenario: "population",
    title: "restart with 100 000 instances to the first read, after kill -9",
    unit: "ms",
    ours: "restartKilled",
    beside: etcd("restartKilled", "100 000 leases with a key each", { atMost: 0.7 }),
  },
  {
    id: "bulk",
    scenario: "bulk",
    title: "1 000 000 leases renewed, 10 000 a request",
    unit: "/s",
    ours: "renewals",
    beside: [],
    goal: { atLeast: 500_000 },
  },
  toCheckRow("checks", "run, of 1 000 a second that are due", "runs", "/s"),
  toCheckRow("checks-cpu", "processor time, in per cent of a core", "cpu", "%"),
  toCheckRow("checks-late", "later than due, on the average", "late", "ms"),
  toCheckRow("checks-stall", "longest stall of the event loop", "stall", "ms"),
  toContentionRow("contention", "PATCH of one instance", "patch"),
  toContentionRow("contention-eureka", "Eureka's metadata of one instance", "eureka"),
  toContentionRow("contention-service", "metadata of one service of Rackspace's API", "service"),
  toContentionRow("contention-session", "metadata of one session, which has a chain of tokens", "session"),
  toContentionRow("contention-dns", "DNS UPDATE of one name", "dns"),
  toContentionRow("contention-beside", "one instance by DNS UPDATE and PATCH beside each other", "beside"),
  toContentionRow("contention-keys", "keys under one parent, numbered where they are decided", "keys"),
  toContentionRow("contention-outside", "the same, numbered by what was read", "keys-outside"),
  {
    ...toContentionRow("contention-tries", "proposals for each change, the most of these", "tries"),
    unit: "tries",
    goal: { atMost: 1 },
    each: true,
  },
  {
    ...toContentionRow("contention-slowest", "the slowest client against the fastest, the least of these", "slowest"),
    unit: "%",
    goal: { atLeast: 50 },
    each: true,
  },
];

export const REGISTRY: Group = {
  id: "registry",
  title: "Rollcall beside etcd",
  programs: ["wrk"],
  scenarios: [HEARTBEAT, REGISTER, READ, FANOUT, BUSY, POPULATION, BULK, CHECKED, CONTENTION],
  rows: ROWS,
};
