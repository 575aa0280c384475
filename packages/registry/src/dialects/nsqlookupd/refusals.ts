/** The registry's refusals in the words of the protocol. */
import type { Refusal, Refused } from "../../core/index.ts";
import type { Mistake } from "./desk.ts";

const MISTAKES: Readonly<Record<Refusal, Mistake>> = {
  invalid: { status: 400, message: "INVALID_REQUEST" },
  "too-large": { status: 400, message: "INVALID_REQUEST" },
  limit: { status: 429, message: "LIMIT_REACHED" },
  forbidden: { status: 403, message: "FORBIDDEN" },
  "not-found": { status: 404, message: "NOT_FOUND" },
  exists: { status: 409, message: "CONFLICT" },
  conflict: { status: 409, message: "CONFLICT" },
  compacted: { status: 500, message: "INTERNAL_ERROR" },
  unsupported: { status: 501, message: "NOT_SUPPORTED" },
  unavailable: { status: 503, message: "UNAVAILABLE" },
  unknown: { status: 504, message: "UNKNOWN" },
};

export function toMistake({ refusal }: Refused): Mistake {
  return MISTAKES[refusal];
}

/** Over TCP every error is the last answer: nsqd connects again, and says all anew. */
export function toLastWord({ detail }: Refused): string {
  return `E_INVALID ${detail}`;
}
