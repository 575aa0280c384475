/** Leases are numbers of 64 bits here, in the registry names: those of this protocol in decimal. */
import { createHash } from "node:crypto";
import type { LeaseId } from "../../../core/index.ts";

const NUMBER = /^-?[0-9]{1,19}$/;
const BITS = 64;
const KNOWN_MAX = 10_000;

const known = new Map<LeaseId, bigint>();

/** The number that a lease is shown by. One of another protocol shows as some number that is never 0. */
export function toLong(lease: LeaseId): bigint {
  const found = known.get(lease);
  if (found !== undefined) return found;
  if (known.size >= KNOWN_MAX) known.clear();
  const long = NUMBER.test(lease)
    ? BigInt.asIntN(BITS, BigInt(lease))
    : (createHash("sha256").update(lease).digest().readBigUInt64BE() >> 1n) | 1n;
  known.set(lease, long);
  return long;
}

/** Whether it is a number, and so one that clients know. */
export function isNumber(lease: LeaseId): boolean {
  return NUMBER.test(lease);
}

/** The name that a number has. */
export function toLease(long: bigint): LeaseId {
  return long.toString();
}
