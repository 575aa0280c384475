/** Answers as values. */
import type { Answer } from "../desk.ts";
import { ERRORS, type ErrorCode } from "../wire/codes.ts";
import type { Writer } from "../wire/jute.ts";

export const DONE: Answer = { error: ERRORS.ok };
export const BAD: Answer = { error: ERRORS.marshallingError };

export function fail(error: ErrorCode): Answer {
  return { error };
}

export function show(body: (writer: Writer) => void): Answer {
  return { error: ERRORS.ok, body };
}
