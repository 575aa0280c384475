/** Child processes that end with the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Scope, until } from "./scope.ts";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export type LogLine = Record<string, unknown>;

/** Processes that outlive the test runner would hold ports and directories. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A child process whose output is kept; killed after the test. */
export function startProcess(
  scope: Scope,
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Program {
  const program = new Program(command, args, options);
  scope.after(async () => {
    await program.kill("SIGKILL");
  });
  return program;
}

/** One child process: its lines, its end. */
export class Program {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  readonly lines: string[] = [];
  readonly logs: LogLine[] = [];
  #stderr = "";
  #gone: Exit | undefined;

  constructor(
    command: string,
    args: readonly string[],
    options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string },
  ) {
    this.child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    running.add(this.child);
    this.exited = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (code, signal) => {
        running.delete(this.child);
        this.#gone = { code, signal };
        resolve(this.#gone);
      });
    });
    this.exited.catch(() => running.delete(this.child));
    if (this.child.stdout) createInterface(this.child.stdout).on("line", (line) => this.#keep(line));
    if (this.child.stderr)
      createInterface(this.child.stderr).on("line", (line) => {
        this.#stderr += `${line}\n`;
        this.#keepJson(line);
      });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** Set once the process has ended. */
  get gone(): Exit | undefined {
    return this.#gone;
  }

  stderr(): string {
    return this.#stderr;
  }

  async kill(signal: NodeJS.Signals): Promise<Exit> {
    if (this.#gone === undefined) this.child.kill(signal);
    return this.exited;
  }

  #keep(line: string): void {
    this.lines.push(line);
    this.#keepJson(line);
  }

  #keepJson(line: string): void {
    if (!line.startsWith("{")) return;
    try {
      this.logs.push(JSON.parse(line) as LogLine);
    } catch {
      // A line that only looks like JSON stays in `lines`.
    }
  }
}

/** The environment without this shell's own registry settings. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) if (!name.startsWith("ROLLCALL_")) env[name] = value;
  // The test runner's own variables change how a node child reports.
  delete env.NODE_TEST_CONTEXT;
  delete env.NODE_OPTIONS;
  return { ...env, ...more };
}

/** SIGSTOP, and waits until no thread goes on: on a busy machine the others do until the first one sees the signal. */
export async function freeze({ pid }: { readonly pid?: number | undefined }): Promise<void> {
  process.kill(pid as number, "SIGSTOP");
  const tasks = `/proc/${pid}/task`;
  const isStopped = (task: string): boolean => /^State:\tT/m.test(readFileSync(`${tasks}/${task}/status`, "utf8"));
  await until(() => readdirSync(tasks).every(isStopped), { what: "the process to be stopped" });
}
