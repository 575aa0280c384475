/** @live Files that are kept right: replaced as a whole when something has changed, and then their command is run. */
import { readFile, rm } from "node:fs/promises";
import { sayWhy } from "../../net/why.ts";
import type { Backend, Output } from "../config.ts";
import { replaceFile } from "../host/disk.ts";
import type { Once } from "../host/once.ts";
import { runCommand } from "../host/run.ts";
import { Upkeep } from "../host/upkeep.ts";
import { toText } from "./formats.ts";

export interface Filed {
  readonly name: string;
  readonly output: Output;
  /** Null while nobody knows: the file stays as it is. */
  readonly backends: readonly Backend[] | null;
}

const COMMAND_MS_MAX = 60_000;
const RETRY_MS = 5000;
/** Files, and their commands, at once. */
const PARALLEL_MAX = 16;

export class Files {
  readonly #once: Once;
  #files: readonly Filed[] = [];
  /** Those that are to be written by this agent, by path. */
  #known: ReadonlySet<string> = new Set();
  /** Paths whose command did not succeed yet. */
  readonly #owed = new Set<string>();
  /** What each file was written from. */
  readonly #done = new Map<string, Filed>();
  readonly #upkeep = new Upkeep(() => this.#bringAll());

  constructor(once: Once) {
    this.#once = once;
  }

  set(files: readonly Filed[]): void {
    this.#files = files;
    this.#upkeep.ask();
  }

  /** The files stay. */
  close(): Promise<void> {
    return this.#upkeep.close();
  }

  /** Those of services that are not watched any more. */
  async #removeOld(): Promise<void> {
    const known = new Set(this.#files.map(({ output }) => output.path));
    for (const path of this.#known) {
      if (known.has(path)) continue;
      this.#done.delete(path);
      await rm(path, { force: true }).catch(() => {});
    }
    this.#known = known;
  }

  /** A few at a time: there may be thousands. After how many ms some are to be tried again. */
  async #bringAll(): Promise<number | undefined> {
    await this.#removeOld();
    const waiting = this.#files.values();
    let isDone = true;
    const take = async (): Promise<void> => {
      for (const file of waiting) isDone = (await this.#bring(file)) && isDone;
    };
    await Promise.all(Array.from({ length: PARALLEL_MAX }, take));
    return isDone ? undefined : RETRY_MS;
  }

  /** False when it is to be tried again. */
  async #bring(file: Filed): Promise<boolean> {
    const { name, output, backends } = file;
    const done = this.#done.get(output.path);
    if (backends === null || (done?.backends === backends && done.output === output)) return true;
    const { path, format, template, command } = output;
    try {
      const from = template === undefined ? "" : await readFile(template, "utf8");
      const text = toText(format, name, backends, from);
      const before = await readFile(path, "utf8").catch(() => undefined);
      if (text !== before) {
        await replaceFile(path, [text]);
        if (command !== undefined) this.#owed.add(path);
      }
      if (command !== undefined && this.#owed.has(path)) await run(command, name, path);
      this.#owed.delete(path);
      this.#done.set(path, file);
      this.#once.over(path);
      return true;
    } catch (error) {
      this.#once.trouble(path, sayWhy(error));
      return false;
    }
  }
}

async function run(command: string, name: string, path: string): Promise<void> {
  const env = { ROLLCALL_SERVICE: name, ROLLCALL_FILE: path };
  const { code, output } = await runCommand(command, { timeoutMs: COMMAND_MS_MAX, env });
  if (code !== 0) throw new Error(`its command failed: ${output.slice(0, 500) || `exit code ${code}`}`);
}
