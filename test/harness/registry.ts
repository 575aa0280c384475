/** A registry in this process, with a clock that the test moves. */
import { randomUUID } from "node:crypto";
import { ACCOUNT_PLANS } from "../../packages/registry/src/around/accounts/entries.ts";
import { createProtection, PROTECTION_DEFAULTS } from "../../packages/registry/src/around/protection.ts";
import {
  type Account,
  type AccountLimits,
  type AnyPlan,
  type Bytes,
  type Clock,
  type Command,
  type Commit,
  type Core,
  type CoreOptions,
  type Counts,
  type ExpiryPolicy,
  gatherPlans,
  type Instance,
  type InstanceRecord,
  type KeyRecord,
  type Life,
  type Outcome,
  openCore,
  type Receipt,
  type Registry,
  type Restored,
  TICK_MS,
  type View,
} from "../../packages/registry/src/core/index.ts";
import { createMemory } from "../../packages/registry/src/replicators/memory/replicator.ts";

export const LIMITS_OF_TESTS: AccountLimits = {
  instancesMax: 1_000_000,
  servicesMax: 1_000_000,
  keysMax: 1_000_000,
  leasesMax: 1_000_000,
  bytesMax: 0,
  requestsPerSecondMax: 0,
};

export interface Rig {
  readonly core: Core;
  readonly registry: Registry;
  readonly clock: Clock;
  /** Moves time on in ticks, and lets what they propose settle. */
  pass(ms: number): Promise<void>;
  /** Moves the clocks without a tick: the process was paused. */
  pause(ms: number): void;
  /** Sets the wall clock so much ahead. */
  setClock(ms: number): void;
  commits(): Promise<readonly Commit[]>;
  /** What watchers threw; `pass` throws the first of them. */
  readonly bugs: readonly unknown[];
}

export interface RigOptions {
  readonly policy?: ExpiryPolicy;
  readonly limits?: Partial<AccountLimits>;
  readonly plans?: readonly AnyPlan[];
  readonly historyCommitsMax?: number;
  readonly commitsMax?: number;
  readonly listener?: Pick<CoreOptions, "onHeld" | "onRareBeats">;
  readonly openLine?: CoreOptions["openLine"];
}

export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const time = { now: 1_000_000, monotonic: 5_000 };
  const clock: Clock = { now: () => time.now, monotonic: () => time.monotonic };
  const limits = { ...LIMITS_OF_TESTS, ...options.limits };
  const bugs: unknown[] = [];
  const core = await openCore({
    clock,
    replicator: createMemory({
      clock,
      rules: { limits: () => limits, plans: gatherPlans([...ACCOUNT_PLANS, ...(options.plans ?? [])]) },
      origin: "test",
      ...(options.commitsMax === undefined ? {} : { commitsMax: options.commitsMax }),
    }),
    policy: options.policy ?? createProtection({ ...PROTECTION_DEFAULTS, enabled: false }),
    wait: (ms, run) => setTimeout(run, ms).unref(),
    openLine: options.openLine ?? (() => setImmediate),
    onBug: (error) => bugs.push(error),
    ...options.listener,
    ...(options.historyCommitsMax === undefined ? {} : { historyCommitsMax: options.historyCommitsMax }),
  });
  const settle = async (): Promise<void> => {
    // A proposal without effect resolves after everything before it.
    await core.registry.propose("settle", { kind: "range", from: randomUUID() });
  };
  return {
    core,
    registry: core.registry,
    clock,
    bugs,
    async pass(ms) {
      for (let left = ms; left > 0; left -= TICK_MS) {
        time.now += TICK_MS;
        time.monotonic += TICK_MS;
        core.tick();
        await settle();
      }
      if (bugs.length > 0) throw bugs[0];
    },
    pause(ms) {
      time.now += ms;
      time.monotonic += ms;
    },
    setClock(ms) {
      time.now += ms;
    },
    async commits() {
      const outcome = await core.registry.history(core.registry.floor, 100_000);
      if (!outcome.ok) throw new Error(outcome.detail);
      return outcome.value;
    },
  };
}

/** The registry with some of its operations replaced. */
export function replaceIn(registry: Registry, replaced: Partial<Registry>): Registry {
  return new Proxy(registry, {
    get(target, name) {
      const operation: unknown = Reflect.get(name in replaced ? replaced : target, name);
      return typeof operation === "function" && !(name in replaced) ? operation.bind(target) : operation;
    },
  });
}

/** What a store would give back of the view. */
export function restoredOf(view: View): Restored {
  const each = function* <T>(of: (account: Account) => Iterable<T>): Iterable<readonly [Account, T]> {
    for (const { name } of view.accounts()) for (const one of of(name)) yield [name, one];
  };
  const accounts = [...view.accounts()].map(({ name, createdAtMs, revision, catalogRevision, keysRevision }) => ({
    ...{ name, createdAtMs, revision, catalogRevision, keysRevision },
    services: [...(view.account(name)?.services() ?? [])],
    forgottenDirectories: 0,
    directoriesSince: 0,
    directories: [],
  }));
  return {
    ...{ revision: view.revision, orderMs: 2_000_000, nth: 0, floor: view.revision, recent: [], accounts },
    leases: each((name) => view.account(name)?.leases() ?? []),
    instances: each((name) => view.account(name)?.instances() ?? []),
    keys: each((name) => view.entries(name, "", "")),
  };
}

/** All numbers that a view has of an account. */
export function countsOf(view: View, account: Account): Counts {
  const count = (of: keyof Counts) => view.count(account, of);
  return {
    instances: count("instances"),
    services: count("services"),
    keys: count("keys"),
    leases: count("leases"),
    bytes: count("bytes"),
  };
}

/** An instance with sensible rest. */
export function instanceOf(service: string, id: string, more: Partial<Instance> = {}): Instance {
  return {
    service,
    id,
    address: "127.0.0.1",
    ports: { default: 80 },
    protocol: "http",
    tags: [],
    meta: {},
    version: "",
    zone: "",
    weight: 100,
    status: "passing",
    checks: [],
    via: "test",
    ...more,
  };
}

/** The same as the catalog holds it. */
export function recordOf(service: string, id: string, more: Partial<InstanceRecord> = {}): InstanceRecord {
  return {
    ...instanceOf(service, id),
    lease: null,
    override: null,
    held: null,
    createRevision: 1,
    modRevision: 1,
    createdAtMs: 0,
    stampMs: 0,
    origin: "n",
    ...more,
  };
}

/** A key as the catalog holds it. */
export function keyOf(key: Bytes, more: Partial<KeyRecord> = {}): KeyRecord {
  return {
    key,
    value: "",
    lease: null,
    atEnd: "delete",
    detachedAtMs: 0,
    version: 1,
    createRevision: 1,
    modRevision: 1,
    createdAtMs: 0,
    stampMs: 0,
    origin: "n",
    ...more,
  };
}

export function register(
  service: string,
  id: string,
  life: Life = { ttlMs: 3000 },
  more: Partial<Instance> = {},
): Command {
  return { kind: "register", instance: instanceOf(service, id, more), life };
}

/** The receipt, or an error with the refusal. */
export function accepted(outcome: Outcome<Receipt>): Receipt {
  if (!outcome.ok) throw new Error(`${outcome.refusal}: ${outcome.detail}`);
  return outcome.value;
}
