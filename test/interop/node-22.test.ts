/** Rollcall on Node 22. */
import { testOnNode } from "./node-rig.ts";

await testOnNode(22);
