/** The registry's refusals as texts of an answer's `Error`: those for which the original has a text, in that. */
import type { Refusal, Refused } from "../../core/index.ts";

export const ERRORS = {
  handshake: "Handshake required",
  handshakeTwice: "Handshake already performed",
  version: "Unsupported IPC version",
  auth: "Authentication required",
  authWrong: "Invalid authentication token",
  unknown: "Unsupported command",
  streamTwice: "Stream with given sequence exists",
  monitorTwice: "Monitor already exists",
  filter: "Invalid event filter",
  noQuery: "No pending queries matching ID",
} as const;

const TEXTS: Readonly<Record<Refusal, ((detail: string) => string) | null>> = {
  invalid: null,
  "too-large": null,
  limit: null,
  forbidden: (detail) => `Permission denied: ${detail}`,
  "not-found": null,
  exists: null,
  conflict: null,
  compacted: null,
  unsupported: null,
  unavailable: null,
  unknown: null,
};

export function toText({ refusal, detail }: Refused): string {
  return TEXTS[refusal]?.(detail) ?? detail;
}
