/** @live Programs that the agent runs for its configuration: checks, reloads, and what follows a file. */
import { spawn } from "node:child_process";
import { sayWhy } from "../../net/why.ts";

export interface Ran {
  /** Null when it was ended, or could not be started. */
  readonly code: number | null;
  /** What it printed, cut; or why it did not run. */
  readonly output: string;
}

export interface RunOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
}

const OUTPUT_MAX = 4096;
/** So long what was printed last may take after the end. */
const PIPES_MS = 200;

/** Runs it by `sh -c`, and ends it with all that it started when its time is up. Never rejects. */
export function runCommand(command: string, { timeoutMs, signal, env = {} }: RunOptions): Promise<Ran> {
  return new Promise((resolve) => {
    // A group of its own: what the shell starts ends with it.
    const program = spawn("/bin/sh", ["-c", command], {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    let output = "";
    let ended = "";
    const take = (chunk: Buffer): void => {
      if (output.length < OUTPUT_MAX) output += chunk.toString("utf8");
    };
    program.stdout.on("data", take);
    program.stderr.on("data", take);
    const end = (why: string): void => {
      ended ||= why;
      try {
        if (program.pid !== undefined) process.kill(-program.pid, "SIGKILL");
      } catch {
        // It is gone.
      }
    };
    const timer = setTimeout(() => end(`it took longer than ${timeoutMs} ms`), timeoutMs);
    const stop = (): void => end("it was stopped");
    if (signal?.aborted === true) stop();
    signal?.addEventListener("abort", stop, { once: true });
    const settle = (ran: Ran): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      resolve({ ...ran, output: ran.output.trim().slice(0, OUTPUT_MAX) });
    };
    program.once("error", (error) => settle({ code: null, output: sayWhy(error) }));
    const over = (code: number | null): void => settle({ code, output: ended || output });
    program.once("close", over);
    // What the shell left behind may hold its pipes: its own end counts.
    program.once("exit", (code) => setTimeout(over, PIPES_MS, code));
  });
}
