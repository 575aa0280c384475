/** Rollcall on Node 26. */
import { testOnNode } from "./node-rig.ts";

await testOnNode(26);
