/** @live Leases: granted, ended, looked at and listed. */
import { randomBytes } from "node:crypto";
import { isReserved, type KeyRecord, type LeaseId, type LeaseRecord, toBuffer } from "../../../../core/index.ts";
import type { Call } from "../../../../net/grpc/method.ts";
import { findSurely } from "../../../../net/routes/catch-up.ts";
import { type Desk, headOf, revisionNow, within } from "../../desk.ts";
import type { LeaseGrantRequest, LeaseRevokeRequest, LeaseTimeToLiveRequest } from "../../proto/generated/rpc.ts";
import { ERRORS, toStatus } from "../../refusals.ts";
import { isNumber, toLease } from "../../wire/lease-id.ts";

/** Leases that this dialect granted. */
export const VIA = "etcd";

/** The original's, with its usual time between elections. */
const TTL_S_MIN = 2n;
const TTL_S_MAX = 9_000_000_000n;

const ID_BITS = 63;

/** A number above 0 that nobody has. */
export function newLease(): LeaseId {
  const id = BigInt.asUintN(ID_BITS, randomBytes(8).readBigUInt64BE());
  return id === 0n ? newLease() : id.toString();
}

export function grant(desk: Desk, call: Call, { ID, TTL }: LeaseGrantRequest) {
  return within(desk, call, "writer", async (account) => {
    if (TTL > TTL_S_MAX) return ERRORS.ttlTooLarge;
    const ttlS = TTL < TTL_S_MIN ? TTL_S_MIN : TTL;
    const lease = ID === 0n ? newLease() : toLease(ID);
    const command = { kind: "grant", lease, ttlMs: 1000 * Number(ttlS), via: VIA, ifAbsent: true } as const;
    const granted = await desk.registry.propose(account, command);
    return granted.ok
      ? { header: headOf(desk, granted.value.revision), ID: BigInt(lease), TTL: ttlS }
      : toStatus(granted);
  });
}

export function revoke(desk: Desk, call: Call, { ID }: LeaseRevokeRequest) {
  return within(desk, call, "writer", async (account) => {
    const ended = await desk.registry.propose(account, { kind: "end", lease: toLease(ID), cause: "closed" });
    return ended.ok ? { header: headOf(desk, ended.value.revision) } : toStatus(ended);
  });
}

/** Of a lease that ends only by a command, the longest time that there is. */
function toSeconds(ms: number): bigint {
  return Number.isFinite(ms) ? BigInt(Math.trunc(Math.max(0, ms) / 1000)) : TTL_S_MAX;
}

export function timeToLive(desk: Desk, call: Call, { ID, keys }: LeaseTimeToLiveRequest) {
  return within(desk, call, "reader", async (account) => {
    const { registry, clock } = desk;
    const lease = toLease(ID);
    const find = (): LeaseRecord | null => registry.read((view) => view.lease(account, lease) ?? null);
    // It may have been granted at another node a moment ago.
    const found = await findSurely(registry, () => find() ?? undefined);
    if (!found.ok) return toStatus(found);
    const [pulse] = found.value === undefined ? [] : await registry.pulses(account, [lease]);
    const record = find();
    const header = headOf(desk, revisionNow(desk));
    if (record === null) return { header, ID, TTL: -1n };
    const TTL = toSeconds(pulse === undefined ? record.ttlMs : pulse.deadlineMs - clock.now());
    const held = keys ? registry.read((view) => view.members(account, lease).keys) : [];
    return { header, ID, TTL, grantedTTL: toSeconds(record.ttlMs), keys: namesOf(held) };
  });
}

function namesOf(keys: readonly KeyRecord[]): Uint8Array[] {
  const names = keys.map(({ key }) => key).filter((key) => !isReserved(key));
  return names.sort((a, b) => (a < b ? -1 : 1)).map(toBuffer);
}

/** Those whose names are numbers, whichever protocol granted them: they are shown at keys by these numbers. */
export function list(desk: Desk, call: Call) {
  return within(desk, call, "reader", (account) => {
    const leases: { readonly ID: bigint }[] = [];
    const revision = desk.registry.read((view) => {
      for (const { id } of view.account(account)?.leases() ?? []) if (isNumber(id)) leases.push({ ID: BigInt(id) });
      return view.revision;
    });
    return { header: headOf(desk, revision), leases };
  });
}
