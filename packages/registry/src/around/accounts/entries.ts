/** What the system account keeps of all others, as reserved keys. */
import {
  type Account,
  type AccountLimits,
  type AnyPlan,
  type Bytes,
  fromBytes,
  ok,
  type Plan,
  toBytes,
} from "../../core/index.ts";
import { readLimits } from "./limits.ts";

export const ROOT: Bytes = "\0rollcall/access/";
export const TOKEN = `${ROOT}token/`;
export const ACCOUNT = `${ROOT}account/`;
export const TENANT = `${ROOT}tenant/`;

export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

export function readStoredLimits(value: Bytes | undefined): Partial<AccountLimits> {
  return readLimits((value !== undefined && parseObject(fromBytes(value))) || {});
}

/** Changes the limits named; the other ones stay as they are. */
export const LIMIT: Plan<{ readonly of: Account; readonly limits: Partial<AccountLimits> }> = {
  name: "accounts/limit",
  make(facts, system, { of, limits }) {
    const key = `${ACCOUNT}${of}`;
    const stored = readStoredLimits(facts.entry(system, key)?.value);
    return ok({ command: { kind: "put", key, value: toBytes(JSON.stringify({ ...stored, ...limits })) }, note: null });
  },
};

export const ACCOUNT_PLANS: readonly AnyPlan[] = [LIMIT];
