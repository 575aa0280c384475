/** Durations as Go reads and writes them: `1h2m3.5s`, `300ms`; numbers are nanoseconds. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)/y;
/** Longer texts are no durations; shorter ones have few parts. */
const LENGTH_MAX = 64;
/** The most that 64 bits of nanoseconds hold: about 292 years. */
const MS_MAX = 2 ** 63 / 1e6;
export const NS_PER_MS = 1_000_000;

/** Milliseconds, with fractions. "0" needs no unit. */
export function parseDuration(text: string): Outcome<number> {
  const wrong = refuse("invalid", `time: invalid duration ${JSON.stringify(text.slice(0, LENGTH_MAX))}`);
  if (text.length > LENGTH_MAX) return wrong;
  const isNegative = text.startsWith("-");
  const rest = isNegative || text.startsWith("+") ? text.slice(1) : text;
  if (rest === "0") return ok(0);
  if (rest === "") return wrong;
  let ms = 0;
  for (PART.lastIndex = 0; PART.lastIndex < rest.length; ) {
    const part = PART.exec(rest);
    if (part === null) return wrong;
    ms += Number(part[1]) * (UNIT_MS[part[2] as string] as number);
  }
  return ms < MS_MAX ? ok(isNegative ? -ms : ms) : wrong;
}

/** As Go's Duration prints itself: `1m30s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  const sign = ms < 0 ? "-" : "";
  const left = Math.abs(ms);
  if (left < 1) return `${sign}${trim(left * 1000)}µs`;
  if (left < 1000) return `${sign}${trim(left)}ms`;
  const hours = Math.floor(left / 3_600_000);
  const minutes = Math.floor((left % 3_600_000) / 60_000);
  const seconds = trim((left % 60_000) / 1000);
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`;
}

function trim(value: number): string {
  return String(Number(value.toFixed(6)));
}
