/** What every part of a decision is given, and the forms of its answer. */
import { type Outcome, ok } from "../../outcome.ts";
import type { AccountLimits } from "../access.ts";
import type { Decision } from "../command.ts";
import type { Facts } from "../ports.ts";
import type { Account, Change, Revision } from "../types.ts";

/** Where and when the decision would be committed. */
export interface Stamp {
  /** The revision that the commit will get. */
  readonly revision: Revision;
  readonly atMs: number;
  readonly origin: string;
}

export interface Rules {
  limits(account: Account): AccountLimits;
}

/** What every part of a decision gets. */
export interface Setting {
  readonly facts: Facts;
  readonly account: Account;
  readonly stamp: Stamp;
  readonly limits: AccountLimits;
}

export const NOTHING: Outcome<Decision> = ok({ changes: [], result: { kind: "changed", changes: [] } });

export function changed(changes: readonly Change[]): Outcome<Decision> {
  return ok({ changes, result: { kind: "changed", changes } });
}
