/** 25 faults of three nodes over three members of etcd, under load of all dialects; npm run soak has 200. */
import { test } from "node:test";
import { etcd } from "../etcd/cluster-rig.ts";
import { runSeeds } from "../faults/rig.ts";

const FIRST = Number(process.env.SEED_FIRST ?? 1);
const LAST = Number(process.env.SEED_LAST ?? FIRST + 24);

test(`seeded faults ${FIRST} to ${LAST}`, { skip: etcd.skip }, (t) => runSeeds(t, FIRST, LAST));
