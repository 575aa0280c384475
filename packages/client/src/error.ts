import type { ProblemBody } from "./shapes.ts";

export const PROBLEMS = "https://rollcall.dev/problems/";

/**
 * What the registry refused, or why it was not reached. `code` is the stable short name: the last part of the
 * problem's type (`not-found`, `conflict`, `forbidden`, …), or one of the client's own: `unreachable` (no answer),
 * `bad-answer` (an answer that is not the registry's), `invalid` (refused before it was sent), `no-instance` (nobody to
 * call), `lost` (a lock or a lead that is over), `timeout` (it was not free in time).
 */
export class RollcallError extends Error {
  override readonly name = "RollcallError";
  readonly code: string;
  readonly type: string;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly detail: string;
  /** True when nobody knows whether the change that was asked for is done, or will be. */
  readonly unsure: boolean;

  constructor(problem: ProblemBody, options: ErrorOptions & { readonly unsure?: boolean } = {}) {
    super(problem.detail || problem.title, "cause" in options ? { cause: options.cause } : undefined);
    this.type = problem.type;
    this.code = problem.type.startsWith(PROBLEMS) ? problem.type.slice(PROBLEMS.length) : "bad-answer";
    this.status = problem.status;
    this.detail = problem.detail;
    this.unsure = options.unsure ?? this.code === "unknown";
  }

  /** True when the same request may well succeed later: no answer, too many requests, or the registry in trouble. */
  get transient(): boolean {
    if (this.code === "unreachable" || this.status >= 500) return true;
    return this.status === 408 || this.status === 425 || this.status === 429;
  }
}

/** An error of the client's own making. */
export function clientError(
  code: "unreachable" | "bad-answer" | "invalid" | "unknown" | "no-instance" | "lost" | "timeout",
  detail: string,
  cause?: unknown,
): RollcallError {
  const problem = { type: PROBLEMS + code, title: code, status: 0, detail };
  return new RollcallError(problem, cause === undefined ? {} : { cause });
}

/** Whether to try again: errors that are no RollcallError are bugs and are passed on. */
export function isTransient(error: unknown): error is RollcallError {
  return error instanceof RollcallError && error.transient;
}
