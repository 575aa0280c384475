/** `npm run interop [files]`: unmodified clients and peers of other makers against Rollcall. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build, ensurePackages, INTEROP_PACKAGES, ROOT, runTests } from "./steps.mjs";

const folder = join(ROOT, "test/interop");
const given = process.argv.slice(2);
const found = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".test.ts")) : [];
/** What takes minutes, so that nothing long is left for the end. */
const isLong = (file) => /^(node-\d+|faults|etcd-versions)\./.test(file);
const sorted = [...found].sort((one, other) => isLong(other) - isLong(one) || (one < other ? -1 : 1));
const files = given.length > 0 ? given : sorted.map((file) => join("test/interop", file));

await build();
ensurePackages(INTEROP_PACKAGES);
if (files.length === 0) console.log("No interop tests yet.");
else {
  console.log(`Running ${files.join(", ")}`);
  // Half of the time a file waits, for peers and downloads. More at once would bring time limits near.
  process.exitCode = await runTests(["--concurrency=2", "--diagnostics", "--file-minutes=20", ...files]);
}
