/** Protection at its default numbers: what stays listed when many fall silent, and what goes. In simulated time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Fleet, openFleet, type Pod, type PodSpec, silence, watchDead } from "../../../../test/harness/fleet.ts";
import { accepted, register } from "../../../../test/harness/registry.ts";

const SEEDS = [1, 2, 3];
/** ttl and beat in seconds. */
const USUAL = [
  [6, 2],
  [30, 10],
  [90, 30],
  [120, 60],
] as const;

type Group = readonly [count: number, spec: PodSpec];

/** They beat for a while; then all but the last `well` are silent for longer than their ttl. */
async function fallSilent(seed: number, groups: readonly Group[], well = 0): Promise<{ fleet: Fleet; pods: Pod[] }> {
  const fleet = await openFleet(seed);
  const pods: Pod[] = [];
  for (const [count, spec] of groups) pods.push(...(await fleet.startMany(count, spec)));
  await fleet.run(4 * Math.max(...groups.map(([, { beatS }]) => beatS)) + seed / 3);
  const silent = pods.slice(0, pods.length - well);
  silence(silent);
  await fleet.run(Math.max(...groups.map(([, { ttlS }]) => ttlS)) + 3);
  return { fleet, pods: silent };
}

for (const [ttlS, beatS] of USUAL) {
  test(`30 of 30 silent, a ttl of ${ttlS} s and a beat every ${beatS} s: nine in ten are held`, async () => {
    for (const jitter of [0, 0.1, 0.3]) {
      const { fleet, pods } = await fallSilent(1, [[30, { ttlS, beatS, jitter }]]);
      assert.ok(fleet.held(pods) >= 27, `${fleet.held(pods)} of 30 are held`);
    }
  });

  test(`the same beside 40 leases that keep nothing, ttl ${ttlS} s, beat ${beatS} s`, async () => {
    const fleet = await openFleet();
    const idle = Array.from({ length: 40 }, (_, i) => `idle${i}`);
    for (const lease of idle)
      accepted(await fleet.rig.registry.propose("default", { kind: "grant", lease, ttlMs: 600_000, via: "test" }));
    const renew = async (): Promise<void> => void (await fleet.rig.registry.renewMany("default", idle));
    const pods = await fleet.startMany(30, { ttlS, beatS });
    await fleet.run(4 * beatS, renew);
    silence(pods);
    await fleet.run(ttlS + 3, renew);
    assert.ok(fleet.held(pods) >= 27, `${fleet.held(pods)} of 30 are held`);
  });

  test(`one service of 12 silent in an account of 32, the rest well, ttl ${ttlS} s, beat ${beatS} s`, async () => {
    for (const seed of SEEDS) {
      const db: Group = [20, { service: "db", ttlS, beatS }];
      const { fleet, pods } = await fallSilent(seed, [[12, { ttlS, beatS }], db], 20);
      assert.ok(fleet.held(pods) >= 6, `${fleet.held(pods)} of 12 are held`);
      assert.equal(
        fleet.rig.registry.read((view) => view.serviceSize("default", "db")),
        20,
      );
    }
  });

  test(`a rolling deploy of half, ids and addresses new, ttl ${ttlS} s, beat ${beatS} s: the old ones go in time`, async () => {
    for (const seed of SEEDS) {
      const fleet = await openFleet(seed);
      const { dead, held, late, look } = watchDead(fleet);
      const old = await fleet.startMany(30, { ttlS, beatS });
      await fleet.run(4 * beatS);
      for (let i = 0; i < 15; i += 3) {
        silence(old.slice(i, i + 3));
        dead.push(...old.slice(i, i + 3));
        await fleet.run(2, look);
        await fleet.startMany(3, { ttlS, beatS });
        await fleet.run(2, look);
      }
      await fleet.run(ttlS + 3, look);
      assert.deepEqual([fleet.listed(dead), held.size, late.size], [0, 0, 0], `seed ${seed}`);
      assert.equal(
        fleet.rig.registry.read((view) => view.serviceSize("default", "api")),
        30,
      );
    }
  });
}

