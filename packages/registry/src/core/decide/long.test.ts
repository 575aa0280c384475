/** What a lease keeps is bounded, as it ends in one commit, and so is what a transaction changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceOf, LIMITS_OF_TESTS } from "../../../../../test/harness/registry.ts";
import { Catalog } from "../catalog/state.ts";
import { apply, type Command, LIMITS, sizeOf } from "../index.ts";
import { decide } from "./command.ts";

const rules = { limits: () => LIMITS_OF_TESTS, bytesMax: () => Number.POSITIVE_INFINITY };

/** Carries commands out; answers why not. */
function open(): { readonly catalog: Catalog; propose(command: Command): string | undefined } {
  const catalog = new Catalog();
  return {
    catalog,
    propose(command: Command): string | undefined {
      const revision = catalog.revision + 1;
      const decided = decide(catalog, "a", command, { revision, atMs: 0, origin: "t" }, rules);
      if (!decided.ok) return `${decided.refusal}: ${decided.detail}`;
      const { changes } = decided.value;
      apply(catalog, { revision, account: "a", atMs: 0, orderMs: 0, nth: 0, changes });
      return undefined;
    },
  };
}

const grant = (lease: string): Command => ({ kind: "grant", lease, ttlMs: 5000, via: "t" });
const register = (id: string, lease: string, bytes: number): Command => {
  const meta = Object.fromEntries(Array.from({ length: 8 }, (_, nth) => [`k${nth}`, "m".repeat(bytes / 8)]));
  return { kind: "register", instance: instanceOf("x", id, { meta }), life: { lease } };
};

const put = (key: string, lease: string): Command => ({ kind: "put", key, value: "v".repeat(1024 * 1024), lease });

function isFull(why: string | undefined): boolean {
  return why?.startsWith("too-large: lease l would keep more than 33554432 bytes") === true;
}

test("a lease keeps no more than one commit may end", () => {
  const { catalog, propose } = open();
  for (const lease of ["l", "m"]) assert.equal(propose(grant(lease)), undefined);
  let count = 0;
  while (propose(register(`i${count}`, "l", 60_000)) === undefined) count++;
  assert.ok(isFull(propose(register("more", "l", 60_000))));
  assert.ok(isFull(propose(put("k", "l"))));
  assert.ok(count > 500 && catalog.leaseBytes("a", "l") <= LIMITS.leaseBytesMax, `${count} instances`);
  const { instances } = catalog.members("a", "l");
  assert.equal(
    catalog.leaseBytes("a", "l"),
    instances.reduce((sum, record) => sum + sizeOf(record), 0),
  );
  assert.equal(propose(register("i0", "l", 8000)), undefined, "what gets shorter is welcome");
  assert.equal(propose(register("more", "l", 40_000)), undefined);
  assert.ok(
    isFull(
      propose({
        kind: "when",
        guards: [],
        then: ["a", "b", "c"].map((id) => register(id, "l", 40_000)),
        otherwise: [],
      }),
    ),
  );
  assert.equal(propose(register("i1", "m", 60_000)), undefined, "one may move to another lease");
  assert.equal(catalog.leaseBytes("a", "m"), sizeOf(catalog.members("a", "m").instances[0] as never));
  assert.equal(propose({ kind: "end", lease: "l", cause: "closed" }), undefined);
  assert.equal(catalog.leaseBytes("a", "l"), 0);
  assert.equal(propose(grant("l")), undefined);
  assert.equal(propose(put("k", "l")), undefined);
  assert.ok(catalog.leaseBytes("a", "l") > 1024 * 1024);
});

test("a transaction changes no more than it may", () => {
  const { catalog, propose } = open();
  const all = Array.from({ length: 24 }, (_, nth) => `l${nth}`);
  for (const lease of all) {
    assert.equal(propose(grant(lease)), undefined);
    for (let nth = 0; nth < 3; nth++) assert.equal(propose(put(`${lease}/${nth}`, lease)), undefined);
  }
  const end = (leases: readonly string[]): Command => ({
    kind: "when",
    guards: [],
    then: leases.map((lease) => ({ kind: "end", lease, cause: "closed" })),
    otherwise: [],
  });
  assert.equal(propose(end(all)), "too-large: it changes more than 67108864 bytes");
  assert.equal(propose(end(all.slice(0, 20))), undefined);
  assert.equal(propose(end(all.slice(20))), undefined);
  assert.equal(catalog.count("a", "keys"), 0);
});
