/** Refusals -> faults. */
import type { Refusal, Refused } from "../../core/index.ts";
import { badRequest, type Fault, INTERNAL } from "./wire/faults.ts";

const FAULTS: Readonly<Record<Refusal, (detail: string) => Fault>> = {
  invalid: (detail) => badRequest("Validation error", detail),
  "too-large": (detail) => badRequest("Validation error", detail),
  limit: (detail) => ({ type: "limitReached", message: "Limit has been reached", details: detail }),
  forbidden: (detail) => ({ type: "forbiddenError", message: "forbidden", details: detail }),
  "not-found": (detail) => ({ type: "notFoundError", message: "object does not exist", details: detail }),
  exists: (detail) => ({ type: "serviceWithThisIdExists", message: detail, details: detail }),
  conflict: () => INTERNAL,
  compacted: () => INTERNAL,
  unsupported: (detail) => ({ type: "notImplementedError", message: "Not Implemented", details: detail }),
  unavailable: (detail) => ({ type: "systemFailureError", message: "System Failure", details: detail }),
  unknown: (detail) => ({ type: "internalError", message: "Internal Error", details: detail }),
};

/** What no route has a better word for. */
export function toFault(refused: Refused): Fault {
  return FAULTS[refused.refusal](refused.detail);
}
