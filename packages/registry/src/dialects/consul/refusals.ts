/** The registry's refusals as the original would answer. */
import type { Refusal, Refused } from "../../core/index.ts";
import type { Answer } from "../../net/routes/answer.ts";
import { text } from "./wire/answer.ts";

export const DENIED = "Permission denied";

const ANSWERS: Readonly<Record<Refusal, (detail: string) => Answer>> = {
  invalid: (detail) => text(400, detail),
  "too-large": (detail) => text(413, detail),
  // Clients of Consul know this one and try again.
  limit: (detail) => text(429, detail),
  forbidden: (detail) => text(403, `${DENIED}: ${detail}`),
  "not-found": (detail) => text(404, detail),
  exists: (detail) => text(409, detail),
  conflict: (detail) => text(409, detail),
  compacted: (detail) => text(500, detail),
  unsupported: (detail) => text(501, detail),
  unavailable: (detail) => text(503, detail),
  // As when the leader was lost while it decided.
  unknown: (detail) => text(500, detail),
};

export function toAnswer({ refusal, detail }: Refused): Answer {
  return ANSWERS[refusal](detail);
}
