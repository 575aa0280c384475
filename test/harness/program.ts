/**
 * What tests share: a whole Rollcall as a process of its own, requests that leave the path alone, and waiting for
 * conditions. Everything started here ends with the test.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { PORTS } from "../../packages/registry/src/bin/dialects.ts";
import { freePort } from "./ports.ts";

export { freePort } from "./ports.ts";
export * from "./requests.ts";

/** The repository's root, with a slash at the end. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The built program. */
export const PROGRAM = join(ROOT, "packages/registry/dist/bin/rollcall.js");

/** The part of a test's context used here; `{ after }` from node:test does for a whole file. */
export interface Scope {
  after(end: () => void | Promise<void>): void;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartOptions {
  /** The data directory; a temporary one when left out. */
  readonly data?: string;
  /** More flags of `rollcall serve`. */
  readonly flags?: readonly string[];
  /** More environment; `ROLLCALL_…` of the caller is never inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /** How long the start may take. */
  readonly readyMsMax?: number;
  /** Flags of node itself. */
  readonly nodeFlags?: readonly string[];
}

export type LogLine = Record<string, unknown>;

/** A running registry. */
export interface Rollcall {
  /** Of the native listener, without a slash at the end. */
  readonly url: string;
  /** The first port of a dialect; throws when it is not mounted. */
  port(dialect?: string): number;
  readonly endpoints: readonly Endpoint[];
  readonly pid: number;
  readonly data: string;
  /** All that went to stderr since the last start. */
  stderr(): string;
  /** The JSON lines of stdout and stderr since the last start. */
  readonly logs: readonly LogLine[];
  readonly exited: Promise<Exit>;
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** SIGTERM, then waits. */
  stop(): Promise<Exit>;
  /** Starts again on the same data and ports; ends a running process by SIGKILL first. */
  restart(options?: Pick<StartOptions, "flags" | "env">): Promise<void>;
}

export interface Endpoint {
  readonly dialect: string;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
}

/** A temporary directory, removed after the test. */
export function temporaryDirectory(scope: Scope, label = "rollcall"): string {
  const path = mkdtempSync(join(tmpdir(), `${label}-`));
  scope.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** Polls until `condition` gives something truthy, and answers that. A condition that throws is not yet true. */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly what?: string; readonly intervalMs?: number } = {},
): Promise<Exclude<T, false | null | undefined | 0 | "">> {
  const { timeoutMs = 10_000, what = condition.toString(), intervalMs = 20 } = options;
  const startMs = performance.now();
  let last: unknown;
  for (;;) {
    try {
      last = await condition();
      if (last) return last as Exclude<T, false | null | undefined | 0 | "">;
    } catch (error) {
      last = error;
    }
    if (performance.now() - startMs > timeoutMs)
      throw new Error(`waited ${timeoutMs} ms in vain for: ${what}; last: ${inspectShort(last)}`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

function inspectShort(value: unknown): string {
  if (value instanceof Error) return value.message;
  return (JSON.stringify(value) ?? String(value)).slice(0, 500);
}

/** Where a peer's program is. Pass `skip` to the test; it carries the reason. */
export function requirePackage(
  debianName: string,
  binary: string,
): { readonly path: string; readonly skip: false | string } {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    const path = join(folder, binary);
    try {
      accessSync(path, constants.X_OK);
      return { path, skip: false };
    } catch {
      // Not in this folder.
    }
  }
  const reason = `${binary} is missing: apt-get install ${debianName}`;
  if (process.env.CI) throw new Error(`${reason} (peers are never skipped in CI)`);
  return { path: "", skip: reason };
}

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

/** Flags of all ports: a test gets free ones unless it says otherwise. */
const PORT_FLAGS = PORTS.map(({ name }) => `${name}-port`);

/** The flags with a free port in place of each port 0, so that a restart can use the same one. */
function named(flags: readonly string[]): Promise<readonly string[]> {
  const isPort = (flag: string | undefined): boolean => PORT_FLAGS.some((port) => flag === `--${port}`);
  return Promise.all(
    flags.map(async (flag, index) => (flag === "0" && isPort(flags[index - 1]) ? String(await freePort()) : flag)),
  );
}

/** Starts `rollcall serve` on free ports and waits until it is ready. A start that fails shows its stderr. */
export async function startRollcall(scope: Scope, options: StartOptions = {}): Promise<Rollcall> {
  const data = options.data ?? join(temporaryDirectory(scope), "data");
  const server = new Server(data, options);
  scope.after(async () => {
    await server.kill("SIGKILL");
  });
  await server.launch(options.flags ?? [], options.env ?? {});
  return server;
}

class Server implements Rollcall {
  readonly data: string;
  readonly #options: StartOptions;
  #program: Program | undefined;
  #endpoints: Endpoint[] = [];

  constructor(data: string, options: StartOptions) {
    this.data = data;
    this.#options = options;
  }

  async launch(flags: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
    const own = ["serve", "--data", this.data, "--log-format", "json"];
    for (const port of PORT_FLAGS)
      if (!flags.some((flag) => flag === `--${port}` || flag.startsWith(`--${port}=`)))
        own.push(`--${port}`, String(await freePort()));
    own.push(...(await named(flags)));
    const args = [...(this.#options.nodeFlags ?? []), PROGRAM, ...own];
    const program = new Program(process.execPath, args, { env: cleanEnvironment(env), cwd: tmpdir() });
    this.#program = program;
    const timeoutMs = this.#options.readyMsMax ?? 20_000;
    try {
      await until(() => program.gone !== undefined || program.logs.some((line) => line.event === "ready"), {
        timeoutMs,
        what: "the registry to be ready",
      });
      if (program.gone !== undefined) throw new Error(`the registry ended with ${JSON.stringify(program.gone)}`);
    } catch (error) {
      await program.kill("SIGKILL");
      const output = `${program.lines.join("\n")}\n${program.stderr()}`.trim();
      throw new Error(`${(error as Error).message}\n--- rollcall ${own.join(" ")}\n${output}`);
    }
    this.#endpoints = program.logs.filter((line) => line.event === "listening") as unknown as Endpoint[];
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  get url(): string {
    const native = this.#find("http");
    return `${native.scheme}://${native.host.includes(":") ? `[${native.host}]` : native.host}:${native.port}`;
  }

  get pid(): number {
    return this.#running().pid;
  }

  get logs(): readonly LogLine[] {
    return this.#running().logs;
  }

  get exited(): Promise<Exit> {
    return this.#running().exited;
  }

  port(dialect = "http"): number {
    return this.#find(dialect).port;
  }

  stderr(): string {
    return this.#running().stderr();
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<Exit> {
    return this.#program === undefined ? { code: null, signal: null } : this.#program.kill(signal);
  }

  async stop(): Promise<Exit> {
    return this.kill("SIGTERM");
  }

  async restart(options: Pick<StartOptions, "flags" | "env"> = {}): Promise<void> {
    const ports = this.#endpoints;
    await this.kill("SIGKILL");
    const flags = [...(options.flags ?? this.#options.flags ?? [])];
    for (const [index, flag] of flags.entries()) {
      const dialect = /^--(.+)-port$/.exec(flag)?.[1];
      const known = ports.find((endpoint) => endpoint.dialect === dialect);
      if (known && flags[index + 1] === "0") flags[index + 1] = String(known.port);
    }
    for (const { dialect, port } of ports) {
      const flag = `--${dialect}-port`;
      if (PORT_FLAGS.includes(flag.slice(2)) && !flags.includes(flag)) flags.push(flag, String(port));
    }
    await this.launch(flags, options.env ?? this.#options.env ?? {});
  }

  #running(): Program {
    if (this.#program === undefined) throw new Error("the registry was not started");
    return this.#program;
  }

  #find(dialect: string): Endpoint {
    const found = this.#endpoints.find((endpoint) => endpoint.dialect === dialect);
    if (found === undefined) throw new Error(`${dialect} does not listen; ${JSON.stringify(this.#endpoints)} do`);
    return found;
  }
}
