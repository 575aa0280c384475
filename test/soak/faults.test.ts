/** 200 faults of three nodes over three members of etcd, under load of all dialects: other ones than npm run interop has. */
import { test } from "node:test";
import { etcd } from "../etcd/cluster-rig.ts";
import { runSeeds } from "../faults/rig.ts";

const FIRST = Number(process.env.SEED_FIRST ?? 101);
const LAST = Number(process.env.SEED_LAST ?? FIRST + 199);

test(`seeded faults ${FIRST} to ${LAST}`, { skip: etcd.skip, timeout: 10 * 3600 * 1000 }, (t) =>
  runSeeds(t, FIRST, LAST),
);
