/** The etcd dialect beside Debian's etcd: one server each, fsync on, the same gRPC by the same connections. */
import { type Goal, type Group, type Row, SAME } from "../row.ts";
import { EXPIRY, KEY_WATCHES } from "../scenarios/etcd/crowds.ts";
import { KEY_POPULATION } from "../scenarios/etcd/population.ts";
import { KEY_RATES } from "../scenarios/etcd/rates.ts";

function toRow(id: string, scenario: string, title: string, unit: Row["unit"], ours: string, goal?: Goal): Row {
  const beside = { peer: "etcd", metric: ours, work: SAME } as const;
  return { id, scenario, title, unit, ours, beside: [goal === undefined ? beside : { ...beside, goal }] };
}

const ROWS: readonly Row[] = [
  toRow("etcd-put", KEY_RATES.id, "put of 250 bytes, 64 connections", "/s", "puts", { atLeast: 1 }),
  toRow("etcd-put-shared", KEY_RATES.id, "the same on 8 connections with 8 calls each", "/s", "putsShared"),
  toRow("etcd-range", KEY_RATES.id, "range of 100 keys of 250 bytes, 64 connections", "/s", "ranges", { atLeast: 2 }),
  toRow("etcd-range-shared", KEY_RATES.id, "the same on 8 connections with 8 calls each", "/s", "rangesShared"),
  toRow("etcd-txn", KEY_RATES.id, "transaction of one comparison and one put, 64 connections", "/s", "txns"),
  toRow("etcd-keepalive", KEY_RATES.id, "lease keep-alive, 64 streams on 64 connections", "/s", "keepAlives", {
    atLeast: 1.5,
  }),
  toRow("etcd-keepalive-shared", KEY_RATES.id, "the same on 8 connections", "/s", "keepAlivesShared"),
  toRow("etcd-fanout", KEY_WATCHES.id, "one change to 1 000 watches on 1 000 connections, the last", "ms", "own", {
    atMost: 0.7,
  }),
  toRow("etcd-fanout-shared", KEY_WATCHES.id, "the same, 100 watches on each of 10 connections", "ms", "few", {
    atMost: 0.7,
  }),
  toRow("etcd-expiry", EXPIRY.id, "100 000 leases end within 10 s: how late the last key goes", "ms", "last", {
    atMost: 0.1,
  }),
  toRow("etcd-memory", KEY_POPULATION.id, "100 000 keys with a lease each", "MB", "memory", { atMost: 0.6 }),
  toRow("etcd-memory-restarted", KEY_POPULATION.id, "the same after a restart", "MB", "memoryRestarted"),
  toRow("etcd-restart", KEY_POPULATION.id, "restart with them to the first read of 100 keys", "ms", "restart"),
  toRow("etcd-killed", KEY_POPULATION.id, "the same after kill -9", "ms", "restartKilled"),
];

export const ETCD: Group = {
  id: "etcd",
  title: "The etcd dialect beside etcd",
  programs: [],
  scenarios: [KEY_RATES, KEY_WATCHES, EXPIRY, KEY_POPULATION],
  rows: ROWS,
};
