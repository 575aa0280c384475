/**
 * Small programs in other languages that use a client of theirs: what building, starting and driving them has in
 * common. What is downloaded and built is kept in `.cache`.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, Program, startProcess } from "../harness/process.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import type { PeerScope } from "../peers-rig.ts";

/** So much of the end of what a program printed is shown when its test failed. */
const OUTPUT_MAX = 20_000;

interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A program that does what it is told over HTTP. */
export interface Driven {
  readonly program: Program;
  /** Has it do something; the answer. */
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
  tell<T = any>(path: string, query?: Readonly<Record<string, string>>): Promise<T>;
}

/** Names what is in a folder, and `more`: another content is another build. */
export function hashFolder(folder: string, more: readonly string[]): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash("sha256").update(`${more.join("\n")}\n`);
  for (const file of files) hash.update(`${file.slice(folder.length)}\n`).update(readFileSync(file));
  return hash.digest("hex").slice(0, 16);
}

/**
 * Runs a tool that downloads and builds. True when it could not reach where libraries come from, by what it said; any
 * other failure is one.
 */
export async function isOutOfReach(
  command: string,
  args: readonly string[],
  options: ProgramOptions & { readonly unreachable: RegExp; readonly timeoutMs: number },
): Promise<boolean> {
  const program = new Program(command, args, { ...options, env: cleanEnvironment(options.env) });
  const timer = setTimeout(() => void program.kill("SIGKILL"), options.timeoutMs);
  const { code } = await program.exited;
  clearTimeout(timer);
  if (code === 0) return false;
  const said = outputOf(program);
  if (options.unreachable.test(said)) return true;
  throw new Error(`${[command, ...args].join(" ")} ended with ${code}\n${said.slice(-OUTPUT_MAX)}`);
}

/** Starts a program; what it printed is shown when the test failed, below `title`. */
export function startShown(
  scope: PeerScope,
  title: string,
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Program {
  const program = startProcess(scope, command, args, { ...options, env: cleanEnvironment(options.env) });
  scope.after(() => {
    if (scope.passed === false) console.log(`--- ${title}\n${outputOf(program).slice(-OUTPUT_MAX)}`);
  });
  return program;
}

function outputOf(program: Program): string {
  return `${program.lines.join("\n")}\n${program.stderr()}`.trim();
}

/** Waits for a line on stdout; fails at once when the program ends without it. Answers the match. */
export async function waitForLine(program: Program, pattern: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
  const find = () => program.lines.map((line) => pattern.exec(line)).find((match) => match !== null);
  const match = await until(() => find() ?? (program.gone !== undefined && "gone"), {
    what: `a line like ${pattern}`,
    timeoutMs,
  });
  if (match !== "gone") return match;
  throw new Error(`it ended without a line like ${pattern}\n${program.stderr().slice(-OUTPUT_MAX)}`);
}

/** Waits until the program says by `ready port=…` where it listens, and drives it from there. */
export async function drive(program: Program): Promise<Driven> {
  const [, port] = await waitForLine(program, /^ready port=(\d+)$/);
  return {
    program,
    async tell(path, query = {}) {
      const answer = await request(`http://127.0.0.1:${port}/${path}?${new URLSearchParams(query)}`);
      assert.equal(answer.status, 200, `${path} ${JSON.stringify(query)}: ${answer.text}`);
      return answer.json();
    },
  };
}
