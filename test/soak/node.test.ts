/** All tests on every version of Node that Rollcall is meant to run on; `npm run interop` runs a part of them. */
import { test } from "node:test";
import { installNode } from "../interop/node-rig.ts";

for (const major of [20, 22, 24, 26]) {
  const node = await installNode(major);
  test(`npm test passes on Node ${major}`, { skip: node.skip }, async (t) => {
    await node.run(t, "node", ["scripts/test.mjs"]);
  });
}
