/** `npm run bench [-- --quick] [--only row,row] [--rounds n] [--side etcd|rollcall]` */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readMachine } from "./machine.ts";
import { PROGRAM, removeDirs } from "./peer.ts";
import { requirePrograms } from "./programs.ts";
import { type Findings, type Report, toLine, toText, writeReport } from "./report.ts";
import type { Effort, Sample, Scenario, Side } from "./row.ts";
import { ROWS, SCENARIOS } from "./rows.ts";

const ROOT = join(import.meta.dirname, "..");
const RESULTS = join(import.meta.dirname, "results");

const FULL: Effort = {
  quick: false,
  warmMs: 3000,
  measureMs: 6000,
  changes: 60,
  population: 100_000,
  leases: 1_000_000,
};
const QUICK: Effort = { quick: true, warmMs: 1000, measureMs: 2000, changes: 15, population: 10_000, leases: 50_000 };

interface Options {
  effort: Effort;
  rounds: number | undefined;
  only: readonly string[];
  sides: readonly Side[];
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      rounds: { type: "string" },
      side: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const ids = ROWS.map((row) => row.id);
  if (values.help) {
    say("npm run bench -- [--quick] [--only row,row] [--rounds n] [--side etcd|rollcall]");
    say(`rows: ${ids.join(", ")}`);
    process.exit(0);
  }
  const only = values.only === undefined ? ids : values.only.split(",");
  const unknown = only.filter((id) => !ids.includes(id));
  if (unknown.length > 0) throw new Error(`no such row: ${unknown.join(", ")}. Rows: ${ids.join(", ")}`);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) throw new Error("--rounds takes 1 or more");
  if (values.side !== undefined && values.side !== "etcd" && values.side !== "rollcall")
    throw new Error("--side takes etcd or rollcall");
  const sides: Side[] = values.side === undefined ? ["etcd", "rollcall"] : [values.side];
  return { effort: values.quick ? QUICK : FULL, rounds, only, sides };
}

/** Why a side cannot take part at all; undefined when it can. */
function findObstacle(side: Side, missing: readonly string[]): string | undefined {
  if (missing.includes("wrk")) return "wrk is not installed";
  if (side === "etcd" && missing.length > 0) return `${missing.join(", ")} is not installed`;
  if (side === "rollcall" && !existsSync(PROGRAM)) return "it is not built: npm run build";
  return undefined;
}

async function measureInTime(scenario: Scenario, side: Side, effort: Effort): Promise<Sample> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const tell = (): void => reject(new Error(`a round took longer than ${scenario.roundMsMax / 1000} s`));
    timer = setTimeout(tell, scenario.roundMsMax);
  });
  try {
    return await Promise.race([scenario.measure(side, effort), late]);
  } finally {
    clearTimeout(timer);
  }
}

function showSample(sample: Sample): string {
  return Object.entries(sample)
    .map(([metric, value]) => `${metric} ${value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en")}`)
    .join(", ");
}

/** Rounds by turns, A B A B: what else the machine does meets both sides alike. */
async function runScenario(scenario: Scenario, options: Options, missing: readonly string[]): Promise<Findings> {
  const findings: Findings = { samples: { etcd: [], rollcall: [] }, failures: { etcd: [], rollcall: [] } };
  const rounds = options.rounds ?? (options.effort.quick ? 1 : scenario.rounds);
  for (let round = 0; round < rounds; round++) {
    for (const side of scenario.sides.filter((each) => options.sides.includes(each))) {
      const obstacle = findObstacle(side, missing);
      if (obstacle !== undefined) {
        findings.failures[side].push(obstacle);
        continue;
      }
      try {
        const sample = await measureInTime(scenario, side, options.effort);
        findings.samples[side].push(sample);
        say(`${scenario.id} ${round + 1}/${rounds} ${side}: ${showSample(sample)}`);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        findings.failures[side].push(reason);
        say(`${scenario.id} ${round + 1}/${rounds} ${side}: failed: ${reason}`);
      }
    }
  }
  return findings;
}

async function main(): Promise<void> {
  const options = readOptions();
  const missing = requirePrograms(say);
  const machine = readMachine(ROOT);
  const startedAt = new Date().toISOString();
  const rows = ROWS.filter((row) => options.only.includes(row.id));
  const report: Report = {
    startedAt,
    command: ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(" "),
    quick: options.effort.quick,
    machine,
    lines: [],
    findings: {},
  };
  for (const scenario of SCENARIOS) {
    const own = rows.filter((row) => row.scenario === scenario.id);
    if (own.length === 0) continue;
    const findings = await runScenario(scenario, options, missing);
    report.findings[scenario.id] = findings;
    report.lines.push(...own.map((row) => toLine(row, findings)));
  }
  process.stdout.write(`\n${toText(report.lines)}\n`);
  if (report.quick)
    say("a smoke run: rounds of 2 s, 10 000 instances and 50 000 leases only; the goals are meant for the whole run");
  // A run of some rows, or a smoke run, does not take the place of the last whole one.
  const whole = !options.effort.quick && rows.length === ROWS.length && options.sides.length === 2;
  const dir = whole ? RESULTS : join(ROOT, ".cache", "bench", "results");
  for (const path of writeReport(report, dir)) say(`written: ${path}`);
}

process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
try {
  await main();
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  removeDirs();
}
process.exit();
