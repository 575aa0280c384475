/** The registry's refusals as statuses: the original knows 404, and 500 for all that is wrong. */
import type { Refusal, Refused } from "../../core/index.ts";
import type { Answer } from "../../net/routes/answer.ts";
import { line } from "./wire/answer.ts";

const STATUSES: Readonly<Record<Refusal, number>> = {
  invalid: 400,
  "too-large": 413,
  limit: 429,
  forbidden: 403,
  "not-found": 404,
  exists: 409,
  conflict: 409,
  compacted: 410,
  unsupported: 501,
  unavailable: 503,
  unknown: 504,
};

export function toAnswer({ refusal, detail }: Refused): Answer {
  return line(STATUSES[refusal], detail);
}
