/** The registry's refusals in the words of the original; those that it has no word for come as OTHER with a sentence. */
import type { Refusal, Refused } from "../../core/index.ts";
import type { ErrorName, Response } from "./wire/message.ts";

const WORDS: Readonly<Record<Refusal, ErrorName>> = {
  invalid: "BAD_PATH",
  "too-large": "OTHER",
  limit: "OTHER",
  forbidden: "OTHER",
  "not-found": "NOENT",
  exists: "REV_MISMATCH",
  conflict: "REV_MISMATCH",
  compacted: "TOO_LATE",
  unsupported: "OTHER",
  unavailable: "OTHER",
  unknown: "OTHER",
};

/** What the original says of an access that a secret would allow. */
export const DENIED: Response = { error: "OTHER", detail: "permission denied" };

export function toResponse({ refusal, detail }: Refused): Response {
  if (refusal === "forbidden") return DENIED;
  const error = WORDS[refusal];
  return error === "OTHER" ? { error, detail } : { error };
}
