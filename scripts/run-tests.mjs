/**
 * Runs test files with node:test, each in a process of its own but for those beside the sources, and reports: failures in
 * full where they happen, a line per file, skips with their reasons, a summary. A few files that fail are run once more, by
 * themselves: machines are shared, and what holds then is named as unsteady, with its failure above, instead of failed.
 * What runs is what make-tests.mjs has made of the files; what is shown are the sources.
 */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { inspect, parseArgs } from "node:util";
import { makeTogether, showSources, toMade } from "./make-tests.mjs";
import { ROOT, seconds } from "./steps.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    // Left out: as many as keep the processors busy.
    concurrency: { type: "string" },
    diagnostics: { type: "boolean", default: false },
    "file-minutes": { type: "string", default: "15" },
    "test-name-pattern": { type: "string" },
  },
});
/** More than so many files that fail are no accident. */
const AGAIN_MAX = 3;
/** Most files wait for peers and leases most of their time, some compute: so many at once at least, more while a processor idles. */
const [AT_ONCE_MIN, AT_ONCE_MAX] =
  values.concurrency === undefined
    ? [2 * availableParallelism(), 4 * availableParallelism()]
    : [Number(values.concurrency), Number(values.concurrency)];
const LOOK_MS = 500;
/** Of all processors' time since the last look. */
const IDLE_SHARE_MIN = 0.2;
/** Tests beside the sources: most take longer to load than to run, and those of a part of the house load the same. */
const PART = /^packages\/registry\/src\/(?:dialects\/)?[^/]+\//;
/** What measures its process, or takes over its clock, needs one of its own. */
const NEEDS_OWN = /\bmock\.|\bheapUsed\b|\bcpuUsage\b/;

const startMs = performance.now();
const files = new Map();
const failures = [];
const skips = [];
const unsteady = [];

await runAll(toRuns(positionals), AT_ONCE_MIN, AT_ONCE_MAX);
const failed = [...files].filter(([, entry]) => entry.failed > 0).map(([file]) => file);
if (failed.length > 0 && failed.length <= AGAIN_MAX && positionals.length > failed.length) await runAgain(failed);
summarise();

/** What one process runs: a file, or those of a part of the house, `name` being theirs. */
function toRuns(names) {
  const parts = new Map();
  for (const file of names) {
    const [part = file] = PART.exec(file) ?? [];
    const name = existsSync(join(ROOT, file)) && NEEDS_OWN.test(readFileSync(join(ROOT, file), "utf8")) ? file : part;
    parts.set(name, [...(parts.get(name) ?? []), file]);
  }
  return [...parts].map(([name, own]) =>
    own.length === 1 ? alone(own[0]) : { name, files: own, path: makeTogether(name, own) },
  );
}

function alone(file) {
  return { name: file, files: [file], path: toMade(file) };
}

async function runAll(runs, atLeast, atMost) {
  const left = [...runs];
  const underWay = new Set();
  const idles = watchIdle();
  const begin = () => {
    const one = runFiles(left.shift()).finally(() => underWay.delete(one));
    underWay.add(one);
  };
  while (left.length > 0 || underWay.size > 0) {
    while (left.length > 0 && underWay.size < atLeast) begin();
    await Promise.race([...underWay, pause(LOOK_MS, undefined, { ref: false })]);
    if (left.length > 0 && underWay.size < atMost && idles()) begin();
  }
}

/** Tells whether the processors had little to do since it was asked last, for a while at least. */
function watchIdle() {
  const look = () => {
    const all = cpus().map(({ times }) => times);
    const sum = (kinds) => all.reduce((total, times) => total + kinds.reduce((all, kind) => all + times[kind], 0), 0);
    return { atMs: performance.now(), idle: sum(["idle"]), whole: sum(["user", "nice", "sys", "idle", "irq"]) };
  };
  let last = look();
  return () => {
    if (performance.now() - last.atMs < LOOK_MS) return false;
    const now = look();
    const share = (now.idle - last.idle) / (now.whole - last.whole);
    last = now;
    return share > IDLE_SHARE_MIN;
  };
}

async function runFiles({ name, files: own, path }) {
  for (const file of own) files.set(file, { passed: 0, failed: 0, skipped: 0, tookMs: 0 });
  const beganMs = performance.now();
  // Each by a run of its own: what a test's rig declares would be told as the rig's otherwise.
  const stream = run({
    files: [path],
    concurrency: 1,
    // For one file with all its tests, so that a file that hangs does not hold up the others.
    timeout: Number(values["file-minutes"]) * 60_000,
    ...(values["test-name-pattern"] === undefined ? {} : { testNamePatterns: values["test-name-pattern"] }),
  });
  const fileOf = (data) =>
    own.length === 1 ? name : (own.find((file) => [data.file, data.name].includes(toMade(file))) ?? name);
  stream.on("test:stdout", ({ message }) => process.stdout.write(showSources(message)));
  stream.on("test:stderr", ({ message }) => process.stderr.write(showSources(message)));
  stream.on("test:pass", (data) => keep(fileOf(data), data, true));
  stream.on("test:fail", (data) => keep(fileOf(data), data, false));
  if (values.diagnostics) stream.on("test:diagnostic", (data) => data.file && console.log(data.message));
  const ended = new Promise((resolve) => stream.on("end", resolve));
  stream.resume();
  await ended;
  if (own.length === 1) files.get(name).tookMs = performance.now() - beganMs;
  else if (values["test-name-pattern"] === undefined)
    for (const file of own)
      if (!hasRun(files.get(file))) keep(file, { name: toMade(file), details: { error: "nothing of it ran" } }, false);
}

function hasRun({ passed, failed, skipped }) {
  return passed + failed + skipped > 0;
}

async function runAgain(names) {
  console.log(`\nOnce more, by themselves: ${names.join(", ")}`);
  const before = failures.splice(0);
  for (const name of names) files.delete(name);
  skips.splice(0, skips.length, ...skips.filter((skip) => !names.some((name) => skip.startsWith(`${name}: `))));
  // A part of the house whose process failed, and none of its tests: all of its files.
  const again = names.flatMap((name) => positionals.filter((file) => file === name || PART.exec(file)?.[0] === name));
  await runAll(again.map(alone), 1, 1);
  unsteady.push(...before.filter((failure) => !failures.includes(failure)));
}

function keep(file, data, passed) {
  const entry = files.get(file) ?? { passed: 0, failed: 0, skipped: 0, tookMs: 0 };
  files.set(file, entry);
  const isWhole = data.name === data.file || data.name === toMade(file);
  const name = isWhole ? "the whole file" : data.name;
  if (data.nesting === 0) entry.tookMs += data.details?.duration_ms ?? 0;
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
