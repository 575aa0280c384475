/** Every line of the table. A goal is judged like for like: 64 connections on both sides, or the same number of watchers. */
import type { Row, Scenario } from "./row.ts";
import { BULK } from "./scenarios/bulk.ts";
import { FANOUT } from "./scenarios/fanout.ts";
import { HEARTBEAT } from "./scenarios/heartbeat.ts";
import { POPULATION } from "./scenarios/population.ts";
import { READ } from "./scenarios/read.ts";
import { REGISTER } from "./scenarios/register.ts";

export const SCENARIOS: readonly Scenario[] = [HEARTBEAT, REGISTER, READ, FANOUT, POPULATION, BULK];

export const ROWS: readonly Row[] = [
  {
    id: "heartbeat",
    scenario: "heartbeat",
    title: "heartbeat, one HTTP request each",
    unit: "/s",
    ours: "heartbeats",
    theirs: { metric: "separate", label: "lease keep-alive, 64 streams on 64 connections" },
    goal: { kind: "ratio", atLeast: 3 },
  },
  {
    id: "heartbeat-shared",
    scenario: "heartbeat",
    title: "heartbeat, one HTTP request each",
    unit: "/s",
    ours: "heartbeats",
    theirs: { metric: "shared", label: "lease keep-alive, 64 streams on 8 connections" },
  },
  {
    id: "register",
    scenario: "register",
    title: "register with a lease of its own, durable",
    unit: "/s",
    ours: "registrations",
    theirs: { metric: "put", label: "bare 250-byte put, 64 connections" },
    goal: { kind: "ratio", atLeast: 1.5 },
  },
  {
    id: "register-shared",
    scenario: "register",
    title: "register with a lease of its own, durable",
    unit: "/s",
    ours: "registrations",
    theirs: { metric: "putShared", label: "bare put, 64 streams on 8 connections" },
  },
  {
    id: "register-lease",
    scenario: "register",
    title: "register with a lease of its own, durable",
    unit: "/s",
    ours: "registrations",
    theirs: { metric: "grantPut", label: "lease grant + put, 64 connections" },
  },
  {
    id: "read",
    scenario: "read",
    title: "read a service of 100 instances",
    unit: "/s",
    ours: "reads",
    theirs: { metric: "range", label: "range over gRPC, 64 connections" },
    goal: { kind: "ratio", atLeast: 6 },
  },
  {
    id: "read-shared",
    scenario: "read",
    title: "read a service of 100 instances",
    unit: "/s",
    ours: "reads",
    theirs: { metric: "rangeShared", label: "range over gRPC, 64 streams on 8 connections" },
  },
  {
    id: "read-gateway",
    scenario: "read",
    title: "read a service of 100 instances",
    unit: "/s",
    ours: "reads",
    theirs: { metric: "gateway", label: "range over the JSON gateway" },
  },
  {
    id: "fanout",
    scenario: "fanout",
    title: "one change to 1 000 SSE connections",
    unit: "ms",
    ours: "connections",
    theirs: { metric: "connections", label: "1 000 watch streams on 1 000 connections" },
    goal: { kind: "ratio", atMost: 0.7 },
  },
  {
    id: "fanout-streams",
    scenario: "fanout",
    title: "one change to 1 000 SSE connections",
    unit: "ms",
    ours: "connections",
    theirs: { metric: "streams", label: "1 000 watch streams on 10 connections" },
  },
  {
    id: "fanout-multiplexed",
    scenario: "fanout",
    title: "one change to 1 000 subscriptions on 10 connections",
    unit: "ms",
    ours: "multiplexed",
    theirs: { metric: "multiplexed", label: "1 000 watches on 10 streams" },
    goal: { kind: "ratio", atMost: 0.7 },
  },
  {
    id: "memory",
    scenario: "population",
    title: "resident memory, 100 000 leased instances",
    unit: "MB",
    ours: "memory",
    theirs: { metric: "memory", label: "100 000 leases with a key each" },
    goal: { kind: "ratio", atMost: 0.6 },
  },
  {
    id: "memory-restarted",
    scenario: "population",
    title: "the same after a restart",
    unit: "MB",
    ours: "memoryRestarted",
    theirs: { metric: "memoryRestarted", label: "100 000 leases with a key each" },
  },
  {
    id: "restart",
    scenario: "population",
    title: "restart with 100 000 instances to the first read, after SIGTERM",
    unit: "ms",
    ours: "restart",
    theirs: { metric: "restart", label: "100 000 leases with a key each" },
    goal: { kind: "ratio", atMost: 0.7 },
  },
  {
    id: "restart-killed",
    scenario: "population",
    title: "restart with 100 000 instances to the first read, after kill -9",
    unit: "ms",
    ours: "restartKilled",
    theirs: { metric: "restartKilled", label: "100 000 leases with a key each" },
    goal: { kind: "ratio", atMost: 0.7 },
  },
  {
    id: "bulk",
    scenario: "bulk",
    title: "1 000 000 leases renewed, 10 000 a request",
    unit: "/s",
    ours: "renewals",
    goal: { kind: "absolute", atLeast: 500_000 },
  },
];
