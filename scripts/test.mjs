/** `npm test [files] [--concurrency=N] [--test-name-pattern=P]`: set-up, then all tests but interop and soak. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build, ensurePackages, ROOT, runTests } from "./steps.mjs";

const given = process.argv.slice(2);
const files = given.filter((argument) => !argument.startsWith("-"));
const flags = given.filter((argument) => argument.startsWith("-"));

await build();
ensurePackages();
process.exitCode = await runTests([...flags, ...(files.length > 0 ? files : findTests())]);

function findTests() {
  return readdirSync(join(ROOT, "test"), { recursive: true })
    .filter((file) => file.endsWith(".test.ts") && !/^(interop|soak)\//.test(file))
    .sort()
    .map((file) => join("test", file));
}
