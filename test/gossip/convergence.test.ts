/** Whatever happens to several nodes, after healing they have the same. */
import { test } from "node:test";
import fc from "fast-check";
import { LIFE, live } from "../harness/gossip-steps.ts";

test("after random writes, losses, cuts, clock steps and restarts all nodes have the same", async () => {
  await fc.assert(fc.asyncProperty(LIFE, live), { numRuns: 300, seed: 13, includeErrorInReport: true });
});
