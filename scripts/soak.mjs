/** `npm run soak [files]`: the tests of test/soak, which take long on purpose. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build, ROOT, runTests } from "./steps.mjs";

const folder = join(ROOT, "test/soak");
const given = process.argv.slice(2);
const found = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".test.ts")) : [];

await build();
const files = given.length > 0 ? given : found.sort().map((file) => join("test/soak", file));
process.exitCode = await runTests(["--concurrency=1", "--diagnostics", "--file-minutes=600", ...files]);
