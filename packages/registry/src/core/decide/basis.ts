/** What a decision rests on, and the forms of its answer. */
import { type Outcome, ok } from "../../outcome.ts";
import type { AccountLimits } from "../access.ts";
import type { Decision } from "../command.ts";
import type { Account, Change, Revision } from "../types.ts";
import type { Facts } from "../view.ts";

/** When and where a decision is made. */
export interface Stamp {
  /** The revision that its commit will get. */
  readonly revision: Revision;
  readonly atMs: number;
  readonly origin: string;
}

/** What the configuration and administrators allow. */
export interface Rules {
  limits(account: Account): AccountLimits;
}

export interface Basis {
  readonly facts: Facts;
  readonly account: Account;
  readonly stamp: Stamp;
  readonly limits: AccountLimits;
}

/** Accepted, and all is as it was. */
export const UNCHANGED: Outcome<Decision> = ok({ changes: [], result: { kind: "changed", changes: [] } });

export function changed(changes: readonly Change[]): Outcome<Decision> {
  return ok({ changes, result: { kind: "changed", changes } });
}
