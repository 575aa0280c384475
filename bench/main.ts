/** `npm run bench`: runs groups of rows, one after the other; see options.ts for what may be asked. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { killChildren } from "./host/child.ts";
import { readMachine } from "./host/machine.ts";
import { listPrograms, requirePrograms } from "./host/programs.ts";
import { listSides, type Options, readOptions, type Wanted } from "./options.ts";
import { PROGRAM, removeDirs } from "./peers/server.ts";
import { type Findings, type Report, toLine, toText, writeReport } from "./report.ts";
import type { Effort, Group, Program, Sample, Scenario, Side } from "./row.ts";

const ROOT = join(import.meta.dirname, "..");
const RESULTS = join(import.meta.dirname, "results");

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Why a side cannot take part at all; undefined when it can. */
function findObstacle(group: Group, side: Side, missing: readonly Program[]): string | undefined {
  const lacking = [...group.programs, ...listPrograms([side])].filter((program) => missing.includes(program));
  if (lacking.length > 0) return `${lacking.join(", ")} is not installed`;
  if (side === "rollcall" && !existsSync(PROGRAM)) return "it is not built: npm run build";
  return undefined;
}

/** A round that takes too long is ended with all of its processes, or they would go on beside the next one. */
async function measureInTime(scenario: Scenario, side: Side, effort: Effort): Promise<Sample> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    killChildren();
  }, scenario.roundMsMax);
  try {
    return await scenario.measure(side, effort);
  } catch (error) {
    throw late ? new Error(`a round took longer than ${scenario.roundMsMax / 1000} s`) : error;
  } finally {
    clearTimeout(timer);
  }
}

function showSample(sample: Sample): string {
  return Object.entries(sample)
    .map(([metric, value]) => `${metric} ${value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en")}`)
    .join(", ");
}

/** Rounds by turns, A B C A B C: what else the machine does meets all sides alike. */
async function runScenario(
  group: Group,
  scenario: Scenario,
  options: Options,
  missing: readonly Program[],
): Promise<Findings> {
  const rounds = options.rounds ?? (options.effort.quick ? 1 : scenario.rounds);
  const sides = scenario.sides.filter((side) => options.sides?.includes(side) ?? true);
  const findings: Findings = { samples: {}, failures: {} };
  for (const side of sides) {
    findings.samples[side] = [];
    findings.failures[side] = [];
  }
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) {
      const own = Math.min(rounds, scenario.roundsMax?.[side] ?? rounds);
      if (round >= own) continue;
      const obstacle = findObstacle(group, side, missing);
      if (obstacle !== undefined) {
        findings.failures[side]?.push(obstacle);
        continue;
      }
      try {
        const sample = await measureInTime(scenario, side, options.effort);
        findings.samples[side]?.push(sample);
        say(`${scenario.id} ${round + 1}/${own} ${side}: ${showSample(sample)}`);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        findings.failures[side]?.push(reason);
        say(`${scenario.id} ${round + 1}/${own} ${side}: failed: ${reason}`);
      }
    }
  }
  return findings;
}

/** Runs the wanted rows of a group, shows them and writes them down. */
async function runGroup({ group, rows }: Wanted, options: Options): Promise<void> {
  const sides = listSides(group).filter((side) => options.sides?.includes(side) ?? true);
  const programs = [...new Set([...group.programs, ...listPrograms(sides)])];
  const missing = requirePrograms(programs, say);
  const report: Report = {
    group: group.id,
    title: group.title,
    startedAt: new Date().toISOString(),
    command: ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(" "),
    quick: options.effort.quick,
    machine: readMachine(ROOT, programs),
    lines: [],
    findings: {},
  };
  for (const scenario of group.scenarios) {
    const own = rows.filter((row) => row.scenario === scenario.id);
    if (own.length === 0) continue;
    const findings = await runScenario(group, scenario, options, missing);
    report.findings[scenario.id] = findings;
    report.lines.push(...own.map((row) => toLine(row, findings)));
  }
  process.stdout.write(`\n${toText(report)}\n`);
  // A run of some rows or sides, or a smoke run, does not take the place of the group's last whole one.
  const whole = !options.effort.quick && rows.length === group.rows.length && options.sides === undefined;
  const dir = whole ? RESULTS : join(ROOT, ".cache", "bench", "results");
  for (const path of writeReport(report, dir)) say(`written: ${path}`);
}

async function main(): Promise<void> {
  const options = readOptions();
  if (typeof options === "string") {
    say(options);
    return;
  }
  for (const wanted of options.wanted) await runGroup(wanted, options);
  if (options.effort.quick)
    say("a smoke run: rounds of 2 s, 10 000 instances and 50 000 leases only; the goals are meant for the whole run");
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
