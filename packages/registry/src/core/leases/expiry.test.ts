/** Lease time: nothing ends before its ttl, nothing lives longer than ttl + 1 s, a paused process takes nobody's time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { accepted, openRig, type Rig, register } from "../../../../../test/harness/registry.ts";
import { createProtection, PROTECTION_DEFAULTS } from "../../around/protection.ts";
import { LeaseWheel } from "./wheel.ts";

function present(rig: Rig, service: string, id: string): boolean {
  return rig.registry.read((view) => view.instance("default", service, id) !== undefined);
}

test("an instance goes within ttl + 1 s of its last heartbeat and never before its ttl", async () => {
  const rig = await openRig();
  accepted(await rig.registry.propose("default", register("api", "a", { ttlMs: 3000 })));
  await rig.pass(2500);
  assert.equal((await rig.registry.renew("default", "api/a")).ok, true);
  await rig.pass(3000);
  assert.equal(present(rig, "api", "a"), true, "ended before its ttl");
  await rig.pass(1000);
  assert.equal(present(rig, "api", "a"), false, "lives longer than ttl + 1 s");
  const last = (await rig.commits()).at(-1);
  const [lease, instance] = last?.changes ?? [];
  assert.equal(lease?.kind === "lease" && lease.cause, "expired");
  assert.equal(instance?.kind === "instance" && instance.cause, "expired");
  assert.ok(lease?.kind === "lease" && lease.silence !== null);
  assert.equal(lease.silence.beats, 1);
  assert.equal(lease.silence.deadlineMs, 1_000_000 + 2500 + 3000);
  assert.equal(lease.silence.lastBeatMs, 1_000_000 + 2500);
  assert.equal((await rig.registry.renew("default", "api/a")).ok, false);
});

test("a paused process gives every lease the time that it lost", async () => {
  const rig = await openRig();
  accepted(await rig.registry.propose("default", register("api", "a", { ttlMs: 3000 })));
  await rig.pass(1000);
  rig.pause(60_000);
  await rig.pass(1500);
  assert.equal(present(rig, "api", "a"), true);
  await rig.pass(2000);
  assert.equal(present(rig, "api", "a"), false);
});

test("a new ttl counts from the registration that says it, a shorter one too", async () => {
  const rig = await openRig();
  const say = async (ttlMs: number) => accepted(await rig.registry.propose("default", register("api", "a", { ttlMs })));
  await say(2000);
  await rig.pass(1000);
  await say(60_000);
  await rig.pass(59_000);
  assert.equal(present(rig, "api", "a"), true);
  await say(2000);
  await rig.pass(1900);
  assert.equal(present(rig, "api", "a"), true);
  await rig.pass(1000);
  assert.equal(present(rig, "api", "a"), false);
});

test("a new ttl that is no heartbeat counts from the last one, a shorter one from the next", async () => {
  const rig = await openRig();
  const say = async (ttlMs: number) =>
    accepted(await rig.registry.propose("default", register("api", "a", { ttlMs, quiet: true })));
  await say(2000);
  await rig.pass(1000);
  await say(10_000);
  await rig.pass(8000);
  assert.equal(present(rig, "api", "a"), true);
  await rig.registry.renew("default", "api/a");
  await say(2000);
  await rig.pass(9000);
  assert.equal(present(rig, "api", "a"), true, "the old ttl still runs");
  await rig.registry.renew("default", "api/a");
  await rig.pass(3000);
  assert.equal(present(rig, "api", "a"), false);
  await say(10_000);
  await rig.pass(1000);
  await say(10_000);
  await rig.pass(9500);
  assert.equal(present(rig, "api", "a"), false, "the same again was no heartbeat");
});

test("ends are proposed in the order of their deadlines", async () => {
  const rig = await openRig();
  for (const [id, ttlMs] of [
    ["late", 2080],
    ["early", 2010],
    ["middle", 2050],
  ] as const) {
    accepted(await rig.registry.propose("default", register("api", id, { ttlMs })));
  }
  await rig.pass(3500);
  const gone = (await rig.commits()).flatMap((commit) =>
    commit.changes.flatMap((change) =>
      change.kind === "instance" && change.after === null ? [change.before?.id] : [],
    ),
  );
  assert.deepEqual(gone, ["early", "middle", "late"]);
});

test("the wheel gives each lease once, in time, whatever the ttls and beats", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          ttlMs: fc.integer({ min: 1000, max: 400_000 }),
          beats: fc.array(fc.integer({ min: 0, max: 300_000 }), { maxLength: 4 }),
        }),
        { minLength: 1, maxLength: 40 },
      ),
      (specs) => {
        const wheel = new LeaseWheel(0);
        const lasts = new Map<number, number>();
        const beats = new Map<number, number[]>();
        specs.forEach((spec) => {
          const slot = wheel.add("default", `l${lasts.size}`, spec.ttlMs, wheel.now);
          lasts.set(slot, 0);
          beats.set(
            slot,
            spec.beats.toSorted((a, b) => a - b),
          );
        });
        for (let now = 100; lasts.size > 0; now += 100) {
          for (const lapsed of wheel.advance(now).lapsed) {
            const last = lasts.get(lapsed.slot);
            assert.ok(last !== undefined, "given twice");
            const lived = now - last;
            const ttlMs = wheel.ttlMs(lapsed.slot);
            assert.ok(lived >= ttlMs && lived <= ttlMs + 500, `lived ${lived} of ${ttlMs}`);
            wheel.remove(lapsed.slot);
            lasts.delete(lapsed.slot);
          }
          for (const [slot, times] of beats) {
            while (times.length > 0 && (times[0] as number) <= now) {
              times.shift();
              if (!lasts.has(slot)) continue;
              wheel.beat(slot, wheel.now);
              lasts.set(slot, now);
            }
          }
          assert.ok(now < 1_000_000, "something never lapsed");
        }
      },
    ),
    { numRuns: 30 },
  );
});

async function crowd(rig: Rig, count: number): Promise<void> {
  for (let i = 0; i < count; i++)
    accepted(await rig.registry.propose("default", register("api", `i${i}`, { ttlMs: 3000 })));
}

async function beatAll(rig: Rig, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) await rig.registry.renew("default", `api/i${i}`);
}

function heldCount(rig: Rig): number {
  return rig.registry.read(
    (view) => [...(view.account("default")?.instances() ?? [])].filter((record) => record.held !== null).length,
  );
}

function size(rig: Rig): number {
  return rig.registry.read((view) => view.count("default", "instances"));
}

test("protection holds leases that lapse together, and lets go of those that renew", async () => {
  const rig = await openRig({ policy: createProtection(PROTECTION_DEFAULTS) });
  await crowd(rig, 20);
  for (let i = 0; i < 5; i++) {
    await rig.pass(1000);
    await beatAll(rig, 0, 20);
  }
  await rig.pass(5000);
  assert.equal(size(rig), 20, "something went");
  assert.equal(heldCount(rig), 20);
  await beatAll(rig, 0, 5);
  await rig.pass(100);
  assert.equal(heldCount(rig), 15);
  // The five have a full ttl again; the others are let go after ten minutes.
  for (let i = 0; i < 620; i++) {
    await beatAll(rig, 0, 5);
    await rig.pass(1000);
  }
  assert.equal(size(rig), 5);
  assert.equal(heldCount(rig), 0);
});

test("protection lets few go: fewer than ten, or less than half", async () => {
  const rig = await openRig({ policy: createProtection(PROTECTION_DEFAULTS) });
  await crowd(rig, 40);
  for (let i = 0; i < 5; i++) {
    await rig.pass(1000);
    await beatAll(rig, 0, 40);
  }
  for (let i = 0; i < 6; i++) {
    await rig.pass(1000);
    await beatAll(rig, 12, 40);
  }
  assert.equal(size(rig), 28);
  const few = await openRig({ policy: createProtection(PROTECTION_DEFAULTS) });
  await crowd(few, 9);
  await few.pass(5000);
  assert.equal(size(few), 0);
});

test("protection is judged for each account alone", async () => {
  const rig = await openRig({ policy: createProtection(PROTECTION_DEFAULTS) });
  await crowd(rig, 12);
  accepted(await rig.registry.propose("other", register("api", "one", { ttlMs: 3000 })));
  await rig.pass(5000);
  assert.equal(size(rig), 12);
  assert.equal(
    rig.registry.read((view) => view.count("other", "instances")),
    0,
  );
});

test("leases that lapse and come back again and again are never taken for many", async () => {
  const rig = await openRig({ policy: createProtection(PROTECTION_DEFAULTS) });
  for (let round = 0; round < 12; round++) {
    for (const id of ["a", "b"]) accepted(await rig.registry.propose("default", register("loop", id, { ttlMs: 1000 })));
    await rig.pass(1500);
    assert.equal(size(rig), 0, `round ${round}: ${heldCount(rig)} are held`);
  }
});

test("a held lease counts once, also near the end of its hold", async () => {
  const seen: number[] = [];
  const policy = createProtection({ ...PROTECTION_DEFAULTS, holdMs: 5000 });
  const holds: typeof policy.holds = (census) => {
    seen.push(census.lost + census.there);
    return policy.holds(census);
  };
  const rig = await openRig({ policy: { ...policy, holds } });
  await crowd(rig, 20);
  accepted(await rig.registry.propose("default", register("late", "x", { ttlMs: 6000 })));
  await rig.pass(12_000);
  assert.ok(seen.length > 0);
  assert.ok(Math.max(...seen) <= 21, `${Math.max(...seen)} of 21 are counted`);
});

test("a lone lapse beside leases that are held for long ends as ever", async () => {
  const rig = await openRig({ policy: createProtection(PROTECTION_DEFAULTS) });
  await crowd(rig, 20);
  await rig.pass(5000);
  assert.equal(heldCount(rig), 20);
  // One that falls silent in the same window belongs to them.
  accepted(await rig.registry.propose("default", register("late", "soon", { ttlMs: 3000 })));
  await rig.pass(4500);
  assert.equal(heldCount(rig), 21);
  await rig.pass(15_000);
  accepted(await rig.registry.propose("default", register("other", "long after", { ttlMs: 2000 })));
  await rig.pass(3500);
  assert.equal(size(rig), 21);
  assert.equal(heldCount(rig), 21);
});

const TIMELESS = { ttlMs: Number.POSITIVE_INFINITY };

test("a lease without time never lapses, and its beats are noted", async () => {
  const rig = await openRig();
  const grant = { kind: "grant", lease: "s", via: "test", ...TIMELESS } as const;
  accepted(await rig.registry.propose("default", grant));
  accepted(await rig.registry.propose("default", register("api", "a", { lease: "s" })));
  accepted(await rig.registry.propose("default", register("api", "b", TIMELESS)));
  accepted(await rig.registry.propose("default", register("api", "c", { ttlMs: 9e12 })));
  await rig.pass(300_000);
  for (const id of ["a", "b", "c"]) assert.equal(present(rig, "api", id), true, id);
  assert.deepEqual(await rig.registry.renew("default", "s"), { ok: true, value: TIMELESS });
  assert.deepEqual([...(await rig.registry.renewMany("default", ["s", "api/c", "none"]))], [TIMELESS.ttlMs, 9e12, 0]);
  const pulse = rig.registry.pulse("default", "s");
  assert.deepEqual(pulse, {
    beats: 2,
    lastBeatMs: rig.clock.now(),
    intervalMs: 0,
    rare: false,
    deadlineMs: TIMELESS.ttlMs,
  });
  accepted(await rig.registry.propose("default", { kind: "end", lease: "s", cause: "expired" }));
  assert.equal(present(rig, "api", "a"), false);
  assert.equal(present(rig, "api", "b"), true);
});

test("time begins when a lease gets one, and is over when it has none any more", async () => {
  const rig = await openRig();
  const say = async (ttlMs: number, quiet?: true) =>
    accepted(await rig.registry.propose("default", register("api", "a", { ttlMs, ...(quiet && { quiet }) })));
  for (const quiet of [undefined, true] as const) {
    await say(TIMELESS.ttlMs);
    await rig.pass(60_000);
    await say(3000, quiet);
    await rig.pass(2900);
    assert.equal(present(rig, "api", "a"), true);
    await say(TIMELESS.ttlMs, quiet);
    await rig.pass(10_000);
    assert.equal(present(rig, "api", "a"), true);
    await say(3000, quiet);
    await rig.pass(4000);
    assert.equal(present(rig, "api", "a"), false);
  }
});

test("who has no time says nothing of a silence: they count neither as there nor as gone", async () => {
  const rig = await openRig({ policy: createProtection(PROTECTION_DEFAULTS) });
  const one = async (id: string, ttlMs: number) =>
    accepted(await rig.registry.propose("default", register("api", id, { ttlMs })));
  for (let i = 0; i < 60; i++) await one(`timeless-${i}`, TIMELESS.ttlMs);
  for (let i = 0; i < 20; i++) await one(`timed-${i}`, 3000);
  await rig.pass(6000);
  const held = () =>
    rig.registry.read((view) => [...(view.account("default")?.instances() ?? [])].filter((one) => one.held !== null));
  assert.equal(held().length, 20, "twenty of twenty fell silent");
  // One that has no time any more is held no longer.
  await one("timed-0", TIMELESS.ttlMs);
  const grant = { kind: "grant", lease: "api/timed-1", via: "test", quiet: true, ...TIMELESS } as const;
  accepted(await rig.registry.propose("default", grant));
  await rig.pass(100);
  assert.equal(held().length, 18);
  assert.equal(rig.core.numbers().heldLeases, 18);
  await rig.pass(PROTECTION_DEFAULTS.holdMs + 10_000);
  assert.equal(held().length, 0);
  for (const id of ["timed-0", "timed-1", "timeless-0"]) assert.equal(present(rig, "api", id), true, id);
  assert.equal(present(rig, "api", "timed-2"), false);
});
