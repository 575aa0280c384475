/** Builds what is stale, then becomes `rollcall serve`: same process, so that signals and exit codes are its own. */
import { build, PROGRAM } from "./steps.mjs";

if (process.env.npm_lifecycle_event === "start") stopWithParent();
await build();
process.argv = [process.argv[0], PROGRAM, "serve", ...process.argv.slice(2)];
await import(PROGRAM);

/** npm sends SIGTERM to the shell between npm and us, and the shell ends without passing it on: its end is our signal. */
function stopWithParent() {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, 500);
  timer.unref();
}
