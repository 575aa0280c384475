import { RollcallError } from "../error.ts";
import { backoffMs, jitter, pause } from "../wait.ts";

export interface HeartbeatOptions {
  /** The lease's time to live now; null while there is nothing to keep alive. */
  readonly ttlMs: () => number | null;
  /** One heartbeat, which has so long for its answer. */
  readonly beat: (limitMs: number) => Promise<void>;
  readonly onBeat: () => void;
  readonly onMissed: (error: unknown) => void;
}

/** Heartbeats of one lease, until they are stopped. */
export interface Heartbeats {
  /** The lease was just renewed otherwise, perhaps with another time to live: counts anew from here. */
  renewed(): void;
  /** Resolves when the last heartbeat is over. */
  stop(): Promise<void>;
}

/**
 * A heartbeat has a quarter of the ttl for its answer: begun at a third, it can be said twice more before the lease
 * lapses when two are lost.
 */
export function heartbeatLimitMs(ttlMs: number): number {
  return ttlMs / 4;
}

/** Beats at a third of the ttl, give or take a tenth. What was missed is said again, at first at once. */
export function startHeartbeats({ ttlMs, beat, onBeat, onMissed }: HeartbeatOptions): Heartbeats {
  let stopped = false;
  let sleep = new AbortController();

  async function run(): Promise<void> {
    let missed = 0;
    let delayMs = 0;
    while (!stopped) {
      const ttl = ttlMs();
      if (missed === 0) delayMs = ttl === null ? 2 ** 31 - 1 : jitter(ttl / 3);
      sleep = new AbortController();
      await pause(Math.max(0, delayMs), sleep.signal);
      if (sleep.signal.aborted) missed = 0;
      else if (ttl !== null) {
        const startMs = performance.now();
        try {
          await beat(heartbeatLimitMs(ttl));
          missed = 0;
          if (!stopped) onBeat();
        } catch (error) {
          if (stopped) return;
          delayMs = toDelayMs(ttl, missed++, error) - (performance.now() - startMs);
          onMissed(error);
        }
      }
    }
  }

  const running = run();
  return {
    renewed: () => sleep.abort(),
    stop() {
      stopped = true;
      sleep.abort();
      return running;
    },
  };
}

/** From the beginning of the heartbeat that was missed to the next. */
function toDelayMs(ttlMs: number, missed: number, error: unknown): number {
  // A connection that died says nothing of the registry: the next one is another.
  if (missed === 0 && error instanceof RollcallError && error.code === "unreachable") return 0;
  return Math.min(jitter(ttlMs / 3), backoffMs(missed));
}
