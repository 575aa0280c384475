/** Texts and YAML values -> typed values of settings. A mistake is said in words that follow the key. */
import { isOrigin } from "../../net/http/pages/cors.ts";
import { type Outcome, ok } from "../../outcome.ts";
import { nearest } from "./nearest.ts";
import type { Setting } from "./settings.ts";

export type Value = string | number | boolean | readonly string[];
type Read = Outcome<Value, { readonly problem: string }>;

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};
const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  "1": true,
  false: false,
  no: false,
  off: false,
  "0": false,
};

/** Reads one setting's value. `raw` is a string from a flag or variable, or whatever the file holds. */
export function readValue(setting: Setting, raw: unknown): Read {
  switch (setting.kind) {
    case "path":
      return typeof raw === "string" && raw !== "" ? ok(raw) : bad("must be a path", raw);
    case "text":
      return typeof raw === "string" ? ok(raw) : bad("must be text", raw);
    case "flag":
      return readFlag(raw);
    case "list":
      return readList(setting, raw);
    case "origins":
      return readOrigins(raw);
    case "choice":
      return readChoice(setting.choices ?? [], raw);
    case "ms":
      return bounded(
        setting,
        numberWithUnit(raw, MS),
        raw,
        'must be a duration such as "1500ms", "15s", "10m" or "30d"',
      );
    case "bytes":
      return bounded(setting, numberWithUnit(raw, BYTES), raw, 'must be a size such as 4096, "64KiB" or "1GiB"');
    case "port":
      return bounded({ ...setting, min: 0, max: 65535 }, whole(raw), raw, "must be a port from 0 to 65535");
    case "whole":
      return bounded(setting, whole(raw), raw, "must be a whole number");
    case "share":
      return bounded({ ...setting, min: 0, max: 1 }, decimal(raw), raw, "must be a number from 0 to 1");
  }
}

function bad(rule: string, raw: unknown): Read {
  return { ok: false, problem: `${rule}, not ${show(raw)}` };
}

/** A value as a person may have written it, never longer than a line. */
export function show(raw: unknown): string {
  const text = JSON.stringify(raw) ?? String(raw);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function readFlag(raw: unknown): Read {
  const value = typeof raw === "boolean" ? raw : WORDS[String(raw).toLowerCase()];
  return value === undefined ? bad("must be true or false", raw) : ok(value);
}

function readList(setting: Setting, raw: unknown): Read {
  if (raw === "all") return ok("all");
  const items = typeof raw === "string" ? raw.split(",").map((item) => item.trim()) : raw;
  if (!Array.isArray(items) || items.length === 0) return bad(`must be "all" or a list of ${list(setting)}`, raw);
  for (const item of items) {
    const read = readChoice(setting.choices ?? [], item);
    if (!read.ok) return read;
  }
  return ok([...new Set(items as string[])]);
}

function readOrigins(raw: unknown): Read {
  const items = raw === "" ? [] : typeof raw === "string" ? raw.split(",").map((item) => item.trim()) : raw;
  if (!Array.isArray(items)) return bad("must be a list of origins", raw);
  const wrong = items.find((item) => typeof item !== "string" || !isOrigin(item));
  if (wrong === undefined) return ok(items as string[]);
  return bad('must hold "*" or origins such as "https://app.example.com", without a path', wrong);
}

function list(setting: Setting): string {
  return (setting.choices ?? []).join(", ");
}

function readChoice(choices: readonly string[], raw: unknown): Read {
  if (typeof raw === "string" && choices.includes(raw)) return ok(raw);
  const meant = typeof raw === "string" ? nearest(raw, choices) : undefined;
  const hint = meant === undefined ? "" : ` (did you mean "${meant}"?)`;
  return { ok: false, problem: `must be one of ${choices.join(", ")}, not ${show(raw)}${hint}` };
}

function whole(raw: unknown): number | undefined {
  if (typeof raw === "number") return Number.isSafeInteger(raw) ? raw : undefined;
  return typeof raw === "string" && /^[0-9]{1,15}$/.test(raw) ? Number(raw) : undefined;
}

function decimal(raw: unknown): number | undefined {
  if (typeof raw === "number") return raw;
  return typeof raw === "string" && /^[0-9]{1,9}(\.[0-9]{1,9})?$/.test(raw) ? Number(raw) : undefined;
}

/** A bare number counts in the smallest unit. */
function numberWithUnit(raw: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof raw !== "string") return whole(raw);
  const [, digits, unit] = /^([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([a-z]*)$/i.exec(raw.trim()) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const factor = unit === "" ? 1 : units[unit.toLowerCase()];
  const value = factor === undefined ? Number.NaN : Math.round(Number(digits) * factor);
  return Number.isSafeInteger(value) ? value : undefined;
}

function bounded(setting: Setting, value: number | undefined, raw: unknown, rule: string): Read {
  if (value === undefined) return bad(rule, raw);
  if (value < (setting.min ?? 0)) return bad(`must be at least ${inUnits(setting, setting.min ?? 0)}`, raw);
  if (setting.max !== undefined && value > setting.max)
    return bad(`must be at most ${inUnits(setting, setting.max)}`, raw);
  return ok(value);
}

/** A setting's number the way people write it: `15s`, `4MiB`. */
export function inUnits(setting: Setting, value: number): string {
  if (setting.kind === "ms")
    return withUnit(
      value,
      [
        ["d", 86_400_000],
        ["h", 3_600_000],
        ["m", 60_000],
        ["s", 1000],
      ],
      "ms",
    );
  if (setting.kind === "bytes")
    return withUnit(
      value,
      [
        ["GiB", 1024 ** 3],
        ["MiB", 1024 ** 2],
        ["KiB", 1024],
      ],
      "",
    );
  return String(value);
}

function withUnit(value: number, units: readonly (readonly [string, number])[], smallest: string): string {
  for (const [name, factor] of units) if (value >= factor && value % factor === 0) return `${value / factor}${name}`;
  return `${value}${smallest}`;
}
