/** The least Node that Rollcall runs on. */
import { testOnNode } from "./node-rig.ts";

await testOnNode(20);
