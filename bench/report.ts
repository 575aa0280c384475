/** What a run of a group found, for people and for programs. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "./host/machine.ts";
import {
  type Comparison,
  type Documented,
  type Goal,
  type PeerName,
  type Row,
  SAME,
  type Sample,
  type Side,
} from "./row.ts";
import { type Summary, summarize } from "./statistics.ts";

/** A round that lost a larger part of its queries is marked. */
const LOST_PERCENT_MAX = 0.1;

/** All rounds of one scenario: the samples that came, or why a side gave none. */
export interface Findings {
  samples: Partial<Record<Side, Sample[]>>;
  failures: Partial<Record<Side, string[]>>;
}

export interface Figure extends Summary {
  /** Rounds that lost too many queries. */
  lossy: number;
}

export interface Verdict {
  goal: string | null;
  reached: boolean | null;
}

export interface PeerLine extends Verdict {
  peer: PeerName;
  work: string;
  figure: Figure | null;
  /** Ours divided by the peer's. */
  ratio: number | null;
}

/** Goal and verdict of the line itself are about our own number. */
export interface Line extends Verdict {
  id: string;
  title: string;
  unit: Row["unit"];
  rollcall: Figure | null;
  beside: PeerLine[];
  /** Not measured. */
  documented: readonly Documented[];
  /** Why numbers are missing. */
  reason: string | null;
}

export interface Report {
  group: string;
  title: string;
  startedAt: string;
  command: string;
  quick: boolean;
  machine: Machine;
  lines: Line[];
  findings: Record<string, Findings>;
}

function toFigure(findings: Findings, side: Side, metric: string): Figure | null {
  const samples = (findings.samples[side] ?? []).filter((sample) => sample[metric] !== undefined);
  if (samples.length === 0) return null;
  const lossy = samples.filter((sample) => (sample[`${metric}LostPercent`] ?? 0) > LOST_PERCENT_MAX).length;
  return { ...summarize(samples.map((sample) => sample[metric] ?? Number.NaN)), lossy };
}

function isReached(goal: Goal, value: number): boolean {
  return "atLeast" in goal ? value >= goal.atLeast : value <= goal.atMost;
}

function judge(goal: Goal | undefined, value: number | null, show: (bound: number) => string): Verdict {
  if (goal === undefined) return { goal: null, reached: null };
  const shown = "atLeast" in goal ? `≥ ${show(goal.atLeast)}` : `≤ ${show(goal.atMost)}`;
  return { goal: shown, reached: value === null ? null : isReached(goal, value) };
}

function toPeerLine(comparison: Comparison, findings: Findings, ours: Figure | null): PeerLine {
  const { peer, work, metric, goal } = comparison;
  const figure = toFigure(findings, peer, metric);
  const ratio = ours === null || figure === null ? null : ours.median / figure.median;
  return { peer, work, figure, ratio, ...judge(goal, ratio, (bound) => `${bound} ×`) };
}

/** The number that a row's own goal is about: the median, or that of the worst round. */
function toJudged({ goal, each }: Row, figure: Figure | null): number | null {
  if (figure === null || goal === undefined) return null;
  if (each === undefined) return figure.median;
  return "atLeast" in goal ? figure.min : figure.max;
}

/** A row's numbers, from all rounds of its scenario. */
export function toLine(row: Row, findings: Findings): Line {
  const { id, title, unit, goal, documented = [] } = row;
  const rollcall = toFigure(findings, "rollcall", row.ours);
  const beside = row.beside.map((comparison) => toPeerLine(comparison, findings, rollcall));
  const without: Side[] = beside.filter(({ figure }) => figure === null).map(({ peer }) => peer);
  if (rollcall === null) without.unshift("rollcall");
  const reasons = without.map((side) => `${side}: ${findings.failures[side]?.[0] ?? "not run"}`);
  const verdict = judge(goal, toJudged(row, rollcall), (bound) => showNumber(bound, unit));
  const reason = reasons.length === 0 ? null : reasons.join("; ");
  return { id, title, unit, rollcall, beside, documented, ...verdict, reason };
}

function showNumber(value: number, unit: Row["unit"]): string {
  const text = unit === "ms" && value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
  return unit === "/s" ? `${text}/s` : `${text} ${unit}`;
}

function showFigure(figure: Figure | null, unit: Row["unit"]): string {
  if (figure === null) return "–";
  const range = `${showNumber(figure.min, unit)} – ${showNumber(figure.max, unit)}`;
  const median = `${showNumber(figure.median, unit)}${figure.lossy > 0 ? "*" : ""}`;
  return figure.rounds === 1 ? median : `${median} (${range})`;
}

function showRatio(ratio: number | null): string {
  return ratio === null ? "–" : `${ratio.toFixed(2)} ×`;
}

