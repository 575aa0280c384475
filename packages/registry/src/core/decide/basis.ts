/** What a decision rests on, and the forms of its answer. */
import { type Outcome, ok, type Refused, refuse } from "../../outcome.ts";
import type { AccountLimits } from "../access.ts";
import type { Decision, Heard } from "../command.ts";
import { LIMITS } from "../limits.ts";
import type { Account, Change } from "../types.ts";
import type { Facts } from "../view.ts";
import type { Layout } from "./layout.ts";
import type { Plans, Stamp } from "./plan.ts";

/** What the configuration and administrators allow. */
export interface Rules {
  limits(account: Account): AccountLimits;
  /** About what the whole catalog may take of the heap, in bytes; no bound when left out. */
  bytesMax?(): number;
  /** None when left out. */
  readonly plans?: Plans;
  /** The conventions by which entries of this account are registrations; none when left out. */
  layouts?(account: Account): readonly Layout[];
}

/** What the steps of one command have added up to so far. */
export interface Sums {
  /** Of what ranges answer. */
  rangeBytes: number;
  /** Keys that ranges have looked at. */
  rangeKeys: number;
  /** Of the keys that are written and deleted, before and after. */
  keyBytes: number;
  /** Of all that the steps of transactions change, before and after. */
  bytes: number;
}

export interface Basis {
  readonly sums: Sums;
  readonly facts: Facts;
  /** Those before the outermost transaction, within one. */
  readonly outermost?: Facts;
  readonly account: Account;
  readonly stamp: Stamp;
  readonly limits: AccountLimits;
  readonly bytesMax: number;
  readonly plans: Plans | undefined;
  /** Plans that led here. */
  readonly depth: number;
  readonly layouts: readonly Layout[];
}

/** Accepted, and all is as it was. */
export const UNCHANGED: Outcome<Decision> = ok({ changes: [], result: { kind: "changed", changes: [] } });

export type KeyChange = Extract<Change, { readonly kind: "key" }>;

/** Counts changes of keys; refuses what would be too long for one commit. */
export function countKeys({ sums }: Basis, change: KeyChange): Refused | undefined {
  for (const record of [change.before, change.after])
    if (record !== null) sums.keyBytes += record.key.length + record.value.length;
  return sums.keyBytes > LIMITS.commitBytesMax
    ? refuse(
        "too-large",
        `the keys that it writes and deletes hold more than ${LIMITS.commitBytesMax} bytes; change fewer at once`,
      )
    : undefined;
}

/** `heard`: the lease whose owner has thereby said that it is alive. */
export function changed(changes: readonly Change[], heard?: Heard): Outcome<Decision> {
  const result = { kind: "changed", changes } as const;
  return ok(heard === undefined ? { changes, result } : { changes, result, heard: [heard] });
}
