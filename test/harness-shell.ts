/** Pages as they are followed: their shell blocks, and a shell to paste them into. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, ROOT, type Scope, until } from "./harness.ts";

/** The shell blocks of a page, or of its part from this heading to the next of its level. */
export function commandsOf(page: string, heading = ""): string[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  const from = heading === "" ? 0 : text.indexOf(`\n## ${heading}\n`);
  if (from < 0) throw new Error(`${page} has no heading ${heading}`);
  const to = heading === "" ? -1 : text.indexOf("\n## ", from + 1);
  const part = to < 0 ? text.slice(from) : text.slice(from, to);
  return [...part.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? "");
}

export interface Shell {
  /** Runs these lines and answers what they printed, stderr included. */
  run(commands: string, timeoutMs?: number): Promise<string>;
}

/** A shell with job control in the repository's root, as at a terminal; its jobs end with the test. */
export function openShell(scope: Scope, env: Readonly<Record<string, string>>): Shell {
  const shell = spawn("bash", ["-m"], { cwd: ROOT, stdio: ["pipe", "pipe", "ignore"], env: cleanEnvironment(env) });
  let output = "";
  let runs = 0;
  shell.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  shell.stdin.write("exec 2>&1\n");
  scope.after(async () => {
    const closed = once(shell, "close");
    shell.stdin.end("kill -9 $(jobs -p)\n");
    await closed;
  });
  return {
    async run(commands, timeoutMs = 20_000) {
      const mark = `<done ${++runs}>`;
      const from = output.length;
      shell.stdin.write(`${commands}\necho '${mark}'\n`);
      await until(() => output.includes(mark), { timeoutMs, what: `the end of ${commands}` });
      return output.slice(from, output.indexOf(mark));
    },
  };
}
