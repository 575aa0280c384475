/** The registry's refusals in the words of the original. */
import type { Refusal, Refused } from "../../core/index.ts";
import type { Answer } from "../../net/routes/answer.ts";
import { NOT_EXISTS } from "./instances.ts";
import { line } from "./wire/answer.ts";

export const EXISTS = "Service already exists in registry";

const ANSWERS: Readonly<Record<Refusal, (detail: string) => Answer>> = {
  invalid: (detail) => line(400, detail),
  "too-large": (detail) => line(400, detail),
  limit: (detail) => line(429, detail),
  forbidden: (detail) => line(403, detail),
  "not-found": () => line(404, NOT_EXISTS),
  exists: () => line(409, EXISTS),
  conflict: (detail) => line(500, detail),
  compacted: (detail) => line(500, detail),
  unsupported: (detail) => line(501, detail),
  unavailable: (detail) => line(503, detail),
  unknown: (detail) => line(504, detail),
};

export function toAnswer({ refusal, detail }: Refused): Answer {
  return ANSWERS[refusal](detail);
}
