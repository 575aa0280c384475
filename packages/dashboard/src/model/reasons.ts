/** Why a service wants attention, in words that fit a row. */
import type { InstanceBody } from "@rollcall/client";
import { findCommon } from "./alike.ts";
import { listed } from "./numbers.ts";
import type { Summary } from "./summary.ts";
import { rankOf } from "./verdict.ts";

const OUTPUT_MAX = 90;

/** By the numbers alone, before the instances are known. */
export function roughReason(summary: Summary): string {
  const { counts, all, lost } = summary;
  if (all === 0) return lost === null ? "No instance is left" : `The last one, ${lost.id}, is gone: ${lost.reason}`;
  const parts = [
    ...(summary.usable === 0 ? ["no usable instance"] : []),
    ...(counts.critical ? [`${counts.critical} critical`] : []),
    ...(counts.warning ? [`${counts.warning} warn`] : []),
    ...(counts.held ? [`${counts.held} held`] : []),
    ...(counts.unknown ? [`${counts.unknown} unknown`] : []),
    ...(counts.starting ? [`${counts.starting} starting`] : []),
    ...(counts.draining ? [`${counts.draining} draining`] : []),
  ];
  return sentence(parts.join("; "));
}

/** With the instances at hand. */
export function reasonOf(summary: Summary, instances: readonly InstanceBody[]): string {
  const rank = rankOf(summary);
  const held = instances.filter((one) => one.held !== null);
  const warning = instances.filter((one) => one.held === null && one.status === "warning");
  if (summary.all === 0 || instances.length === 0) return roughReason(summary);
  if (rank === "only-held") return `Only held instances are left${zonesOf(held)}`;
  const { failing, apart, check } = findCommon(instances);
  const parts: string[] = [];
  if (failing.length > 0) {
    const by = apart.find(({ attribute }) => attribute === "version" || attribute === "zone");
    const on = by === undefined ? "" : `, all ${by.attribute === "version" ? "on" : "in"} ${by.value}`;
    const [first] = failing;
    const what = failing.every(({ status }) => status === first?.status) ? first?.status : "not usable";
    if (summary.usable === 0) parts.push("No usable instance");
    else parts.push(`${failing.length} ${what}${on}`);
    if (check !== null) parts.push(checkText(check, summary.usable === 0 && failing.length > 1 ? failing.length : 0));
    else if (failing.some(({ override }) => override !== null)) parts.push("Set by an operator");
  }
  if (held.length > 0) parts.push(`${held.length} held${zonesOf(held)}`);
  if (warning.length > 0) parts.push(warningText(warning));
  return parts.length === 0 ? roughReason(summary) : parts.map(sentence).join(". ");
}

function checkText(check: { id: string; output: string }, all: number): string {
  const output = firstLine(check.output);
  return `Check ${check.id}${output === "" ? " fails" : `: ${output}`}${all > 0 ? `, on all ${all}` : ""}`;
}

function warningText(warning: readonly InstanceBody[]): string {
  const check = warning.flatMap(({ checks }) => checks).find(({ status }) => status === "warning");
  const output = check === undefined ? "" : firstLine(check.output);
  return `${warning.length} warn${output === "" ? "" : `: ${output}`}`;
}

function zonesOf(instances: readonly InstanceBody[]): string {
  const zones = [...new Set(instances.map(({ zone }) => zone))].filter((zone) => zone !== "");
  return zones.length === 0 ? "" : ` in ${listed(zones, 2)}`;
}

export function firstLine(text: string): string {
  const line =
    text
      .split(/[\r\n]/)
      .find((one) => one.trim() !== "")
      ?.trim() ?? "";
  return line.length > OUTPUT_MAX ? `${line.slice(0, OUTPUT_MAX)}…` : line;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
