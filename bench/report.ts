/** What a run found, for people and for programs. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import type { Goal, Row, Sample, Side } from "./row.ts";
import { type Summary, summarize } from "./statistics.ts";

/** All rounds of one scenario: the samples that came, or why a side gave none. */
export interface Findings {
  samples: Record<Side, Sample[]>;
  failures: Record<Side, string[]>;
}

export interface Line {
  id: string;
  title: string;
  unit: string;
  etcdWork: string | null;
  etcd: Summary | null;
  rollcall: Summary | null;
  ratio: number | null;
  goal: string | null;
  reached: boolean | null;
  /** Why there is no number. */
  reason: string | null;
}

export interface Report {
  startedAt: string;
  command: string;
  quick: boolean;
  machine: Machine;
  lines: Line[];
  findings: Record<string, Findings>;
}

function summarizeMetric(samples: readonly Sample[], metric: string): Summary | null {
  const values = samples.map((sample) => sample[metric]).filter((value) => value !== undefined);
  return values.length === 0 ? null : summarize(values);
}

function describeGoal(goal: Goal): string {
  if (goal.kind === "absolute") return `≥ ${goal.atLeast.toLocaleString("en")}/s`;
  return "atLeast" in goal ? `≥ ${goal.atLeast} ×` : `≤ ${goal.atMost} ×`;
}

function judge(goal: Goal, ours: number, ratio: number | null): boolean | null {
  if (goal.kind === "absolute") return ours >= goal.atLeast;
  if (ratio === null) return null;
  return "atLeast" in goal ? ratio >= goal.atLeast : ratio <= goal.atMost;
}

/** A row's numbers, from all rounds of its scenario. */
export function toLine(row: Row, findings: Findings): Line {
  const rollcall = summarizeMetric(findings.samples.rollcall, row.ours);
  const etcd = row.theirs === undefined ? null : summarizeMetric(findings.samples.etcd, row.theirs.metric);
  const ratio = rollcall !== null && etcd !== null ? rollcall.median / etcd.median : null;
  const reasons: string[] = [];
  if (rollcall === null) reasons.push(`rollcall: ${findings.failures.rollcall[0] ?? "not run"}`);
  if (row.theirs !== undefined && etcd === null) reasons.push(`etcd: ${findings.failures.etcd[0] ?? "not run"}`);
  return {
    id: row.id,
    title: row.title,
    unit: row.unit,
    etcdWork: row.theirs?.label ?? null,
    etcd,
    rollcall,
    ratio,
    goal: row.goal === undefined ? null : describeGoal(row.goal),
    reached: row.goal === undefined || rollcall === null ? null : judge(row.goal, rollcall.median, ratio),
    reason: reasons.length === 0 ? null : reasons.join("; "),
  };
}

function showNumber(value: number, unit: string): string {
  const text = unit === "ms" && value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
  return unit === "/s" ? `${text}/s` : `${text} ${unit}`;
}

function showSummary(summary: Summary | null, unit: string): string {
  if (summary === null) return "–";
  const range = `${showNumber(summary.min, unit)} – ${showNumber(summary.max, unit)}`;
  return summary.rounds === 1 ? showNumber(summary.median, unit) : `${showNumber(summary.median, unit)} (${range})`;
}

function showRatio(ratio: number | null): string {
  return ratio === null ? "–" : `${ratio.toFixed(2)} ×`;
}

function showReached(line: Line): string {
  if (line.goal === null) return "";
  if (line.reached === null) return "not known";
  return line.reached ? "yes" : "no";
}

const HEAD = ["work", "etcd's work", "etcd", "rollcall", "ratio", "goal", "reached"] as const;

function toCells(line: Line): string[] {
  return [
    line.title,
    line.etcdWork ?? "–",
    showSummary(line.etcd, line.unit),
    showSummary(line.rollcall, line.unit),
    showRatio(line.ratio),
    line.goal ?? "",
    showReached(line),
  ];
}

function toTextLine(line: Line): string[] {
  const goal = line.goal === null ? "" : `   goal ${line.goal}: ${showReached(line)}`;
  const ratio = line.etcdWork === null ? "" : showRatio(line.ratio);
  const etcd = line.etcdWork === null ? [] : [`  etcd      ${showSummary(line.etcd, line.unit)}   ${line.etcdWork}`];
  const reason = line.reason === null ? [] : [`  why       ${line.reason}`];
  return [...etcd, `  ${" ".repeat(10)}${ratio}${goal}`.trimEnd(), ...reason].filter((text) => text !== "");
}

/** The table for a terminal: our number, and under it each of etcd's that it is compared with. */
export function toText(lines: readonly Line[]): string {
  const out: string[] = [];
  let before: string | undefined;
  for (const line of lines) {
    if (line.title !== before)
      out.push("", `${line.title}   [${line.id}]`, `  rollcall  ${showSummary(line.rollcall, line.unit)}`);
    before = line.title;
    out.push(...toTextLine(line));
  }
  return `${out.join("\n")}\n`;
}

export function toMarkdown(report: Report): string {
  const { machine } = report;
  const cells = report.lines.map((line) => toCells(line).map((cell) => cell.replaceAll("|", "\\|")));
  const reasons = report.lines.filter((line) => line.reason !== null);
  return [
    "# Rollcall beside etcd",
    "",
    `${report.startedAt}, \`${report.command}\`${report.quick ? " (a smoke run: too short to trust)" : ""}`,
    "",
    `- machine: ${machine.cores} × ${machine.model}, ${machine.memoryGb} GB, Linux ${machine.kernel}`,
    `- data: ${machine.fileSystem}; load before the run: ${machine.load}`,
    `- Node ${machine.node}; ${machine.etcd}; ${machine.wrk}; ${machine.h2load}`,
    `- Rollcall at commit ${machine.commit}`,
    "",
    "Medians over interleaved rounds, with min – max. What each row does is in [README.md](../README.md).",
    "",
    `| ${HEAD.join(" | ")} |`,
    `| ${HEAD.map(() => "---").join(" | ")} |`,
    ...cells.map((row) => `| ${row.join(" | ")} |`),
    ...(reasons.length > 0 ? ["", ...reasons.map((line) => `- ${line.title}: ${line.reason}`)] : []),
    "",
  ].join("\n");
}

/** Writes `<date>.json` and `latest.md`; answers their paths. */
export function writeReport(report: Report, dir: string): string[] {
  mkdirSync(dir, { recursive: true });
  const json = join(dir, `${report.startedAt.slice(0, 19).replaceAll(":", "-")}.json`);
  const markdown = join(dir, "latest.md");
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(markdown, toMarkdown(report));
  return [json, markdown];
}
