/** Builds what is stale, then becomes `rollcall serve`: same process, so that signals and exit codes are its own. */
import { build, PROGRAM } from "./steps.mjs";

await build();
process.argv = [process.argv[0], PROGRAM, "serve", ...process.argv.slice(2)];
await import(PROGRAM);
