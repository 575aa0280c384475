/** @live Reads a zone file with the files that it includes, and makes its zone. */
import { createHash } from "node:crypto";
import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type Bytes, fromBytes, type Outcome, ok, refuse } from "../../../core/index.ts";
import { sayWhy } from "../../../net/why.ts";
import type { Notes } from "../labels/meta.ts";
import type { Name } from "../wire/message.ts";
import { type BuiltZone, buildZone } from "./built-zone.ts";
import { type StaticInstances, toInstances } from "./instances.ts";
import { type Included, type Parsed, parseZoneFile } from "./zonefile/parser.ts";
import { Fault, ZONEFILE_LIMITS } from "./zonefile/scanner.ts";

/** A zone file that is good. */
export interface LoadedZone extends BuiltZone {
  readonly path: string;
  /** Of the bytes of all files. */
  readonly hash: string;
  readonly found: StaticInstances;
}

/** The zone, and the files that it comes from, good or not. */
export interface ReadZone {
  readonly result: Outcome<LoadedZone, Fault>;
  readonly files: readonly string[];
}

const BOM = "\u00ef\u00bb\u00bf";

/** Reads and checks the zone. Never rejects. */
export async function readZone(path: string, origin: Name, notes: Notes): Promise<ReadZone> {
  const reader = new ZoneReader(path, notes);
  const result = await reader.load(origin);
  return { result, files: reader.files };
}

class ZoneReader {
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

  async load(origin: Name): Promise<Outcome<LoadedZone, Fault>> {
    const path = this.#path;
    const text = await this.#read(path);
    if (!text.ok) return text;
    const parsed = await this.#parse(text.value, origin);
    if (!parsed.ok) return parsed;
    const built = await finish(buildZone(parsed.value, origin, path));
    if (!built.ok) return built;
    const found = await finish(toInstances(built.value, this.#notes));
    return ok({ ...built.value, path, hash: this.#hash.digest("hex"), found });
  }

  async #parse(text: Bytes, origin: Name): Promise<Outcome<Parsed, Fault>> {
    const steps = parseZoneFile(text.startsWith(BOM) ? text.slice(BOM.length) : text, this.#path, origin);
    let answer: Outcome<Included> | undefined;
    for (;;) {
      const step = steps.next(answer);
      answer = undefined;
      if (step.done === true) return step.value;
      if (step.value.kind === "pause") await turn();
      else answer = await this.#include(fromBytes(step.value.path), step.value.from);
    }
  }

  /** A file that is included. It must lie in the directory of the zone file or below, links followed. */
  async #include(path: string, from: string): Promise<Outcome<Included>> {
    if (path === "" || path.includes("\0")) return refuse("invalid", "no name of a file");
    const file = resolve(dirname(from), path);
    this.files.push(file);
    try {
      const [root, real] = await Promise.all([realpath(dirname(this.#path)), realpath(file)]);
      const way = relative(root, real);
      if (way === "" || way === ".." || way.startsWith("../"))
        return refuse("invalid", "the file lies outside the zone file's directory");
      // The zone file keeps its name when a file includes it, also if it is a link.
      const shown = real === (await realpath(this.#path)) ? this.#path : file;
      const text = await this.#read(file);
      return text.ok ? ok({ file: shown, text: text.value }) : refuse("invalid", text.what);
    } catch (error) {
      return refuse("invalid", sayWhy(error));
    }
  }

  async #read(file: string): Promise<Outcome<Bytes, Fault>> {
    let handle: FileHandle | undefined;
    try {
      // To open a pipe without a writer would never end.
      if (!(await stat(file)).isFile()) return new Fault(file, 0, "is no regular file");
      handle = await open(file, "r");
      const { size } = await handle.stat();
      if (size > this.#bytesLeft) return new Fault(file, 0, tooLarge());
      const bytes = await handle.readFile();
      if (bytes.length > this.#bytesLeft) return new Fault(file, 0, tooLarge());
      this.#bytesLeft -= bytes.length;
      this.#hash.update(`${bytes.length} `).update(bytes);
      return ok(bytes.toString("latin1"));
    } catch (error) {
      return new Fault(file, 0, sayWhy(error));
    } finally {
      await handle?.close();
    }
  }
}

/** Others have a turn at each yield. */
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
