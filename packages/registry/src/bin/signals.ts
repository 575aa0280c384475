/** What signals ask of a running registry. */
import { isatty } from "node:tty";

export interface Wishes {
  /** Not the first wish to stop: the end is to come at once. */
  stopNow(signal: string): void;
  reload(): void;
  /** Nothing is meant by it. */
  ignored(signal: string): void;
}

/** SIGXCPU comes before the limit of processor time kills; SIGPWR when the machine or container is to stop. */
const STOPS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGXCPU", "SIGPWR"] as const;

/** Would end the process, or open Node's debugger (SIGUSR1). */
const HARMLESS = ["SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGIO", "SIGSTKFLT"] as const;

/** At one Ctrl-C, npm and the terminal each send a signal: within this time they are one wish. */
const AGAIN_MS = 1000;

/** Listens from now on. The promise is of the first wish to stop: the signal's name. */
export function followSignals(wishes: Wishes): Promise<string> {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const stop = (signal: string): void => {
      if (firstMs !== undefined && performance.now() - firstMs > AGAIN_MS) wishes.stopNow(signal);
      firstMs ??= performance.now();
      resolve(signal);
    };
    for (const signal of STOPS) process.on(signal, stop);
    process.on("SIGHUP", (signal) => {
      // A closed window means the end; what has no terminal is told to read its files again.
      const isHungUp = terminals.length > 0 && !terminals.some((fd) => isatty(fd));
      if (isHungUp) stop(signal);
      else if (firstMs === undefined) wishes.reload();
    });
    for (const signal of HARMLESS) process.on(signal, () => wishes.ignored(signal));
    // Node's profiler is driven by it.
    if (!process.execArgv.some((flag) => flag.includes("prof"))) process.on("SIGPROF", () => wishes.ignored("SIGPROF"));
  });
}
