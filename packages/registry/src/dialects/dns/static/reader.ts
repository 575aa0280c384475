/** Reads a zone file with the files that it includes, and makes the zone of it. */
import { createHash } from "node:crypto";
import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type Bytes, fromBytes } from "../../../core/index.ts";
import type { Notes } from "../labels/meta.ts";
import type { Name } from "../wire/message.ts";
import { type BuiltZone, buildZone } from "./built-zone.ts";
import { type StaticInstances, toInstances } from "./instances.ts";
import { type Included, type Parsed, parseZoneFile } from "./zonefile/parser.ts";
import { Fault, ZONEFILE_LIMITS } from "./zonefile/scanner.ts";

/** A zone file that is good. */
export interface LoadedZone extends BuiltZone {
  readonly path: string;
  /** Of the bytes of all its files. */
  readonly hash: string;
  readonly found: StaticInstances;
}

/** What reading a zone file gave, and which files it rests on, good or not. */
export interface ReadZone {
  readonly result: LoadedZone | Fault;
  readonly files: readonly string[];
}

const BOM = "\u00ef\u00bb\u00bf";

/** Reads and checks the zone. Never rejects: what is wrong is the result. */
export async function readZone(path: string, origin: Name, notes: Notes): Promise<ReadZone> {
  const reader = new Reader(path, notes);
  const result = await reader.load(origin);
  return { result, files: reader.files };
}

class Reader {
  readonly files: string[];
  readonly #path: string;
  readonly #notes: Notes;
  readonly #hash = createHash("sha256");
  #bytesLeft: number = ZONEFILE_LIMITS.fileBytesMax;

  constructor(path: string, notes: Notes) {
    this.#path = path;
    this.#notes = notes;
    this.files = [path];
  }

  async load(origin: Name): Promise<LoadedZone | Fault> {
    const path = this.#path;
    const text = await this.#read(path);
    if (text instanceof Fault) return text;
    const parsed = await this.#parse(text, origin);
    if (parsed instanceof Fault) return parsed;
    const built = await finish(buildZone(parsed, origin, path));
    if (built instanceof Fault) return built;
    const found = await finish(toInstances(built, this.#notes));
    return { ...built, path, hash: this.#hash.digest("hex"), found };
  }

  async #parse(text: Bytes, origin: Name): Promise<Parsed | Fault> {
    const steps = parseZoneFile(text.startsWith(BOM) ? text.slice(BOM.length) : text, this.#path, origin);
    let answer: Included | undefined;
    for (;;) {
      const step = steps.next(answer);
      answer = undefined;
      if (step.done === true) return step.value;
      if (step.value.kind === "pause") await turn();
      else answer = await this.#include(fromBytes(step.value.path), step.value.from);
    }
  }

  /** A file named by another one. It must lie in the directory of the zone file or below, links followed. */
  async #include(path: string, from: string): Promise<Included> {
    if (path === "" || path.includes("\0")) return "no name of a file";
    const file = resolve(dirname(from), path);
    this.files.push(file);
    try {
      const [root, real] = await Promise.all([realpath(dirname(this.#path)), realpath(file)]);
      const way = relative(root, real);
      if (way === "" || way === ".." || way.startsWith("../")) return "the file lies outside the zone file's directory";
      // A zone file that is a link is still itself when something below includes it.
      const shown = real === (await realpath(this.#path)) ? this.#path : file;
      const text = await this.#read(file);
      return text instanceof Fault ? text.what : { file: shown, text };
    } catch (error) {
      return sentenceOf(error);
    }
  }

  async #read(file: string): Promise<Bytes | Fault> {
    let handle: FileHandle | undefined;
    try {
      // A pipe would wait for a writer for ever.
      if (!(await stat(file)).isFile()) return new Fault(file, 0, "is no regular file");
      handle = await open(file, "r");
      const { size } = await handle.stat();
      if (size > this.#bytesLeft) return new Fault(file, 0, tooLarge());
      const bytes = await handle.readFile();
      if (bytes.length > this.#bytesLeft) return new Fault(file, 0, tooLarge());
      this.#bytesLeft -= bytes.length;
      this.#hash.update(`${bytes.length} `).update(bytes);
      return bytes.toString("latin1");
    } catch (error) {
      return new Fault(file, 0, sentenceOf(error));
    } finally {
      await handle?.close();
    }
  }
}

/** Lets others have a turn at every step. */
async function finish<T>(steps: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await turn();
  }
}

function tooLarge(): string {
  return `with what it includes it is larger than ${ZONEFILE_LIMITS.fileBytesMax} bytes`;
}

const SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "the file may not be read",
  ENOTDIR: "there is no such file",
  ELOOP: "too many links",
};

/** An error of the file system for people. */
export function sentenceOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return SENTENCES[code ?? ""] ?? message ?? String(error);
}
