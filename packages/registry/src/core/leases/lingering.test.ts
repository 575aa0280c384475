/** Leases whose holder is gone: at once, unless they are heard, and together like those that lapse. Lingers are real time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { accepted, openRig, type Rig, register } from "../../../../../test/harness/registry.ts";
import { createProtection, PROTECTION_DEFAULTS } from "../../around/protection.ts";

const LINGER_MS = 50;

async function enter(rig: Rig, count: number, ttlMs = 60_000): Promise<void> {
  for (let nth = 0; nth < count; nth++)
    accepted(await rig.registry.propose("default", register("api", `i${nth}`, { ttlMs })));
}

function presentIn(rig: Rig): readonly string[] {
  return rig.registry.read((view) => [...(view.account("default")?.service("api")?.instances.keys() ?? [])]);
}

const heldIn = (rig: Rig): number => rig.core.numbers().heldLeases;
const abandon = (rig: Rig, nth: number): void => rig.registry.abandon("default", `api/i${nth}`, LINGER_MS);
const linger = (): Promise<void> => pause(3 * LINGER_MS);

test("it lapses after its linger, as one that ran out of time", async () => {
  const rig = await openRig();
  await enter(rig, 2);
  const leftMs = (): number => (rig.registry.pulse("default", "api/i0")?.deadlineMs ?? 0) - rig.clock.now();
  assert.ok(leftMs() > 50_000);
  abandon(rig, 0);
  assert.equal(presentIn(rig).length, 2, "ended before its time");
  assert.ok(leftMs() <= LINGER_MS + 10, "the linger is what it has left");
  await linger();
  await rig.pass(100);
  assert.deepEqual(presentIn(rig), ["i1"]);
  const [lease, instance] = (await rig.commits()).at(-1)?.changes ?? [];
  assert.equal(lease?.kind === "lease" && lease.cause, "expired");
  assert.equal(instance?.kind === "instance" && instance.cause, "expired");
});

test("one that is heard in time lives on with its whole ttl, and what is no lease or has no time is left alone", async () => {
  const rig = await openRig();
  await enter(rig, 1, 3000);
  const timeless = { kind: "grant", lease: "timeless", ttlMs: Number.POSITIVE_INFINITY, via: "t" } as const;
  accepted(await rig.registry.propose("default", timeless));
  rig.registry.abandon("default", "timeless", LINGER_MS);
  rig.registry.abandon("default", "none", LINGER_MS);
  abandon(rig, 0);
  await rig.registry.renew("default", "api/i0");
  await linger();
  await rig.pass(2900);
  assert.equal(presentIn(rig).length, 1);
  assert.ok(rig.registry.read((view) => view.lease("default", "timeless")));
  await rig.pass(1000);
  assert.equal(presentIn(rig).length, 0, "its ttl runs as ever");
});

test("of two ends the later one counts", async () => {
  const rig = await openRig();
  await enter(rig, 1);
  abandon(rig, 0);
  await rig.registry.renew("default", "api/i0");
  rig.registry.abandon("default", "api/i0", 20 * LINGER_MS);
  await linger();
  assert.equal(presentIn(rig).length, 1);
});

test("many that end together are held, in whatever order their ends are heard of", async () => {
  const rig = await openRig({ policy: createProtection(PROTECTION_DEFAULTS) });
  await enter(rig, 20);
  for (let nth = 0; nth < 20; nth++) {
    abandon(rig, nth);
    if (nth % 5 === 4) await new Promise((resolve) => setImmediate(resolve));
  }
  await linger();
  await rig.pass(100);
  assert.equal(presentIn(rig).length, 20);
  assert.equal(heldIn(rig), 20);
  await rig.registry.renew("default", "api/i7");
  await rig.pass(100);
  assert.equal(heldIn(rig), 19, "one that comes back is let go");
});

test("of many some that end are no reason to hold any, though hardly one was heard since", async () => {
  const rig = await openRig({ policy: createProtection(PROTECTION_DEFAULTS) });
  await enter(rig, 100);
  const beat = async (first: number): Promise<void> => {
    for (let nth = first; nth < 100; nth += 10) await rig.registry.renew("default", `api/i${nth}`);
  };
  // Each beats every ten seconds.
  for (let second = 0; second < 60; second++) {
    await beat(second % 10);
    await rig.pass(1000);
  }
  // A few of the others are late by a little.
  await rig.pass(500);
  for (let nth = 10; nth < 40; nth++) abandon(rig, nth);
  await linger();
  await rig.pass(100);
  assert.equal(presentIn(rig).length, 70);
  assert.equal(heldIn(rig), 0);
});
