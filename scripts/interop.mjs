/** `npm run interop [files]`: unmodified clients and peers of other makers against Rollcall. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build, ensurePackages, INTEROP_PACKAGES, ROOT, runTests } from "./steps.mjs";

const folder = join(ROOT, "test/interop");
const given = process.argv.slice(2);
const found = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".test.ts")) : [];
const files = given.length > 0 ? given : found.sort().map((file) => join("test/interop", file));

await build();
ensurePackages(INTEROP_PACKAGES);
if (files.length === 0) console.log("No interop tests yet.");
else {
  console.log(`Running ${files.join(", ")}`);
  // The first run of a test with Java downloads what that needs.
  process.exitCode = await runTests(["--concurrency=1", "--diagnostics", "--file-minutes=15", ...files]);
}
