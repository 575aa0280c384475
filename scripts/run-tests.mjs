/**
 * Runs test files with node:test, each in a process of its own, and reports: failures in full where they happen, a line
 * per file, skips with their reasons, a summary. A few files that fail are run once more, by themselves: machines are
 * shared, and what holds then is named as unsteady, with its failure above, instead of failed. What runs is what
 * make-tests.mjs has made of the files; what is shown are the sources.
 */
import { availableParallelism } from "node:os";
import { run } from "node:test";
import { inspect, parseArgs } from "node:util";
import { showSources, toMade } from "./make-tests.mjs";
import { seconds } from "./steps.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    // More than cores: a file waits for peers and leases two thirds of its time.
    concurrency: { type: "string", default: String(Math.min(8, 2 * availableParallelism())) },
    diagnostics: { type: "boolean", default: false },
    "file-minutes": { type: "string", default: "15" },
    "test-name-pattern": { type: "string" },
  },
});
/** More than so many files that fail are no accident. */
const AGAIN_MAX = 3;

const startMs = performance.now();
const files = new Map();
const failures = [];
const skips = [];
const unsteady = [];

await runFiles(positionals, Number(values.concurrency));
const failed = [...files].filter(([, entry]) => entry.failed > 0).map(([file]) => file);
if (failed.length > 0 && failed.length <= AGAIN_MAX && positionals.length > failed.length) await runAgain(failed);
summarise();

/** So many at once, each by a run of its own: what a test's rig declares would be told as the rig's otherwise. */
async function runFiles(names, atOnce) {
  const left = [...names];
  const next = async () => {
    while (left.length > 0) await runFile(left.shift());
  };
  await Promise.all(Array.from({ length: atOnce }, next));
}

async function runFile(file) {
  const entry = { passed: 0, failed: 0, skipped: 0, tookMs: 0 };
  files.set(file, entry);
  const beganMs = performance.now();
  const stream = run({
    files: [toMade(file)],
    concurrency: 1,
    // For one file with all its tests, so that a file that hangs does not hold up the others.
    timeout: Number(values["file-minutes"]) * 60_000,
    ...(values["test-name-pattern"] === undefined ? {} : { testNamePatterns: values["test-name-pattern"] }),
  });
  stream.on("test:stdout", ({ message }) => process.stdout.write(showSources(message)));
  stream.on("test:stderr", ({ message }) => process.stderr.write(showSources(message)));
  stream.on("test:pass", (data) => keep(file, data, true));
  stream.on("test:fail", (data) => keep(file, data, false));
  if (values.diagnostics) stream.on("test:diagnostic", (data) => data.file && console.log(data.message));
  const ended = new Promise((resolve) => stream.on("end", resolve));
  stream.resume();
  await ended;
  entry.tookMs = performance.now() - beganMs;
}

async function runAgain(names) {
  console.log(`\nOnce more, by themselves: ${names.join(", ")}`);
  const before = failures.splice(0);
  for (const name of names) files.delete(name);
  skips.splice(0, skips.length, ...skips.filter((skip) => !names.some((name) => skip.startsWith(`${name}: `))));
  await runFiles(names, 1);
  unsteady.push(...before.filter((failure) => !failures.includes(failure)));
}

function keep(file, data, passed) {
  const name = data.name === toMade(file) ? "the whole file" : data.name;
  const entry = files.get(file);
  if (data.skip !== undefined && data.skip !== false) {
    entry.skipped++;
    skips.push(`${file}: ${name}: ${data.skip === true ? "no reason given" : data.skip}`);
  } else if (!passed) {
    entry.failed++;
    failures.push(`${file}: ${name}`);
    console.log(describe(file, name, data));
  } else if (data.details?.type !== "suite") entry.passed++;
}

function describe(file, name, data) {
  const error = data.details?.error;
  const cause = error?.cause ?? error;
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
  const own = showSources(text).replace(/\n\s+at .*\((?:node:|.*\/node_modules\/).*/g, "");
  return `\n✗ ${file}: ${name}\n${own.replace(/^/gm, "    ")}\n`;
}

function summarise() {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const [file, entry] of files) {
    for (const key of Object.keys(total)) total[key] += entry[key];
    const failed = entry.failed > 0 ? `, ${entry.failed} failed` : "";
    console.log(
      `${entry.failed > 0 ? "✗" : "✓"} ${file}: ${entry.passed} passed${failed} (${(entry.tookMs / 1000).toFixed(1)} s)`,
    );
  }
  if (skips.length > 0) console.log(`\nSkipped:\n  ${skips.join("\n  ")}`);
  if (unsteady.length > 0) console.log(`\nUnsteady, to be mended:\n  ${unsteady.join("\n  ")}`);
  if (failures.length > 0) console.log(`\nFailed:\n  ${failures.join("\n  ")}`);
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped in ${seconds(startMs)}`);
  process.exitCode = total.failed > 0 || total.passed + total.skipped === 0 ? 1 : 0;
}
