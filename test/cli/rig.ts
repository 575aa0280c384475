/** Runs the real command line and keeps what it said. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { cleanEnvironment } from "../harness/process.ts";
import { PROGRAM } from "../harness/program.ts";

export interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export async function run(args: readonly string[], options: RunOptions = {}): Promise<Said> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: cleanEnvironment(options.env),
    cwd: options.cwd ?? tmpdir(),
  });
  child.stdin.end(options.input ?? "");
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: code as number | null, stdout, stderr };
}

/** The command line of one registry: fails the test when the exit code is another than expected. */
export function commandLine(url: string) {
  async function cli(args: readonly string[], code = 0, options: RunOptions = {}): Promise<Said> {
    const said = await run(args, { ...options, env: { ROLLCALL_URL: url, ...options.env } });
    assert.equal(said.code, code, `rollcall ${args.join(" ")}\n${said.stdout}${said.stderr}`);
    return said;
  }
  async function json<T>(args: readonly string[], options?: RunOptions): Promise<T> {
    return JSON.parse((await cli([...args, "-o", "json"], 0, options)).stdout) as T;
  }
  return { cli, json };
}
