/** The numbers of kept and of silent instances are right after any changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { recordOf } from "../../../../../test/harness/registry.ts";
import { isTimeless, type LeaseRecord } from "../types.ts";
import { AccountState } from "./state.ts";

const LEASES = ["l0", "l1", "l2"];
const SERVICES = ["s0", "s1"];

function leaseOf(id: string, ttlMs: number): LeaseRecord {
  const numbers = { ttlMs, createRevision: 1, modRevision: 1, grantedAtMs: 0 };
  return { id, via: "test", own: false, meta: {}, held: null, origin: "test", ...numbers };
}

function count(account: AccountState, service?: string): { kept: number; silent: number } {
  const kept = [...account.instances()].filter(
    (one) => one.lease !== null && account.lease(one.lease)?.ttlMs === 1000 && (service ?? one.service) === one.service,
  );
  const silent = kept.filter((one) => account.leaseStates.get(one.lease ?? "")?.silent === true);
  return { kept: kept.length, silent: silent.length };
}

const step = fc.record({
  what: fc.constantFrom("grant", "timeless", "end", "hear", "silence", "put", "put", "remove"),
  lease: fc.constantFrom(...LEASES),
  service: fc.constantFrom(...SERVICES),
  id: fc.constantFrom("i0", "i1", "i2"),
  permanent: fc.boolean(),
});

test("kept and silent instances are counted through every change", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const account = new AccountState("a", 0);
      for (const { what, lease, service, id, permanent } of steps) {
        const state = account.leaseStates.get(lease);
        if (what === "grant") account.setLease(lease, leaseOf(lease, 1000));
        else if (what === "timeless") account.setLease(lease, leaseOf(lease, Number.POSITIVE_INFINITY));
        else if (what === "remove") account.setInstance(service, id, null, 1);
        else if (what === "put") {
          const keeper = permanent || state === undefined ? null : lease;
          account.setInstance(service, id, recordOf(service, id, { lease: keeper }), 1);
        } else if (state !== undefined && what === "end") {
          // As in a commit: the lease first, then what it keeps.
          const members = [...state.each()];
          account.setLease(lease, null);
          for (const one of members) if (!("key" in one)) account.setInstance(one.service, one.id, null, 1);
        } else if (state !== undefined && !isTimeless(state.record)) account.setSilent(state, what === "silence");
        assert.deepEqual({ kept: account.kept, silent: account.silent }, count(account));
        for (const { name, kept, silent } of account.serviceStates.values())
          assert.deepEqual({ kept, silent }, count(account, name));
      }
    }),
  );
});