test("beats rarer than twice a ttl are told of, and half of their instances stay", async () => {
  for (const jitter of [0, 0.1]) {
    const told: string[] = [];
    const fleet = await openFleet(1, {
      onRareBeats: (account, _, lease, intervalMs) =>
        told.push(`${account} ${lease.id} ${Math.round(intervalMs / 10_000) * 10} s of ${lease.ttlMs / 1000} s`),
    });
    const pods = await fleet.startMany(30, { ttlS: 120, beatS: 100, jitter });
    await fleet.run(210);
    assert.equal(new Set(told).size, 30, "each once");
    assert.match(told[0] ?? "", /^default api\/i\d+ \d+ s of 120 s$/);
    const first = pods[0] as Pod;
    assert.equal(fleet.rig.registry.pulse(first.account, `api/${first.id}`)?.rare, true);
    await fleet.run(200);
    silence(pods);
    await fleet.run(125);
    assert.ok(fleet.held(pods) >= 15, `${fleet.held(pods)} of 30 are held`);
  }
});

test("rare beats, cut when some have never beaten: about half stay", async () => {
  for (const [gapS, wholeFirst, cutS] of [
    [3, false, 115],
    [3, false, 118],
    [3, true, 101],
    [1, true, 115],
  ] as const) {
    const fleet = await openFleet(1);
    const pods: Pod[] = [];
    for (let i = 0; i < 30; i++) {
      const pod = await fleet.start({ ttlS: 120, beatS: 100, jitter: 0.1 });
      if (wholeFirst) pod.nextMs = fleet.nowMs + 100_000;
      pods.push(pod);
      await fleet.run(gapS);
    }
    await fleet.run(cutS - 30 * gapS);
    silence(pods);
    await fleet.run(250);
    assert.ok(fleet.held(pods) >= 13, `${fleet.held(pods)} of 30 are held, cut after ${cutS} s`);
  }
});

test("two generations that died before their first beat, and a third that lives: none is held", async () => {
  const fleet = await openFleet(1);
  const dead: Pod[] = [];
  for (let generation = 0; generation < 2; generation++) {
    const pods = await fleet.startMany(12, { ttlS: 30, beatS: 0 });
    await fleet.run(4);
    silence(pods);
    dead.push(...pods);
  }
  await fleet.startMany(12, { ttlS: 30, beatS: 10 });
  await fleet.run(31);
  assert.equal(fleet.listed(dead), 0);
});

test("beats that come twice in a ttl are not too rare, nor are a few that are late", async () => {
  const told: string[] = [];
  const fleet = await openFleet(1, { onRareBeats: (_, instance) => told.push(instance.id) });
  await fleet.startMany(10, { ttlS: 120, beatS: 60, jitter: 0.1 });
  await fleet.run(600);
  assert.deepEqual(told, []);
});

test("9 of 9 silent: gone", async () => {
  for (const [ttlS, beatS] of USUAL) {
    const { fleet, pods } = await fallSilent(1, [[9, { ttlS, beatS }]]);
    assert.equal(fleet.listed(pods), 0);
  }
});

test("all pods are replaced at once: the old ones go in time", async () => {
  for (const delayS of [0, 2, 12]) {
    const fleet = await openFleet();
    const { dead, held, late, look } = watchDead(fleet);
    dead.push(...(await fleet.startMany(30, { ttlS: 30, beatS: 10 })));
    await fleet.run(40);
    silence(dead);
    await fleet.run(delayS, look);
    const fresh = await fleet.startMany(30, { ttlS: 30, beatS: 10 });
    await fleet.run(35, look);
    assert.deepEqual([fleet.listed(dead), held.size, late.size, fleet.listed(fresh)], [0, 0, 0, 30]);
  }
});

test("fewer than half dead, however they beat: gone in time, and none held", async () => {
  for (const seed of SEEDS)
    for (const [ttlS, beatS] of USUAL) {
      const { fleet, pods } = await fallSilent(seed, [[30, { ttlS, beatS, jitter: 0.1 }]], 16);
      assert.equal(fleet.listed(pods), 0);
    }
});

