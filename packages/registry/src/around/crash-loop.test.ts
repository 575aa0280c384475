/** Pods that die and come again with new ids are no silence of the registry: protection holds none of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DeadWatch, type Fleet, openFleet, type Pod, silence, watchDead } from "../../../../test/harness/fleet.ts";

const SEEDS = [1, 2, 3];

interface Loop {
  readonly seed: number;
  readonly beatS: number;
  readonly sameAddress: boolean;
  /** All die at once, else each at a time of its own. */
  readonly together: boolean;
  /** There were stable ones before. */
  readonly stable: boolean;
  readonly ttlS?: number;
  /** From a death to the next registration. */
  readonly gapS?: number;
}

/** A crash loop of 12 pods, each with a new id every four seconds. */
class CrashLoop {
  readonly watch: DeadWatch;
  readonly #fleet: Fleet;
  readonly #loop: Loop;
  #turns: { pod: Pod | undefined; atMs: number; address: string }[] = [];

  constructor(fleet: Fleet, loop: Loop) {
    this.#fleet = fleet;
    this.#loop = loop;
    this.watch = watchDead(fleet);
  }

  async begin(): Promise<void> {
    const ttlS = this.#loop.ttlS ?? 5;
    for (let i = 0; i < 12; i++) {
      const address = `10.9.0.${i}`;
      const pod = this.#loop.stable ? await this.#fleet.start({ ttlS, beatS: ttlS / 3, address }) : undefined;
      this.#turns.push({ pod, atMs: 0, address });
    }
    if (this.#loop.stable) await this.#fleet.run(3 * ttlS);
    for (const turn of this.#turns)
      turn.atMs = this.#fleet.nowMs + (this.#loop.together ? 0 : this.#fleet.chance() * 4000);
  }

  /** To be called every 100 ms. */
  async step(): Promise<void> {
    const { ttlS = 5, beatS, gapS = 0, sameAddress } = this.#loop;
    for (const turn of this.#turns) {
      if (this.#fleet.nowMs < turn.atMs) continue;
      if (turn.pod !== undefined) this.#kill(turn.pod);
      if (turn.pod !== undefined && gapS > 0) {
        turn.pod = undefined;
        turn.atMs += gapS * 1000;
        continue;
      }
      turn.pod = await this.#fleet.start({ ttlS, beatS, ...(sameAddress ? { address: turn.address } : {}) });
      turn.atMs += 4000;
    }
    this.watch.look();
  }

  /** The last ones die, too, and nothing comes after them. */
  async end(): Promise<void> {
    for (const { pod } of this.#turns) if (pod !== undefined) this.#kill(pod);
    this.#turns = [];
    await this.#fleet.run((this.#loop.ttlS ?? 5) + 3, () => this.watch.look());
  }

  #kill(pod: Pod): void {
    silence([pod]);
    this.watch.dead.push(pod);
  }
}

test("a crash loop: each dead one goes within its ttl and a second, and none is held", async () => {
  for (const seed of SEEDS)
    for (const beatS of [0, 1, 2])
      for (const sameAddress of [true, false])
        for (const together of [true, false])
          for (const stable of [true, false]) {
            const loop: Loop = { seed, beatS, sameAddress, together, stable };
            const fleet = await openFleet(seed);
            const pods = new CrashLoop(fleet, loop);
            await pods.begin();
            await fleet.run(seed === 1 ? 60 : 20, () => pods.step());
            await pods.end();
            const { dead, held, late } = pods.watch;
            assert.ok(dead.length >= 48);
            assert.deepEqual([fleet.listed(dead), held.size, late.size], [0, 0, 0], JSON.stringify(loop));
          }
});

test("a crash loop whose ttl is far longer than its pods live", async () => {
  for (const beatS of [0, 1])
    for (const sameAddress of [true, false]) {
      const fleet = await openFleet();
      const pods = new CrashLoop(fleet, { seed: 1, beatS, sameAddress, together: false, stable: true, ttlS: 30 });
      await pods.begin();
      await fleet.run(60, () => pods.step());
      await pods.end();
      const { dead, held, late } = pods.watch;
      assert.deepEqual([fleet.listed(dead), held.size, late.size], [0, 0, 0]);
    }
});

test("a crash loop with pauses longer than the ttl: held ones are let go when the next come, and few are held", async () => {
  const fleet = await openFleet();
  const pods = new CrashLoop(fleet, {
    seed: 1,
    beatS: 1,
    sameAddress: false,
    together: true,
    stable: false,
    gapS: 8,
  });
  await pods.begin();
  await fleet.run(120, () => pods.step());
  const { dead, held } = pods.watch;
  assert.ok(dead.length >= 96 && held.size <= 24, `${held.size} of ${dead.length} were held`);
  assert.ok(fleet.listed(dead) <= 12);
});

test("a crash loop beside a silence: that of another service, and that of its own", async () => {
  for (const service of ["db", "api"])
    for (const sameAddress of [true, false]) {
      const fleet = await openFleet();
      const pods = await fleet.startMany(30, { service, ttlS: 6, beatS: 2 });
      await fleet.run(20);
      const loop = new CrashLoop(fleet, { seed: 1, beatS: 1, sameAddress, together: false, stable: false });
      await loop.begin();
      await fleet.run(20, () => loop.step());
      silence(pods);
      await fleet.run(30, () => loop.step());
      const { held, late } = loop.watch;
      assert.deepEqual([held.size, late.size], [0, 0]);
      assert.ok(fleet.held(pods) >= 27, `${fleet.held(pods)} of 30 are held, ${service}`);
    }
});
