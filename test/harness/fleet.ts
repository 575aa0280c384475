/** Instances that beat, fall silent, die and come again, over a registry in this process whose clock the test moves. */
import { createProtection, PROTECTION_DEFAULTS } from "../../packages/registry/src/around/protection.ts";
import type { InstanceRecord } from "../../packages/registry/src/core/index.ts";
import { accepted, openRig, type Rig, type RigOptions, register } from "./registry.ts";

export interface PodSpec {
  readonly account?: string;
  readonly service?: string;
  readonly ttlS: number;
  /** 0: it never beats. */
  readonly beatS: number;
  /** How much later than its turn a beat may come, as a share of the interval. */
  readonly jitter?: number;
  readonly address?: string;
}

export interface Pod {
  readonly account: string;
  readonly service: string;
  readonly id: string;
  readonly address: string;
  readonly ttlMs: number;
  readonly beatMs: number;
  readonly jitter: number;
  /** When it beats next; Infinity when it does not any more. */
  nextMs: number;
  /** When the registry last heard of it. */
  heardMs: number;
}

/** It is heard of no more. */
export function silence(pods: Iterable<Pod>): void {
  for (const pod of pods) pod.nextMs = Number.POSITIVE_INFINITY;
}

export class Fleet {
  readonly rig: Rig;
  readonly #startMs: number;
  readonly #pods = new Set<Pod>();
  #seed: number;
  #names = 0;

  constructor(rig: Rig, seed: number) {
    this.rig = rig;
    this.#seed = seed;
    this.#startMs = rig.clock.monotonic();
  }

  get nowMs(): number {
    return this.rig.clock.monotonic() - this.#startMs;
  }

  /** From 0 to 1, the same numbers for the same seed: a linear congruential generator (Numerical Recipes). */
  chance(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  /** Its first beat comes at a time of its own. */
  async start(spec: PodSpec): Promise<Pod> {
    const number = this.#names++;
    const beatMs = spec.beatS === 0 ? Number.POSITIVE_INFINITY : spec.beatS * 1000;
    const pod: Pod = {
      account: spec.account ?? "default",
      service: spec.service ?? "api",
      id: `i${number}`,
      address: spec.address ?? `10.0.${number >> 8}.${number & 255}`,
      ttlMs: spec.ttlS * 1000,
      beatMs,
      jitter: spec.jitter ?? 0,
      nextMs: this.nowMs + beatMs * this.chance(),
      heardMs: this.nowMs,
    };
    await this.register(pod);
    this.#pods.add(pod);
    return pod;
  }

  async startMany(count: number, spec: PodSpec): Promise<Pod[]> {
    const started: Pod[] = [];
    for (let i = 0; i < count; i++) started.push(await this.start(spec));
    return started;
  }

  async register({ account, service, id, address, ttlMs }: Pod): Promise<void> {
    accepted(await this.rig.registry.propose(account, register(service, id, { ttlMs }, { address })));
  }

  async beat(pod: Pod): Promise<void> {
    const { ok } = await this.rig.registry.renew(pod.account, `${pod.service}/${pod.id}`);
    if (ok) pod.heardMs = this.nowMs;
    pod.nextMs = this.nowMs + pod.beatMs * (1 + pod.jitter * this.chance());
  }

  /** Moves time on; `each` runs every 100 ms, before the beats. */
  async run(seconds: number, each?: () => Promise<void> | void): Promise<void> {
    for (const untilMs = this.nowMs + seconds * 1000; this.nowMs < untilMs; ) {
      await each?.();
      for (const pod of this.#pods) if (pod.nextMs <= this.nowMs) await this.beat(pod);
      await this.rig.pass(100);
    }
  }

  recordOf({ account, service, id }: Pod): InstanceRecord | undefined {
    return this.rig.registry.read((view) => view.instance(account, service, id));
  }

  listed(pods: readonly Pod[]): number {
    return pods.filter((pod) => this.recordOf(pod) !== undefined).length;
  }

  held(pods: readonly Pod[]): number {
    return pods.filter((pod) => this.recordOf(pod)?.held != null).length;
  }
}

/** Under protection at its default numbers. */
export async function openFleet(seed = 1, listener: RigOptions["listener"] = {}): Promise<Fleet> {
  return new Fleet(await openRig({ policy: createProtection(PROTECTION_DEFAULTS), listener }), seed);
}

export interface DeadWatch {
  readonly dead: Pod[];
  readonly held: ReadonlySet<Pod>;
  readonly late: ReadonlySet<Pod>;
  /** To be called every 100 ms. */
  look(): void;
}

/** Notes what must not be: one of the dead that is held, or that is listed more than a second after its ttl. */
export function watchDead(fleet: Fleet): DeadWatch {
  const dead: Pod[] = [];
  const held = new Set<Pod>();
  const late = new Set<Pod>();
  const look = (): void => {
    for (const pod of dead) {
      const record = fleet.recordOf(pod);
      if (record !== undefined && record.held !== null) held.add(pod);
      if (record !== undefined && fleet.nowMs > pod.heardMs + pod.ttlMs + 1000) late.add(pod);
    }
  };
  return { dead, held, late, look };
}
