/** An account goes with all that it holds, whatever happens to that meanwhile and however much it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, openRig, register, replaceIn } from "../../../../../test/harness/registry.ts";
import { LIMITS, type Registry, refuse } from "../../core/index.ts";
import { openAccounts } from "./access.ts";

const ACCOUNT = "shop";

async function put(registry: Registry, key: string, value = ""): Promise<void> {
  accepted(await registry.propose(ACCOUNT, { kind: "put", key, value }));
}

async function remove(registry: Registry): Promise<unknown> {
  const access = await openAccounts(registry, {}, { now: () => 1, monotonic: () => 1 });
  try {
    return await access.removeAccount(ACCOUNT, true);
  } finally {
    access.close();
  }
}

function isEmpty(registry: Registry): boolean {
  return registry.read((view) => {
    return (
      view.count(ACCOUNT, "instances") + view.count(ACCOUNT, "leases") === 0 &&
      [...view.entries(ACCOUNT, "", "")].length === 0
    );
  });
}

test("leases that end by themselves meanwhile do not stop the removal", async () => {
  const { registry } = await openRig();
  const count = LIMITS.transactionCommandsMax + 100;
  await Promise.all(
    Array.from({ length: count }, (_, nth) => registry.propose(ACCOUNT, register("s", `i${nth}`, { ttlMs: 5000 }))),
  );
  await put(registry, "\0reserved");
  let ended = 0;
  const propose: Registry["propose"] = async (account, command, signal) => {
    // Right before the removal's own steps are decided.
    const first = command.kind === "when" ? command.then[0] : undefined;
    if (first?.kind === "end" && ended++ < 2) accepted(await registry.propose(account, first));
    return registry.propose(account, command, signal);
  };
  assert.deepEqual(await remove(replaceIn(registry, { propose })), { ok: true, value: true });
  assert.equal(ended, 2);
  assert.ok(isEmpty(registry));
});

test("what is too much for one commit goes in several", async () => {
  const { registry } = await openRig();
  const value = "v".repeat(LIMITS.valueBytesMax);
  for (let nth = 0; nth * value.length <= LIMITS.commitBytesMax; nth++) await put(registry, `k${nth}`, value);
  for (const lease of ["a", "b"]) {
    accepted(await registry.propose(ACCOUNT, { kind: "grant", lease, ttlMs: 5000, via: "t" }));
    accepted(await registry.propose(ACCOUNT, register("s", `of-${lease}`, { lease })));
  }
  // As if both kept more instances than one commit may change.
  const propose: Registry["propose"] = async (account, command, signal) => {
    const isLong = command.kind === "when" && command.then.filter((step) => step.kind === "end").length > 1;
    return isLong ? refuse("too-large", "too many changes") : registry.propose(account, command, signal);
  };
  assert.deepEqual(await remove(replaceIn(registry, { propose })), { ok: true, value: true });
  assert.ok(isEmpty(registry));
});