test("dead ones of many services beside one whose beats are rare: gone", async () => {
  const quick = Array.from({ length: 12 }, (_, i): Group => [1, { service: `s${i}`, ttlS: 6, beatS: 2 }]);
  const slow: Group = [30, { service: "slow", ttlS: 120, beatS: 60 }];
  const { fleet, pods } = await fallSilent(1, [...quick, slow], 30);
  assert.equal(fleet.listed(pods), 0);
});

test("ttls of all kinds silent together, all and all but one", async () => {
  for (const seed of SEEDS)
    for (const well of [0, 1]) {
      const mixed = [6, 30, 90].map((ttlS): Group => [10, { ttlS, beatS: ttlS / 3 }]);
      const { fleet, pods } = await fallSilent(seed, mixed, well);
      assert.ok(fleet.held(pods) >= 27, `${fleet.held(pods)} of ${pods.length} are held`);
    }
});

test("many small services silent together", async () => {
  for (const size of [1, 3]) {
    const groups = Array.from(
      { length: 30 / size },
      (_, i): Group => [size, { service: `s${i}`, ttlS: 30, beatS: 10 }],
    );
    const { fleet, pods } = await fallSilent(1, groups);
    assert.equal(fleet.held(pods), 30);
    const reason = fleet.recordOf(pods[0] as Pod)?.held?.reason ?? "";
    assert.match(reason, /^\d+ of 30 instances of account default fell silent together/);
  }
});

test("instances that die one by one, over minutes, go", async () => {
  const fleet = await openFleet();
  const { dead, held, late, look } = watchDead(fleet);
  const pods = await fleet.startMany(30, { ttlS: 30, beatS: 10 });
  await fleet.run(40);
  for (const pod of pods) {
    silence([pod]);
    dead.push(pod);
    await fleet.run(6, look);
  }
  await fleet.run(35, look);
  assert.deepEqual([fleet.listed(dead), held.size, late.size], [0, 0, 0]);
});

test("beats at random times, and now and then a death: none is held", async () => {
  const fleet = await openFleet();
  const { dead, held, late, look } = watchDead(fleet);
  const pods = await fleet.startMany(40, { ttlS: 30, beatS: 4, jitter: 4 });
  await fleet.run(300, () => {
    const pod = fleet.chance() < 0.005 ? pods[dead.length] : undefined;
    if (pod !== undefined) {
      silence([pod]);
      dead.push(pod);
    }
    look();
  });
  assert.ok(dead.length > 5);
  assert.deepEqual([held.size, late.size], [0, 0]);
  assert.equal(fleet.listed(pods), 40 - fleet.held(pods) - dead.filter((pod) => !fleet.recordOf(pod)).length);
});

test("a lease of many instances counts with each of them; keys and permanent instances count with none", async () => {
  const fleet = await openFleet();
  const { registry } = fleet.rig;
  for (let i = 0; i < 40; i++) accepted(await registry.propose("default", register("static", `p${i}`, "permanent")));
  for (let host = 0; host < 5; host++) {
    const lease = `host${host}`;
    accepted(await registry.propose("default", { kind: "grant", lease, ttlMs: 6000, via: "test" }));
    for (let i = 0; i < 4; i++)
      accepted(await registry.propose("default", register(`s${i}`, `${lease}-${i}`, { lease }, { address: lease })));
    accepted(await registry.propose("default", { kind: "put", key: lease, value: "v", lease }));
    accepted(await registry.propose("default", { kind: "grant", lease: `keys${host}`, ttlMs: 6000, via: "test" }));
    accepted(await registry.propose("default", { kind: "put", key: `k${host}`, value: "v", lease: `keys${host}` }));
  }
  await fleet.run(10);
  const leases = registry.read((view) => [...(view.account("default")?.leases() ?? [])]);
  assert.deepEqual(leases.map((lease) => lease.id).sort(), ["host0", "host1", "host2", "host3", "host4"]);
  assert.ok(leases.every((lease) => /^20 of 20 instances of account default/.test(lease.held?.reason ?? "")));
  // One instance at the same place does not stand in for all that the lease keeps.
  accepted(await registry.propose("default", register("s0", "new", { ttlMs: 6000 }, { address: "host0" })));
  await fleet.run(1);
  assert.equal(
    registry.read((view) => view.serviceSize("default", "s0")),
    6,
  );
});

