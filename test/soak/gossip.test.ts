/** Many more random lives of nodes that gossip than `npm test` has time for, and others each time. */
import { randomInt } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { LIFE, live } from "../harness/gossip-steps.ts";

test("after 10 000 random lives all nodes have the same", async () => {
  const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
  console.log(`seed ${seed}; the same again with SEED=${seed}`);
  await fc.assert(fc.asyncProperty(LIFE, live), { numRuns: 10_000, seed, includeErrorInReport: true });
});
