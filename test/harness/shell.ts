/** Pages as they are followed: their shell blocks, and a shell to paste them into. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment } from "./process.ts";
import { ROOT } from "./root.ts";
import { type Scope, temporaryDirectory, until } from "./scope.ts";

/** The blocks of a page in a language, shell's when left out, or of its part from this heading to the next of its level. */
export function commandsOf(page: string, heading = "", language = "sh"): string[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  const from = heading === "" ? 0 : text.indexOf(`\n## ${heading}\n`);
  if (from < 0) throw new Error(`${page} has no heading ${heading}`);
  const to = heading === "" ? -1 : text.indexOf("\n## ", from + 1);
  const part = to < 0 ? text.slice(from) : text.slice(from, to);
  return [...part.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map(
    (match) => match[1] ?? "",
  );
}

export interface Shell {
  /** Runs these lines and answers what they printed, stderr included. */
  run(commands: string, timeoutMs?: number): Promise<string>;
}

/**
 * A shell with job control in the repository's root, as at a terminal; its jobs end with the test. It prints to a file:
 * a pipe shared with a Node program does not block, and others that write to it would lose what does not fit.
 */
export function openShell(scope: Scope, env: Readonly<Record<string, string>>): Shell {
  const file = join(temporaryDirectory(scope, "shell"), "output");
  const output = openSync(file, "a");
  const shell = spawn("bash", ["-m"], { cwd: ROOT, stdio: ["pipe", output, output], env: cleanEnvironment(env) });
  closeSync(output);
  const { stdin } = shell;
  if (stdin === null) throw new Error("no way to write to the shell");
  let runs = 0;
  scope.after(async () => {
    const closed = once(shell, "close");
    stdin.end("kill -9 $(jobs -p)\n");
    await closed;
  });
  return {
    async run(commands, timeoutMs = 20_000) {
      const [begin, end] = [`<begin ${++runs}>`, `<end ${runs}>`];
      stdin.write(`echo '${begin}'\n${commands}\necho '${end}'\n`);
      const read = () => readFileSync(file, "utf8");
      await until(() => read().includes(end), { timeoutMs, what: `the end of ${commands}` });
      const text = read();
      return text.slice(text.indexOf(begin) + begin.length, text.indexOf(end));
    },
  };
}
