/** `npm run bench [arguments]`: Rollcall beside real peers. */
import { build, runNode } from "./steps.mjs";

await build();
process.exitCode = await runNode(["--import", "tsx", "bench/main.ts", ...process.argv.slice(2)]);
