/** `rollcall lock NAME -- COMMAND`: the command runs while this has the lock, and nowhere else. */
import type { Turn } from "@rollcall/client";
import type { Command } from "commander";
import { type Context, connect } from "../../terminal/connection.ts";
import { EXIT, Failure } from "../../terminal/exit.ts";
import { toTtl, toWhole } from "../../terminal/flags.ts";
import { Child, passSignals } from "./child.ts";

interface LockFlags {
  readonly ttl: string;
  readonly wait?: string;
  readonly value?: string;
}

export function defineLock(program: Command): void {
  program
    .command("lock <name> <command...>")
    .usage("[options] <name> -- <command...>")
    .summary("run a command under a lock")
    .description(
      "Waits for the lock, runs the command, and releases the lock when that ends; its exit code is this one's. The command is ended when the lock is lost: the registry let it go, or was out of reach for the time to live. It has ROLLCALL_LOCK, the key, and ROLLCALL_FENCE, a number that grows with each turn.",
    )
    .option("--ttl <duration>", "the lock passes on so long after this died", "15s")
    .option("--wait <seconds>", "give up after so long; exit code 4")
    .option("--value <text>", "what others see of the holder")
    .action(async (name: string, command: string[], flags: LockFlags, self: Command) => {
      process.exitCode = await lock(await connect(self), name, command, flags);
    });
}

async function lock({ client, out }: Context, name: string, command: readonly string[], flags: LockFlags) {
  const given = new AbortController();
  let child: Child | undefined;
  const forget = passSignals(
    () => child,
    (signal) => {
      if (child === undefined && signal !== "SIGUSR1" && signal !== "SIGUSR2") given.abort();
    },
  );
  try {
    const turn = await acquire(client.locks, name, flags, given.signal);
    try {
      const env = { ...process.env, ROLLCALL_LOCK: turn.key, ROLLCALL_FENCE: String(turn.fence) };
      const running = new Child(command, env);
      child = running;
      const lost = await raceOf(running, turn);
      if (lost === undefined) return await running.ended;
      out.note(`the lock is lost: ${lost}; ending the command`);
      await running.end();
      return EXIT.refused;
    } finally {
      // It passes on by itself when the registry is out of reach.
      await turn.release().catch((error: Error) => out.note(`the lock was not released: ${error.message}`));
    }
  } finally {
    forget();
  }
}

async function acquire(
  locks: Context["client"]["locks"],
  name: string,
  { ttl, wait, value }: LockFlags,
  signal: AbortSignal,
): Promise<Turn> {
  try {
    return await locks.acquire(name, {
      ttl: toTtl(ttl, false),
      signal,
      ...(value !== undefined && { value }),
      ...(wait !== undefined && { waitMs: 1000 * toWhole(wait, "--wait", 0, 1e6) }),
    });
  } catch (error) {
    if (signal.aborted) throw new Failure(EXIT.refused, `interrupted while waiting for the lock "${name}"`);
    if ((error as { code?: unknown }).code === "timeout") throw new Failure(EXIT.notFound, (error as Error).message);
    throw error;
  }
}

/** Undefined when the command ended first, else why the lock is lost. */
function raceOf(child: Child, { signal }: Turn): Promise<string | undefined> {
  return new Promise((resolve) => {
    const lose = (): void => resolve((signal.reason as Error).message);
    if (signal.aborted) lose();
    signal.addEventListener("abort", lose, { once: true });
    void child.ended.then(() => resolve(undefined));
  });
}