function showReached({ goal, reached }: Verdict): string {
  if (goal === null) return "";
  if (reached === null) return "not known";
  return reached ? "yes" : "no";
}

function showLossy(lines: readonly Line[]): string[] {
  const figures = lines.flatMap((line) => [line.rollcall, ...line.beside.map(({ figure }) => figure)]);
  return figures.some((figure) => figure !== null && figure.lossy > 0)
    ? [`\\* a round lost more than ${LOST_PERCENT_MAX} % of its queries`]
    : [];
}

const HEAD = ["work", "beside", "doing", "its number", "rollcall", "ratio", "goal", "reached"] as const;

const NOT_MEASURED = "documented, not measured";

function showDocumented(value: number, unit: Row["unit"]): string {
  return `up to ${showNumber(value, unit)}`;
}

/** A line of the table for each peer; one for a number of ours alone, or that has a goal of its own. */
function toCells(line: Line): string[][] {
  const ours = showFigure(line.rollcall, line.unit);
  const cells = line.beside.map((each) => [
    ...[line.title, each.peer, each.work, showFigure(each.figure, line.unit), ours],
    ...[showRatio(each.ratio), each.goal ?? "", showReached(each)],
  ]);
  for (const { peer, work, value } of line.documented)
    cells.push([line.title, `${peer}, ${NOT_MEASURED}`, work, showDocumented(value, line.unit), ours, "–", "", ""]);
  if (line.beside.length === 0 || line.goal !== null)
    cells.push([line.title, "–", "–", "–", ours, "–", line.goal ?? "", showReached(line)]);
  return cells;
}

function showVerdict(verdict: Verdict): string {
  return verdict.goal === null ? "" : `   goal ${verdict.goal}: ${showReached(verdict)}`;
}

function toTextLines(line: Line): string[] {
  const out = line.beside.map((each) =>
    [
      `  ${each.peer.padEnd(8)}  ${showFigure(each.figure, line.unit)}   ${showRatio(each.ratio)}`,
      `${showVerdict(each)}${each.work === SAME ? "" : `   ${each.work}`}`,
    ].join(""),
  );
  for (const { peer, work, value } of line.documented)
    out.push(`  ${NOT_MEASURED}: ${peer}  ${showDocumented(value, line.unit)}   ${work}`);
  if (line.goal !== null) out.push(`  ${" ".repeat(7)}${showVerdict(line)}`);
  if (line.reason !== null) out.push(`  why       ${line.reason}`);
  return out;
}

/** The table for a terminal: our number, and under it each that it is compared with. */
export function toText({ title, lines }: Report): string {
  const out: string[] = [title];
  let before: string | undefined;
  for (const line of lines) {
    if (line.title !== before)
      out.push("", `${line.title}   [${line.id}]`, `  rollcall  ${showFigure(line.rollcall, line.unit)}`);
    before = line.title;
    out.push(...toTextLines(line));
  }
  const lossy = showLossy(lines).map((note) => note.slice(1));
  return `${[...out, ...(lossy.length > 0 ? ["", ...lossy] : [])].join("\n")}\n`;
}

export function toMarkdown(report: Report): string {
  const { machine } = report;
  const cells = report.lines.flatMap(toCells).map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const reasons = report.lines.filter((line) => line.reason !== null);
  const lossy = showLossy(report.lines);
  return [
    `# ${report.title}`,
    "",
    `${report.startedAt}, \`${report.command}\`${report.quick ? " (a smoke run: too short to trust)" : ""}`,
    "",
    `- machine: ${machine.cores} × ${machine.model}, ${machine.memoryGb} GB, Linux ${machine.kernel}`,
    `- data: ${machine.fileSystem}; load before the run: ${machine.load}`,
    `- ${[`Node ${machine.node}`, ...machine.programs].join("; ")}`,
    `- Rollcall at commit ${machine.commit}`,
    "",
    "Medians over interleaved rounds, with min – max. What each row does is in [README.md](../README.md).",
    "",
    `| ${HEAD.join(" | ")} |`,
    `| ${HEAD.map(() => "---").join(" | ")} |`,
    ...cells.map((row) => `| ${row.join(" | ")} |`),
    ...(lossy.length > 0 ? ["", ...lossy] : []),
    ...(reasons.length > 0 ? ["", ...reasons.map((line) => `- ${line.title}: ${line.reason}`)] : []),
    "",
  ].join("\n");
}

/** Writes `<date>-<group>.json` and `latest-<group>.md`; answers their paths. */
export function writeReport(report: Report, dir: string): string[] {
  mkdirSync(dir, { recursive: true });
  const json = join(dir, `${report.startedAt.slice(0, 19).replaceAll(":", "-")}-${report.group}.json`);
  const markdown = join(dir, `latest-${report.group}.md`);
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(markdown, toMarkdown(report));
  return [json, markdown];
}
