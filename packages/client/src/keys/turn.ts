/**
 * Turns at a name: locks and elections. Each who wants a turn puts a key `NAME/LEASE` with a lease of its own; the one
 * whose key was created first has the turn, and each waits for the one before it only. etcd's `concurrency` package has
 * the same layout, so its clients and these take turns with each other.
 */
import { clientError, isTransient, RollcallError } from "../error.ts";
import type { Leases } from "../leases.ts";
import type { Duration } from "../register/check.ts";
import { startHeartbeats } from "../register/heartbeats.ts";
import type { KeyBody } from "../shapes.ts";
import { backoffMs, pause, release } from "../wait.ts";
import type { Config } from "./config.ts";

export interface TurnOptions {
  /** The turn passes on so long after its holder died or was cut off: "15s" when left out. */
  readonly ttl?: Duration;
  /** What others see of the holder. */
  readonly value?: string;
  /** Gives up waiting: the signal's reason is thrown. */
  readonly signal?: AbortSignal;
  /** Gives up after so many ms: `RollcallError` with code `timeout`. */
  readonly waitMs?: number;
}

/** Held until it is released or lost. */
export interface Turn {
  readonly name: string;
  readonly key: string;
  /** Grows with each turn at this name: what is guarded can refuse the words of an earlier holder by it. */
  readonly fence: number;
  /**
   * Aborted when the turn is lost: the registry says so, or could not be reached for the time to live, after which
   * somebody else may have it. Work under the turn ends then.
   */
  readonly signal: AbortSignal;
  /** Changes what others see of the holder. Throws when the turn is lost. */
  say(value: string): Promise<void>;
  /** Passes it on. Resolves when the registry knows; it passes on with the time to live when that is out of reach. */
  release(): Promise<void>;
}

export interface Locks {
  /** Waits for the lock. */
  acquire(name: string, options?: TurnOptions): Promise<Turn>;
  /** Runs `work` under the lock, and releases it. */
  with<T>(name: string, work: (turn: Turn) => Promise<T>, options?: TurnOptions): Promise<T>;
}

export interface Elections {
  /** Waits to become the leader. */
  campaign(name: string, value: string, options?: TurnOptions): Promise<Turn>;
  /** Who leads, and with which value; null when nobody does. */
  leader(name: string): Promise<KeyBody | null>;
  /** The leader now, and each new one or new value of it; null while there is none. */
  observe(name: string, options?: { readonly signal?: AbortSignal }): AsyncGenerator<KeyBody | null, void>;
}

interface Registry {
  readonly leases: Leases;
  readonly config: Config;
}

export function createLocks(registry: Registry): Locks {
  return {
    acquire: (name, options = {}) => takeTurn(registry, name, options),
    async with(name, work, options = {}) {
      const turn = await takeTurn(registry, name, options);
      try {
        return await work(turn);
      } finally {
        await turn.release();
      }
    },
  };
}

export function createElections(registry: Registry): Elections {
  const { config } = registry;
  return {
    campaign: (name, value, options = {}) => takeTurn(registry, name, { ...options, value }),
    leader: async (name) => (await inTurn(config, name))[0] ?? null,
    async *observe(name, { signal } = {}) {
      let told: number | undefined;
      for await (const _ of config.watch({ prefix: prefixOf(name), ...(signal && { signal }) })) {
        const leader = (await inTurn(config, name))[0] ?? null;
        const revision = leader?.modRevision ?? 0;
        if (revision === told) continue;
        told = revision;
        yield leader;
      }
    },
  };
}

/** The end is part of it: `jobs` and `jobs-old` are two names. */
function prefixOf(name: string): string {
  if (name === "" || name.endsWith("/")) throw clientError("invalid", `"${name}" is no name of a lock or an election`);
  return `${name}/`;
}

/** The keys at a name, the first one's turn it is. */
async function inTurn({ list }: Config, name: string): Promise<readonly KeyBody[]> {
  const keys: KeyBody[] = [];
  let from: string | undefined;
  do {
    const page = await list({ prefix: prefixOf(name), ...(from !== undefined && { from }) });
    keys.push(...page.keys);
    from = page.next ?? undefined;
  } while (from !== undefined);
  return keys.sort((one, other) => one.createRevision - other.createRevision);
}

