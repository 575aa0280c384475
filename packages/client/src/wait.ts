/** Waiting, in one place: jittered delays that an abort cuts short. */

/** Resolves after `ms`, or at once when aborted. The timer never keeps a Node program alive unless `keep`. */
export function pause(ms: number, signal?: AbortSignal, keep = false): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (!keep) release(timer);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** Node's timers keep a program alive until they are released; browsers' have no such thing. */
export function release(timer: unknown): void {
  (timer as { unref?: () => void }).unref?.();
}

/** The delay before attempt `n` (0, 1, …): doubles from `firstMs` to `lastMs`, spread over its upper half. */
export function backoffMs(attempt: number, firstMs = 200, lastMs = 10_000): number {
  const full = Math.min(lastMs, firstMs * 2 ** Math.min(attempt, 20));
  return full / 2 + (Math.random() * full) / 2;
}

/** Up to 10 % more or less, so that many clients do not beat in step. */
export function jitter(ms: number): number {
  return ms * (0.9 + Math.random() * 0.2);
}
