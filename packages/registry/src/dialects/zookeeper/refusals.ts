/** The registry's refusals as codes of the protocol. */
import type { Refusal, Refused } from "../../core/index.ts";
import { ERRORS, type ErrorCode } from "./wire/codes.ts";

const CODES: Readonly<Record<Refusal, ErrorCode>> = {
  invalid: ERRORS.badArguments,
  "too-large": ERRORS.badArguments,
  limit: ERRORS.quotaExceeded,
  forbidden: ERRORS.noAuth,
  // What is not there is a node, and is looked for before; what is left is the session's lease.
  "not-found": ERRORS.sessionExpired,
  exists: ERRORS.nodeExists,
  conflict: ERRORS.badVersion,
  compacted: ERRORS.systemError,
  unsupported: ERRORS.unimplemented,
  // Clients then look for another server, and try again as far as they may.
  unavailable: ERRORS.connectionLoss,
  unknown: ERRORS.connectionLoss,
};

export function toCode({ refusal }: Pick<Refused, "refusal">): ErrorCode {
  return CODES[refusal];
}
