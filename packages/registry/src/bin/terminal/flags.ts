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