test("a held one is let go at once when another registers at its address, and by others a ttl later", async () => {
  const { fleet, pods } = await fallSilent(1, [[20, { ttlS: 6, beatS: 2 }]]);
  assert.equal(fleet.held(pods), 20);
  await fleet.start({ ttlS: 6, beatS: 2, address: (pods[3] as Pod).address });
  await fleet.run(0.2);
  assert.equal(fleet.recordOf(pods[3] as Pod), undefined);
  assert.equal(fleet.held(pods), 19);
  const others = await fleet.startMany(5, { ttlS: 6, beatS: 2 });
  await fleet.run(5);
  assert.equal(fleet.held(pods), 19);
  await fleet.run(2);
  assert.equal(fleet.held(pods), 14, "one for each that came");
  await fleet.run(60);
  assert.equal(fleet.held(pods), 14);
  assert.equal(fleet.listed(others), 5);
});

test("after a silence all are there again, and those that had ended are no newcomers", async () => {
  const { fleet, pods } = await fallSilent(1, [[30, { ttlS: 120, beatS: 100 }]]);
  const gone = pods.filter((pod) => fleet.recordOf(pod) === undefined);
  assert.ok(gone.length > 0 && gone.length <= 15);
  for (const pod of pods) pod.nextMs = fleet.nowMs + fleet.chance() * 100_000;
  let least = 30;
  await fleet.run(210, async () => {
    for (const pod of gone)
      if (fleet.recordOf(pod) === undefined && pod.nextMs <= fleet.nowMs) await fleet.register(pod);
    least = Math.min(least, fleet.listed(pods));
  });
  assert.ok(least >= 30 - gone.length);
  assert.deepEqual([fleet.listed(pods), fleet.held(pods)], [30, 0]);
});

test("a heartbeat that comes between the decision to hold and its commit lets go again", async () => {
  const fleet = await openFleet();
  const pods = await fleet.startMany(12, { ttlS: 3, beatS: 0 });
  const { rig } = fleet;
  await fleet.run(3.1);
  // The tick proposes; before it settles a beat comes in.
  const passed = rig.pass(100);
  await rig.registry.renew("default", `api/${(pods[0] as Pod).id}`);
  await passed;
  await fleet.run(0.5);
  assert.equal(fleet.recordOf(pods[0] as Pod)?.held, null);
  assert.equal(fleet.held(pods), 11);
});

test("a paused registry, and a clock that jumps, hold nothing and end nothing", async () => {
  const fleet = await openFleet();
  const pods = await fleet.startMany(30, { ttlS: 6, beatS: 2 });
  await fleet.run(10);
  fleet.rig.pause(3_600_000);
  await fleet.run(4);
  fleet.rig.setClock(-86_400_000);
  await fleet.run(10);
  assert.deepEqual([fleet.listed(pods), fleet.held(pods)], [30, 0]);
  silence(pods);
  await fleet.run(8);
  fleet.rig.setClock(86_400_000);
  await fleet.run(300);
  assert.equal(fleet.held(pods), 30);
  await fleet.run(310);
  assert.equal(fleet.listed(pods), 0, "ten minutes have really passed");
});

test("each account is judged alone", async () => {
  const fleet = await openFleet();
  const first = await fleet.startMany(12, { account: "first", ttlS: 6, beatS: 2 });
  const second = await fleet.startMany(9, { account: "second", ttlS: 6, beatS: 2 });
  await fleet.run(10);
  silence([...first, ...second]);
  await fleet.run(8);
  assert.deepEqual([fleet.held(first), fleet.listed(second)], [12, 0]);
});
