/** The program, its limits, and the clock. */
import { readFile } from "node:fs/promises";
import { WRITTEN_MS } from "../../around/clock.ts";
import { VERSION } from "../version.ts";
import { type Finding, finding } from "./finding.ts";

const DESCRIPTORS_FEW = 4096;
const SKEW_MS_MAX = 2000;

/** An older Node than it needs does not get as far as this. */
export function examineVersion(): Finding {
  return finding("program", "good", `rollcall ${VERSION} on Node ${process.versions.node}`);
}

/** Each connection takes a descriptor (Linux). */
export async function examineDescriptors(): Promise<Finding[]> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const max = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.NaN);
  if (Number.isNaN(max)) return [];
  const few = max < DESCRIPTORS_FEW;
  const detail = `${max} open files allowed${few ? `: raise it to ${DESCRIPTORS_FEW} or more (ulimit -n, LimitNOFILE=)` : ""}`;
  return [finding("descriptors", few ? "warn" : "good", detail)];
}

/** `theirsMs`: the time that the running registry told, and `tookMs` how long asking took. */
export function examineClock(nowMs: number, told: { theirsMs: number; tookMs: number } | undefined): Finding {
  const now = new Date(nowMs).toISOString();
  if (nowMs < WRITTEN_MS) return finding("clock", "bad", `${now} cannot be right`);
  if (told === undefined) return finding("clock", "good", now);
  const skewMs = Math.max(0, Math.abs(nowMs - told.theirsMs) - told.tookMs - 1000);
  if (skewMs <= SKEW_MS_MAX) return finding("clock", "good", `${now}, as the registry's`);
  return finding("clock", "warn", `${now}: ${Math.round(skewMs / 1000)} s away from the registry's`);
}
