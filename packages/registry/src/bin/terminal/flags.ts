/** Values of flags. */
import { InvalidArgumentError } from "commander";
import { EXIT, Failure } from "./exit.ts";

export const STATUSES: readonly string[] = ["passing", "warning", "critical", "starting", "draining", "unknown"];

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** For options that may be given several times, each with one of these values. */
export function collectAmong(
  choices: readonly string[],
): (value: string, before: readonly string[] | undefined) => string[] {
  return (value, before) => {
    if (!choices.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.`);
    return collect(value, before);
  };
}

/** `key=value` pairs, for options that may be given several times. */
export function toPairs(pairs: readonly string[] | undefined, flag: string): Record<string, string> | undefined {
  if (pairs === undefined) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new Failure(EXIT.usage, `${flag} takes key=value, not "${pair}"`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

export function toWhole(text: string, flag: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new Failure(
      EXIT.usage,
      `${flag} takes a whole number${max < 1e9 ? ` from ${min} to ${max}` : ""}, not "${text}"`,
    );
  return value;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const TTL_MS_MIN = 1000;
const TTL_MS_MAX = 168 * 3_600_000;

/** A ttl as the registry takes it; a bare number is seconds. */
export function toTtl(text: string, canBeForEver = true): number | string {
  const match = /^([0-9]{1,15}(?:\.[0-9]{1,6})?)(ms|s|m|h)?$/.exec(text);
  const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * (UNIT_MS[match[2] ?? "s"] as number));
  if (!(canBeForEver && ms === 0) && !(ms >= TTL_MS_MIN && ms <= TTL_MS_MAX))
    throw new Failure(
      EXIT.usage,
      `--ttl takes ${canBeForEver ? "0 (for ever) or " : ""}a duration from 1s to 168h, such as 10s, 5m or 2h, not "${text}"`,
    );
  return match?.[2] === undefined ? Number(text) : text;
}
