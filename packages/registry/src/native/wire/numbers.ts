/** Numbers in text: durations, revisions, times. */

/** How long a poll may wait. */
export const WAIT_MS_MAX = 5 * 60_000;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^([0-9]{1,15}(?:\.[0-9]{1,6})?)(ms|s|m|h)?$/;

/** "500ms", "10s", "5m", "2h" or a number of seconds, in ms; undefined for anything else. */
export function decodeDuration(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? Math.round(value * 1000) : undefined;
  if (typeof value !== "string") return undefined;
  const match = DURATION.exec(value);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? "s"] as number));
}

/** A revision or another non-negative safe integer in decimal; undefined for anything else. */
export function decodeCount(text: string): number | undefined {
  if (!/^[0-9]{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Null for a lease without time, and for what has no lease. */
export function toTtl(ttlMs: number | undefined): number | null {
  return ttlMs === undefined || ttlMs === Number.POSITIVE_INFINITY ? null : ttlMs;
}

const TIME =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?$/;

/** A time of RFC 3339, a date, or a duration before now such as "-15m", in wall-clock ms; undefined for anything else. */
export function decodeTime(text: string, nowMs: number): number | undefined {
  if (text.startsWith("-")) {
    const agoMs = decodeDuration(text.slice(1));
    return agoMs === undefined ? undefined : Math.max(0, nowMs - agoMs);
  }
  const atMs = TIME.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : atMs;
}

export function toTime(ms: number): string {
  return new Date(ms).toISOString();
}