async function takeTurn(registry: Registry, name: string, options: TurnOptions): Promise<Turn> {
  const prefix = prefixOf(name);
  const { ttl = "15s", value = "" } = options;
  const give = giveUp(options, name);
  const held = await hold(registry.leases, ttl, give.signal);
  const key = prefix + held.lease;
  try {
    const { revision: fence } = await registry.config.put(key, value, { ifRevision: 0, lease: held.lease });
    await waitForTurn(registry.config, name, key, AbortSignal.any([give.signal, held.signal]));
    return {
      name,
      key,
      fence,
      signal: held.signal,
      async say(next) {
        held.signal.throwIfAborted();
        await registry.config.put(key, next, { lease: held.lease });
      },
      release: () => held.end(),
    };
  } catch (error) {
    await held.end().catch(() => {});
    throw error;
  } finally {
    give.settle();
  }
}

/** Resolves when the key is the first. Each time only the key before it is waited for, so that one release wakes one. */
async function waitForTurn(config: Config, name: string, key: string, signal: AbortSignal): Promise<void> {
  for (let failures = 0; ; ) {
    signal.throwIfAborted();
    try {
      const keys = await inTurn(config, name);
      const at = keys.findIndex((one) => one.key === key);
      if (at === 0) return;
      if (at === -1) throw clientError("lost", `the place at "${name}" is gone`);
      await untilGone(config, keys[at - 1] as KeyBody, signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw signal.aborted ? signal.reason : error;
      await pause(backoffMs(failures++), signal, true);
    }
  }
}

async function untilGone(config: Config, { key, createRevision }: KeyBody, signal: AbortSignal): Promise<void> {
  for await (const item of config.watch({ key, signal })) {
    if (item.kind === "commit") {
      if (item.commit.changes.some((change) => change.kind === "key" && change.after === null)) return;
    } else if ((await config.get(key))?.createRevision !== createRevision) return;
  }
}

/** Ends at the caller's signal, or when the wait is over. */
function giveUp({ signal, waitMs }: TurnOptions, name: string): { signal: AbortSignal; settle(): void } {
  const late = new AbortController();
  const tell = () => late.abort(clientError("timeout", `"${name}" was not free within ${waitMs} ms`));
  const timer = waitMs === undefined ? undefined : setTimeout(tell, waitMs);
  return {
    signal: signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]),
    settle: () => clearTimeout(timer),
  };
}

interface Held {
  readonly lease: string;
  readonly signal: AbortSignal;
  end(): Promise<void>;
}

/** A lease that is kept alive, and says when it may be over. */
async function hold(leases: Leases, ttl: Duration, signal: AbortSignal): Promise<Held> {
  signal.throwIfAborted();
  let renewedMs = performance.now();
  const { lease, ttlMs } = await leases.grant({ ttl });
  const lost = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lose = (why: string) => lost.abort(clientError("lost", why));
  /** Counted from when the renewal was sent: the registry's own count began later. */
  const watchOver = () => {
    clearTimeout(timer);
    const leftMs = renewedMs + (ttlMs ?? Number.POSITIVE_INFINITY) - performance.now();
    if (leftMs >= 2 ** 31) return;
    timer = setTimeout(() => lose("the registry was out of reach for the time to live"), leftMs);
    release(timer);
  };
  watchOver();
  const heartbeats = startHeartbeats({
    ttlMs: () => ttlMs,
    async beat(timeoutMs) {
      const sentMs = performance.now();
      await leases.renew(lease, { timeoutMs, signal: lost.signal });
      renewedMs = sentMs;
    },
    onBeat: watchOver,
    onMissed(error) {
      if (error instanceof RollcallError && error.code === "not-found") lose("the registry let the lease go");
    },
  });
  let ending: Promise<void> | undefined;
  const end = async () => {
    clearTimeout(timer);
    await heartbeats.stop();
    lost.abort(clientError("lost", "it was released"));
    await leases.end(lease).catch((error: unknown) => {
      if (!(error instanceof RollcallError && error.code === "not-found")) throw error;
    });
  };
  return {
    lease,
    signal: lost.signal,
    end: () => {
      ending ??= end();
      return ending;
    },
  };
}
