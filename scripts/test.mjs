/**
 * `npm test -- [files or folders] [--concurrency=N] [--test-name-pattern=P]`: set-up, then all tests but interop and soak.
 * `npm test -- --changed [revision]`: those that a change can reach, uncommitted or since the revision.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { changedFiles, reachedTests, readCode } from "./changed.mjs";
import { build, ensurePackages, ROOT, runTests } from "./steps.mjs";

const given = process.argv.slice(2);
const places = given.filter((argument) => !argument.startsWith("-"));
const flags = given.filter((argument) => argument.startsWith("-") && argument !== "--changed");
/** What takes longest begins first, so that none of it is left for the end. */
const LONG = [
  "program/protection",
  "etcd/replicator",
  "answers/others",
  "program/kill",
  "answers/history",
  "cli/commands",
  "program/signals",
  "rackspace/accounts",
  "embedded/places",
  "nodes/program",
].map((name) => `test/${name}.test.ts`);
const isOther = (file) => /^test\/(interop|soak)\//.test(file);

const files = given.includes("--changed")
  ? findReached(places[0])
  : (places.length > 0 ? places : ["packages", "test"]).flatMap(findTests);
if (files.length === 0) {
  console.error(`There is no test in ${places.join(", ")}.`);
  process.exit(1);
}
await build();
ensurePackages();
process.exitCode = await runTests([
  ...flags,
  ...LONG.filter((file) => files.includes(file)),
  ...files.filter((file) => !LONG.includes(file)),
]);

/** The file itself, or the tests in a folder and below; those of interop and soak are run by commands of their own. */
function findTests(place) {
  const path = join(ROOT, place);
  if (!existsSync(path) || !statSync(path).isDirectory()) return [place];
  return readdirSync(path, { recursive: true })
    .map((file) => join(place, file))
    .filter((file) => file.endsWith(".test.ts") && !/(^|\/)(node_modules|dist)\//.test(file))
    .filter((file) => !isOther(file))
    .sort();
}

function findReached(revision) {
  let changed;
  try {
    changed = changedFiles(revision);
  } catch (error) {
    console.error(String(error.stderr ?? error.message).trim());
    process.exit(1);
  }
  if (changed.length === 0) {
    console.log("Nothing has changed.");
    process.exit(0);
  }
  const reached = reachedTests(readCode(), changed).set("test/tidy/tidy.test.ts", "reads every file");
  const files = [...reached.keys()].filter((file) => !isOther(file));
  for (const reason of new Set(reached.values()))
    console.log([reason, ...files.filter((file) => reached.get(file) === reason)].join("\n  "));
  if (files.length < reached.size) console.log("Tests of npm run interop or npm run soak are reached as well.");
  console.log(`${changed.length} changed files reach ${files.length} files of tests.\n`);
  return files;
}
