/** Whether there is room in the heap for what a command would add. */
import { type Refused, refuse } from "../../outcome.ts";
import { SYSTEM_ACCOUNT } from "../bytes.ts";
import { LIMITS } from "../limits.ts";
import type { Basis } from "./basis.ts";

/** No record is as small: a command that adds no more says something new of what is there, such as a status. */
const NEWS_BYTES_MAX = 256;
/** Above a bound, this share of it is left to such news. */
const NEWS_SHARE = 1 / 16;
/** Characters that a check's output may have where there is no room: they are news at most, in any script. */
const OUTPUT_LENGTH_FULL = 80;

/** Refuses growth beyond what the registry or the account may hold. What shrinks it, or lets it be, is never refused. */
export function refuseGrowth({ facts, account, limits, bytesMax }: Basis, growth: number): Refused | undefined {
  // An administrator has to come in to make room.
  if (account === SYSTEM_ACCOUNT) return undefined;
  if (growth <= 0) return undefined;
  if (isAbove(facts.bytes, growth, bytesMax)) return refuse("limit", fullDetail("registry", facts.bytes, bytesMax));
  if (limits.bytesMax === 0) return undefined;
  const bytes = facts.count(account, "bytes");
  if (!isAbove(bytes, growth, limits.bytesMax)) return undefined;
  return refuse("limit", fullDetail("account", bytes, limits.bytesMax));
}

function isAbove(bytes: number, growth: number, max: number): boolean {
  return bytes + growth > (growth <= NEWS_BYTES_MAX ? max + max * NEWS_SHARE : max);
}

function fullDetail(what: string, bytes: number, max: number): string {
  return `the ${what} is full: it holds about ${bytes} bytes and may hold ${max}, and this would pass that`;
}

/** How long a check's output may be: a report is taken when there is no room, too. */
export function outputLengthMax({ facts, account, limits, bytesMax }: Basis): number {
  const own = limits.bytesMax === 0 ? Number.POSITIVE_INFINITY : limits.bytesMax - facts.count(account, "bytes");
  // A character takes up to three bytes.
  const isTight = Math.min(bytesMax - facts.bytes, own) < 3 * LIMITS.checkOutputLengthMax;
  return isTight ? OUTPUT_LENGTH_FULL : LIMITS.checkOutputLengthMax;
}
