/** What v2 answers when something is wrong: a number, the sentence that goes with it, and what it is about. */
import type { Outcome, Refused } from "../../../../core/index.ts";

/** By number: the sentence, and the status of HTTP. */
const ERRORS = {
  100: ["Key not found", 404],
  101: ["Compare failed", 412],
  102: ["Not a file", 403],
  104: ["Not a directory", 400],
  105: ["Key already exists", 412],
  107: ["Root is read only", 400],
  108: ["Directory not empty", 403],
  110: ["The request requires user authentication", 401],
  201: ["PrevValue is Required in POST form", 400],
  202: ["The given TTL in POST form is not a number", 400],
  203: ["The given index in POST form is not a number", 400],
  209: ["Invalid field", 400],
  210: ["Invalid POST form", 400],
  211: ["Value provided on refresh", 400],
  212: ["A TTL must be provided on refresh", 400],
  300: ["Raft Internal Error", 500],
  401: ["The event in requested index is outdated and cleared", 400],
} as const;

export type ErrorCode = keyof typeof ERRORS;

export interface Failed {
  readonly code: ErrorCode;
  readonly cause: string;
}

export function failed(code: ErrorCode, cause: string): Outcome<never, Failed> {
  return { ok: false, code, cause };
}

export function statusOf({ code }: Failed): number {
  return ERRORS[code][1];
}

export function sentenceOf({ code }: Failed): string {
  return ERRORS[code][0];
}

/** What the registry refuses has no number of its own: clients show the sentence, and ask another node. */
export function fromRefused({ refusal, detail }: Refused): Failed {
  if (refusal === "forbidden") return { code: 110, cause: detail };
  if (refusal === "compacted") return { code: 401, cause: detail };
  if (refusal === "invalid" || refusal === "too-large") return { code: 210, cause: detail };
  return { code: 300, cause: detail };
}
