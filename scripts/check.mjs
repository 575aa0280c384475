/** `npm run check`: everything that can be told without starting the program. All checks run; any failure fails. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureDependencies, ROOT, runNode, runTests, seconds, tool } from "./steps.mjs";

const CHECKS = [
  ["biome check", () => runNode([tool("biome"), "check", "--error-on-warnings"])],
  ["tsc -b", () => runNode([tool("tsc"), "-b"])],
  ["types of tests", () => runNode([tool("tsc"), "-p", "tsconfig.test.json"])],
  ["knip", () => runNode([tool("knip"), "--no-progress"])],
  ["package-lock.json", checkLock],
  ["house rules", () => runTests(["test/tidy/tidy.test.ts"])],
];

await ensureDependencies();
const failed = [];
for (const [name, check] of CHECKS) {
  const startMs = performance.now();
  const code = await check();
  console.log(`${code === 0 ? "✓" : "✗"} ${name} (${seconds(startMs)})`);
  if (code !== 0) failed.push(name);
}
if (failed.length > 0) console.error(`\nFailed: ${failed.join(", ")}`);
process.exitCode = failed.length > 0 ? 1 : 0;

/**
 * Addresses in the lock tie everyone to one machine's package registry. A missing optional package (a binary for another
 * system, left out by an `npm install` beside an old node_modules) makes `npm ci` fail on every fresh clone.
 */
function checkLock() {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const bad = Object.entries(packages).flatMap(([path, entry]) => [
    ...(/^https?:/.test(entry.resolved ?? "") ? [`${path} is resolved to ${entry.resolved}`] : []),
    ...Object.keys((!entry.optional && entry.optionalDependencies) || {})
      .filter((name) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`])
      .map((name) => `${path} lacks its optional ${name}`),
  ]);
  for (const sentence of bad) console.error(`package-lock.json: ${sentence}`);
  return bad.length > 0 ? 1 : 0;
}
