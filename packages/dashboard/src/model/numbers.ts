/** Numbers, ages and times as people read them. */

const THIN = "\u2009";

/** `48213` -> `48 213`, with a thin space; from 10 000 on `short` makes `12.4 k` of it. */
export function count(value: number, short = false): string {
  if (short && value >= 10_000) return `${(Math.round(value / 100) / 10).toFixed(1)}${THIN}k`;
  return String(value).replace(/\B(?=(\d{3})+$)/g, THIN);
}

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

/** In one unit, rounded down: `4 s`, `6 min`, `2 h`, `5 d`. */
export function age(ms: number): string {
  for (const [name, unitMs] of UNITS) if (ms >= unitMs) return `${Math.floor(ms / unitMs)} ${name}`;
  return "0 s";
}

/** In two units, as sentences have it: `4 min 48 s`. */
export function duration(ms: number): string {
  const at = UNITS.findIndex(([, unitMs]) => ms >= unitMs);
  const unit = UNITS[at];
  if (unit === undefined) return ms >= 1 ? `${Math.round(ms)} ms` : "0 s";
  const first = Math.floor(ms / unit[1]);
  const next = UNITS[at + 1];
  const rest = next === undefined ? 0 : Math.floor((ms % unit[1]) / next[1]);
  return rest === 0 || next === undefined ? `${first} ${unit[0]}` : `${first} ${unit[0]} ${rest} ${next[0]}`;
}

export interface Clock {
  /** The registry's time, in ms. */
  readonly nowMs: number;
  readonly isLocal: boolean;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `02:51:09`, with the date when that is not today. */
export function clockTime(at: string | number, { nowMs, isLocal }: Clock): string {
  const time = shifted(at, isLocal);
  const today = shifted(nowMs, isLocal);
  const text = time.toISOString().slice(11, 19);
  if (time.toISOString().slice(0, 10) === today.toISOString().slice(0, 10)) return text;
  const year = time.getUTCFullYear() === today.getUTCFullYear() ? "" : ` ${time.getUTCFullYear()}`;
  return `${time.getUTCDate()} ${MONTHS[time.getUTCMonth()]}${year}, ${text}`;
}

/** The whole of it, for hovering: `2026-11-30 02:51:09.123 UTC`. */
export function fullTime(at: string | number, isLocal: boolean): string {
  const text = shifted(at, isLocal).toISOString().replace("T", " ").replace("Z", "");
  return `${text} ${isLocal ? "local" : "UTC"}`;
}

/** A time whose UTC is what the wall says. */
function shifted(at: string | number, isLocal: boolean): Date {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return new Date(0);
  return isLocal ? new Date(time.getTime() - time.getTimezoneOffset() * 60_000) : time;
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const [size, unit] = value < 1024 * 1024 ? [value / 1024, "KiB"] : [value / 1024 / 1024, "MiB"];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}

/** `1 service`, `2 services`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function listed(names: readonly string[], max = 3): string {
  const shown = names.slice(0, max);
  const more = names.length - shown.length;
  if (more > 0) return `${shown.join(", ")} and ${count(more)} more`;
  return shown.length < 2 ? (shown[0] ?? "") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
