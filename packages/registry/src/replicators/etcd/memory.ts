/** @live Which order this node knew, and up to where: kept in its data directory, as an etcd that lost it would not tell. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Revision } from "../../core/index.ts";
import { decodeMeta, encodeMeta, wholeNumber } from "../../records/meta.ts";
import { EtcdRefused } from "./refused.ts";

export interface Known {
  readonly line: string;
  readonly revision: Revision;
}

const FILE = "etcd.known";

/** Null when this node never was part of an order. */
export function readKnown(dataDir: string): Known | null {
  try {
    const known = decodeMeta(readFileSync(join(dataDir, FILE)), FILE);
    if (!known.ok) throw new EtcdRefused(`${join(dataDir, FILE)}: ${known.detail}`);
    return { line: String(known.value.line), revision: wholeNumber(known.value, "revision") };
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return null;
    throw error;
  }
}

function writeKnown(dataDir: string, known: Known): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(join(dataDir, `${FILE}.new`), encodeMeta(known), { mode: 0o600 });
  renameSync(join(dataDir, `${FILE}.new`), join(dataDir, FILE));
}

/** How often it is written down. */
const EVERY_MS = 5000;

/** Writes it down now and then, and at the end. */
export class Memory {
  readonly #dataDir: string;
  readonly #now: () => Known | null;
  readonly #told: (error: unknown) => void;
  #written: Revision = -1;
  #timer: NodeJS.Timeout | undefined;

  /** `now`: what is known; null while it is not to be written down. `told`: null when it was, else why not. */
  constructor(dataDir: string, now: () => Known | null, told: (error: unknown) => void) {
    this.#dataDir = dataDir;
    this.#now = now;
    this.#told = told;
  }

  start(): void {
    this.#write();
    this.#timer = setInterval(() => this.#write(), EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#write();
  }

  #write(): void {
    const known = this.#now();
    if (known === null || known.revision === this.#written) return;
    try {
      writeKnown(this.#dataDir, known);
      this.#written = known.revision;
      this.#told(null);
    } catch (error) {
      this.#told(error);
    }
  }
}

export function knownFile(dataDir: string): string {
  return join(dataDir, FILE);
}
