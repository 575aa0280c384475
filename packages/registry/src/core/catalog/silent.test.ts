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

function count(account: AccountState, service?: string): { kept: number; elsewhere: number; silent: number } {
  const timed = [...account.instances()].filter(
    (one) => one.lease !== null && account.lease(one.lease)?.ttlMs === 1000 && (service ?? one.service) === one.service,
  );
  const states = timed.map((one) => account.leaseStates.get(one.lease ?? ""));
  const elsewhere = states.filter((state) => state?.isElsewhere === true).length;
  const silent = states.filter((state) => state?.silent === true).length;
  return { kept: timed.length - elsewhere, elsewhere, silent };
}

const step = fc.record({
  what: fc.constantFrom("grant", "timeless", "end", "hear", "silence", "move", "put", "put", "remove"),
  lease: fc.constantFrom(...LEASES),
  service: fc.constantFrom(...SERVICES),
  id: fc.constantFrom("i0", "i1", "i2"),
  permanent: fc.boolean(),
});

test("kept and silent instances are counted, wherever they are kept, through every change", () => {
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
        } else if (state !== undefined && what === "move") account.setElsewhere(state, !state.isElsewhere);
        else if (state !== undefined && !isTimeless(state.record)) account.setSilent(state, what === "silence");
        const { kept, elsewhere, silent } = account;
        assert.deepEqual({ kept, elsewhere, silent }, count(account));
        for (const { name, ...numbers } of account.serviceStates.values()) {
          const { kept, elsewhere, silent } = numbers;
          assert.deepEqual({ kept, elsewhere, silent }, count(account, name));
        }
      }
    }),
  );
});
