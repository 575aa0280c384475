/** @live Tells when something happens in directories. A hint only: callers also look from time to time. */
import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";

interface Watched {
  readonly watcher: FSWatcher;
  /** Of the directory: another one may get its name. */
  readonly identity: string;
}

const DIRECTORIES_MAX = 1024;

export class DirectoryWatch {
  readonly #onEvent: () => void;
  readonly #watched = new Map<string, Watched>();

  constructor(onEvent: () => void) {
    this.#onEvent = onEvent;
  }

  /** Watches these directories and no others. */
  async set(directories: Iterable<string>): Promise<void> {
    const wanted = new Set([...new Set(directories)].slice(0, DIRECTORIES_MAX));
    for (const path of this.#watched.keys()) if (!wanted.has(path)) this.#end(path);
    for (const path of wanted) {
      const identity = await identityOf(path);
      if (this.#watched.get(path)?.identity === identity) continue;
      this.#end(path);
      if (identity !== "") this.#begin(path, identity);
    }
  }

  close(): void {
    for (const path of this.#watched.keys()) this.#end(path);
  }

  #begin(path: string, identity: string): void {
    try {
      const watcher = watch(path, { persistent: false }, this.#onEvent);
      watcher.on("error", () => this.#end(path));
      this.#watched.set(path, { watcher, identity });
    } catch {
      // This machine has too many watches, or the file system has none. Callers look from time to time.
    }
  }

  #end(path: string): void {
    this.#watched.get(path)?.watcher.close();
    this.#watched.delete(path);
  }
}

async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino } = await stat(path);
    return `${dev} ${ino}`;
  } catch {
    return "";
  }
}
