/** `rollcall exec PREFIX -- COMMAND`: the configuration below the prefix as the command's environment; begun anew on change. */
import type { Client, KeyBody } from "@rollcall/client";
import type { Command } from "commander";
import { downNote } from "../../terminal/changes.ts";
import { type Context, connect } from "../../terminal/connection.ts";
import { EXIT, Failure } from "../../terminal/exit.ts";
import { Child, passSignals } from "./child.ts";

interface ExecFlags {
  readonly once?: boolean;
  readonly pure?: boolean;
  readonly signal?: string;
}

/** Changes that follow each other so closely begin the command anew once. */
const TOGETHER_MS = 500;

export function defineExec(program: Command): void {
  program
    .command("exec <prefix> <command...>")
    .usage("[options] <prefix> -- <command...>")
    .summary("run a command with configuration as its environment")
    .description(
      "Runs the command with each key below the prefix as a variable, db/max-size as DB_MAX_SIZE, and begins it anew when one of them changes; its exit code is this one's once it ends by itself. While the registry is out of reach it runs on.",
    )
    .option("--once", "never begin it anew")
    .option("--signal <signal>", "on a change send this, such as SIGHUP, instead of beginning anew")
    .option("--pure", "these variables alone, and PATH")
    .action(async (prefix: string, command: string[], flags: ExecFlags, self: Command) => {
      if (flags.signal !== undefined && !/^SIG[A-Z0-9]{2,10}$/.test(flags.signal))
        throw new Failure(EXIT.usage, `--signal takes a name such as SIGHUP, not "${flags.signal}"`);
      process.exitCode = await new Run(await connect(self), prefix, command, flags).run();
    });
}

class Run {
  readonly #context: Context;
  readonly #prefix: string;
  readonly #command: readonly string[];
  readonly #flags: ExecFlags;
  readonly #stop = new AbortController();
  #child: Child | undefined;
  /** It was told to end: it is not begun anew. */
  #isToEnd = false;
  #variables = "";
  /** Resolves when something has changed, and the child is to begin anew. */
  #change: () => void = () => {};

  constructor(context: Context, prefix: string, command: readonly string[], flags: ExecFlags) {
    this.#context = context;
    this.#prefix = prefix;
    this.#command = command;
    this.#flags = flags;
  }

  async run(): Promise<number> {
    let variables = await this.#read();
    const forget = passSignals(
      () => this.#child,
      (signal) => {
        if (signal === "SIGINT" || signal === "SIGTERM" || signal === "SIGQUIT") this.#isToEnd = true;
      },
    );
    if (this.#flags.once !== true) void this.#follow();
    try {
      for (;;) {
        const code = await this.#runOnce(variables);
        if (code !== undefined) return code;
        variables = JSON.parse(this.#variables) as Record<string, string>;
      }
    } finally {
      this.#stop.abort();
      forget();
    }
  }

  /** The code that it ended with by itself; undefined when it is to begin anew. */
  async #runOnce(variables: Record<string, string>): Promise<number | undefined> {
    this.#variables = JSON.stringify(variables);
    const { PATH } = process.env;
    const around = this.#flags.pure === true ? { PATH } : process.env;
    const child = new Child(this.#command, { ...around, ...variables });
    this.#child = child;
    const changed = new Promise<undefined>((resolve) => {
      this.#change = () => resolve(undefined);
    });
    const code = await Promise.race([child.ended, changed]);
    if (code !== undefined) return code;
    const ended = await child.end();
    return this.#isToEnd ? ended : undefined;
  }

  async #follow(): Promise<void> {
    const { client, out } = this.#context;
    const { signal } = this.#stop;
    let timer: NodeJS.Timeout | undefined;
    const onDown = (error: unknown): void => out.note(downNote(error));
    try {
      for await (const _ of client.config.watch({ prefix: this.#prefix, signal, onDown })) {
        clearTimeout(timer);
        timer = setTimeout(() => void this.#look(), TOGETHER_MS);
      }
    } catch (error) {
      out.note(`the configuration is not followed any more: ${(error as Error).message}`);
    } finally {
      clearTimeout(timer);
    }
  }

  async #look(): Promise<void> {
    try {
      const text = JSON.stringify(await this.#read());
      if (text === this.#variables || this.#isToEnd || this.#stop.signal.aborted) return;
      this.#variables = text;
      const { signal } = this.#flags;
      if (signal === undefined) this.#change();
      else this.#child?.send(signal as NodeJS.Signals);
    } catch (error) {
      // What the registry has nothing to say of goes on as it is; the watch tells of it again.
      this.#context.out.note(`the configuration was not read: ${(error as Error).message}`);
    }
  }

  async #read(): Promise<Record<string, string>> {
    const keys = await keysBelow(this.#context.client, this.#prefix);
    return toVariables(this.#prefix, keys);
  }
}

async function keysBelow({ config }: Client, prefix: string): Promise<readonly KeyBody[]> {
  const keys: KeyBody[] = [];
  let from: string | undefined;
  do {
    const page = await config.list({ prefix, ...(from !== undefined && { from }) });
    keys.push(...page.keys);
    from = page.next ?? undefined;
  } while (from !== undefined);
  return keys;
}

/** Sorted. Values that are no text, or have a byte 0, which no environment can hold, are refused by name. */
function toVariables(prefix: string, keys: readonly KeyBody[]): Record<string, string> {
  const variables = new Map<string, string>();
  for (const { key, value } of keys) {
    const name = nameOf(key.slice(prefix.length));
    if (name === "") continue;
    if (value === null || value.includes("\0"))
      throw new Failure(EXIT.refused, `the value of key "${key}" cannot be in an environment: it is no text`);
    if (variables.has(name)) throw new Failure(EXIT.refused, `two keys below "${prefix}" make the variable ${name}`);
    variables.set(name, value);
  }
  return Object.fromEntries([...variables].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** `/db/max-size` -> `DB_MAX_SIZE`; "" for a key without letters or digits. */
function nameOf(rest: string): string {
  const name = rest
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_|_$/g, "")
    .toUpperCase();
  return /^[0-9]/.test(name) ? `_${name}` : name;
}
