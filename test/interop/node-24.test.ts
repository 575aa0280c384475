/** Rollcall on Node 24. */
import { testOnNode } from "./node-rig.ts";

await testOnNode(24);
