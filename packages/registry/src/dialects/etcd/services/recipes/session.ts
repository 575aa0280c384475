/** @live The lease by which somebody waits for a lock or the lead: his own, or one that is granted for it. */
import type { Account, LeaseId, Registry } from "../../../../core/index.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import { toStatus } from "../../refusals.ts";
import { toLease } from "../../wire/lease-id.ts";
import { newLease, VIA } from "../leases/grants.ts";

/** Of a lease that is granted here, as the original has it. */
const TTL_MS = 60_000;

export async function sessionOf(
  registry: Registry,
  account: Account,
  lease: bigint,
  signal: AbortSignal,
): Promise<LeaseId | Status> {
  if (lease !== 0n) return toLease(lease);
  const id = newLease();
  const command = { kind: "grant", lease: id, ttlMs: TTL_MS, via: VIA, ifAbsent: true } as const;
  const granted = await registry.propose(account, command, signal);
  return granted.ok ? id : toStatus(granted);
}

export const GIVEN_UP = new Status(CODES.canceled, "context canceled");
