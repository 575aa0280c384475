/** Child processes: started, watched, ended by their own id only. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { finished } from "node:stream/promises";

const running = new Set<ChildProcess>();

/** Ends all that this run has started and that still runs. */
export function killChildren(): void {
  for (const child of running) child.kill("SIGKILL");
}

// At every kind of exit.
process.on("exit", killChildren);

export class Child {
  readonly process: ChildProcess;
  readonly exited: Promise<void>;
  /** The last of what it wrote to stderr and stdout, for the reason when it fails. */
  tail = "";
  #ended = false;
  readonly #name: string;

  constructor(name: string, command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.#name = name;
    this.process = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    running.add(this.process);
    const keep = (piece: Buffer): void => {
      this.tail = (this.tail + piece.toString()).slice(-2000);
    };
    this.process.stdout?.on("data", keep);
    this.process.stderr?.on("data", keep);
    this.exited = new Promise((resolve) => {
      const end = (): void => {
        this.#ended = true;
        running.delete(this.process);
        resolve();
      };
      this.process.once("exit", end);
      this.process.once("error", (error) => {
        this.tail += error.message;
        end();
      });
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Sends the signal and waits; a child that does not go within `msMax` is killed. */
  async stop(signal: NodeJS.Signals = "SIGTERM", msMax = 20_000): Promise<void> {
    if (this.#ended) return;
    this.process.kill(signal);
    const timer = setTimeout(() => this.process.kill("SIGKILL"), msMax);
    await this.exited;
    clearTimeout(timer);
  }

  fail(what: string): Error {
    const last = this.tail.trim().split("\n").slice(-3).join(" | ").slice(-600);
    return new Error(`${this.#name} ${what}${last === "" ? "" : `: ${last}`}`);
  }
}

/** Reads all of a child's stdout, which may be complete only after the child's end. */
export async function readOutput(child: Child): Promise<string> {
  const { stdout } = child.process;
  let output = "";
  stdout?.on("data", (piece: Buffer) => {
    output += piece.toString();
  });
  // The stdout of a program that cannot be started is destroyed; the child has the error.
  if (stdout !== null) await finished(stdout).catch(() => {});
  return output;
}

/** Runs a program to its end and answers its stdout. */
export async function runProgram(name: string, command: string, args: string[], msMax: number): Promise<string> {
  const child = new Child(name, command, args);
  const output = readOutput(child);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.process.kill("SIGKILL");
  }, msMax);
  await child.exited;
  clearTimeout(timer);
  if (late) throw child.fail(`was not done within ${msMax} ms`);
  if (child.process.exitCode !== 0) throw child.fail(`ended with ${child.process.exitCode}`);
  return output;
}

export interface Memory {
  /** All that is resident, in bytes: what the goal is about. */
  total: number;
  /** The part that is no page of a file. */
  anonymous: number;
}

export function readMemory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
  return { total: read("VmRSS"), anonymous: read("RssAnon") };
}

/** User and system time of a process so far, in seconds. */
export function readCpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Fields 14 and 15 of proc(5), in ticks of 1/100 s on every Linux that Node runs on.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The same of each child that runs now, by its id. */
export function readAllCpuSeconds(): ReadonlyMap<number, number> {
  const all = new Map<number, number>();
  for (const { pid } of running) {
    if (pid === undefined) continue;
    try {
      all.set(pid, readCpuSeconds(pid));
    } catch {
      // It has just ended.
    }
  }
  return all;
}

/** Whether nobody has this port of UDP. */
function isFreeOverUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => resolve(false));
    socket.bind(port, "127.0.0.1", () => socket.close(() => resolve(true)));
  });
}

function findTcpPort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** A port that is free now, of TCP and of UDP. */
export async function findPort(): Promise<number> {
  for (;;) {
    const port = await findTcpPort();
    if (await isFreeOverUdp(port)) return port;
  }
}

/** Below those that a system gives to connections: where servers make many, one might have the port before its server. */
let lowPort = 15_000 + 16 * (process.pid % 1000);

/** A free port of TCP that no connection gets meanwhile. */
export async function findLowPort(): Promise<number> {
  for (;;) {
    const port = await findTcpPort(++lowPort).catch(() => undefined);
    if (port !== undefined) return port;
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
