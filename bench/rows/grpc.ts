/** The native API by gRPC beside what etcd has for the same, by the same driver. */
import type { Comparison, Group, Row } from "../row.ts";
import { GRPC_CROWDS } from "../scenarios/grpc/crowds.ts";
import { GRPC_RATES } from "../scenarios/grpc/rates.ts";

const etcd = (metric: string, work: string, goal?: Comparison["goal"]): Comparison => ({
  peer: "etcd",
  metric,
  work,
  ...(goal !== undefined && { goal }),
});

const rate = (id: string, title: string, ours: string, beside: readonly Comparison[]): Row => ({
  id,
  scenario: GRPC_RATES.id,
  title,
  unit: "/s",
  ours,
  beside,
});

const lag = (id: string, title: string, ours: string, beside: readonly Comparison[]): Row => ({
  id,
  scenario: GRPC_CROWDS.id,
  title,
  unit: "ms",
  ours,
  beside,
});

const ROWS: readonly Row[] = [
  rate("grpc-heartbeat", "heartbeat on an open stream, 64 on 64 connections", "beats", [
    etcd("beats", "lease keep-alive", { atLeast: 2 }),
  ]),
  rate("grpc-heartbeat-shared", "the same on 8 connections", "beatsShared", [
    etcd("beatsShared", "lease keep-alive, 64 streams on 8 connections"),
  ]),
  rate("grpc-register", "registration of 250 bytes with a lease of its own, 64 connections", "registrations", [
    etcd("registrations", "put of 250 bytes, no lease", { atLeast: 1 }),
    etcd("grantsPuts", "lease grant, then put with it"),
  ]),
  rate("grpc-register-shared", "the same on 8 connections with 8 calls each", "registrationsShared", [
    etcd("registrationsShared", "put, 8 connections with 8 calls each"),
  ]),
  lag("grpc-fanout", "one change to 1 000 watchers on 1 000 connections, the last", "own", [
    etcd("own", "watch streams on as many connections", { atMost: 0.7 }),
  ]),
  lag("grpc-fanout-shared", "the same, 100 streams on each of 10 connections", "few", [
    etcd("few", "watch streams on 10 connections"),
  ]),
  lag("grpc-eds", "one change of endpoints to 1 000 clients of xDS, the last", "endpoints", [
    etcd("own", "watch streams on as many connections"),
  ]),
];

export const GRPC: Group = {
  id: "grpc",
  title: "Rollcall's own API by gRPC beside etcd",
  programs: [],
  scenarios: [GRPC_RATES, GRPC_CROWDS],
  rows: ROWS,
};
