/** `npm test [files or folders] [--concurrency=N] [--test-name-pattern=P]`: set-up, then all tests but interop and soak. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { build, ensurePackages, ROOT, runTests } from "./steps.mjs";

const given = process.argv.slice(2);
const places = given.filter((argument) => !argument.startsWith("-"));
const flags = given.filter((argument) => argument.startsWith("-"));

const files = places.length > 0 ? places.flatMap(findTests) : ["packages", "test"].flatMap(findTests);
if (files.length === 0) {
  console.error(`There is no test in ${places.join(", ")}.`);
  process.exit(1);
}
await build();
ensurePackages();
process.exitCode = await runTests([...flags, ...files]);

/** The file itself, or the tests in a folder and below; those of interop and soak are run by commands of their own. */
function findTests(place) {
  const path = join(ROOT, place);
  if (!existsSync(path) || !statSync(path).isDirectory()) return [place];
  return readdirSync(path, { recursive: true })
    .map((file) => join(place, file))
    .filter((file) => file.endsWith(".test.ts") && !/(^|\/)(node_modules|dist)\//.test(file))
    .filter((file) => !/^test\/(interop|soak)\//.test(file))
    .sort();
}
