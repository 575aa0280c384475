/** What is said when the registry that is followed cannot be used, or says no. */
import type { RollcallError } from "@rollcall/client";
import { type Refusal, type Refused, refuse } from "../../core/index.ts";

/** A start that has nothing to show. */
export class UpstreamRefused extends Error {
  override readonly name = "UpstreamRefused";
}

/** The registry's own words for refusals are the core's. */
const WORDS: ReadonlySet<string> = new Set<Refusal>([
  "invalid",
  "too-large",
  "limit",
  "forbidden",
  "not-found",
  "exists",
  "conflict",
  "compacted",
  "unsupported",
  "unavailable",
  "unknown",
]);

/** Anything that a call to the registry threw; what is no answer and no loss of one is a bug, and is passed on. */
export function toRefused(error: unknown): Refused {
  // By name: the SDK is loaded by whoever makes the client.
  if (!(error instanceof Error) || error.name !== "RollcallError") throw error;
  const { code, unsure, message } = error as RollcallError;
  if (unsure) return refuse("unknown", `${message}: it may have been done`);
  if (code === "unauthorized") return refuse("forbidden", `the registry does not know this agent's token: ${message}`);
  if (WORDS.has(code)) return refuse(code as Refusal, message);
  return refuse("unavailable", `the registry is out of reach: ${message}`);
}

export function sayLoss(error: unknown): string {
  return error instanceof Error ? error.message : "the connection ended";
}
