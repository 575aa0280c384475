/** The end of a program by a signal: first what is registered goes, then the program as it would have. */
import { clientError } from "../error.ts";

/** What is needed of Node's `process`; browsers have none. */
interface Program {
  readonly pid: number;
  prependOnceListener(signal: string, listener: () => void): unknown;
  removeListener(signal: string, listener: () => void): unknown;
  listenerCount(signal: string): number;
  listeners(signal: string): (() => void)[];
  kill(pid: number, signal: string): unknown;
}

export const ENDS = ["SIGTERM", "SIGINT"] as const;

/** How many are ending by a signal just now: the last one ends the program, */
let ending = 0;
/** unless the program listens for the signal itself. */
let isOthers = false;
const ours = new Set<() => void>();

/**
 * Calls `end` at the first of the signals. Then the program ends by that signal, unless it listens for it itself: then
 * that is its own business. A second signal meanwhile ends it at once. Returns its cancel.
 */
export function onSignals(signals: readonly string[], end: () => Promise<unknown>): () => void {
  const { process } = globalThis as { process?: Program };
  if (typeof process?.prependOnceListener !== "function")
    throw clientError("invalid", "there are no signals here: leave endAt out");
  const listeners = signals.map((signal) => {
    const listener = () => {
      // Called before those of the program, which are all there still.
      const own = process.listeners(signal).filter((one) => ours.has(one)).length;
      if (process.listenerCount(signal) > own) isOthers = true;
      forget();
      ending++;
      end()
        .catch(() => {})
        .finally(() => {
          if (--ending === 0 && !isOthers) process.kill(process.pid, signal);
        });
    };
    ours.add(listener);
    return { signal, listener };
  });
  function forget(): void {
    for (const { signal, listener } of listeners) {
      process?.removeListener(signal, listener);
      ours.delete(listener);
    }
  }
  for (const { signal, listener } of listeners) process.prependOnceListener(signal, listener);
  return forget;
}
