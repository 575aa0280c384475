import type { InstanceBody } from "../shapes.ts";

/**
 * Where what is known of services is kept over a restart, so that a program that starts while the registry is out of
 * reach finds its peers. `fileSnapshots` of `@rollcall/client/node` keeps them on the disk.
 */
export interface Snapshots {
  /** What `write` was given last under this name; undefined when there is nothing. */
  read(name: string): Promise<string | undefined>;
  /** Replaces it as a whole, or not at all. */
  write(name: string, text: string): Promise<void>;
}

/** What was known of a service: its revision, and its instances. */
export interface Known {
  readonly revision: number;
  readonly instances: readonly InstanceBody[];
}

interface Snapshot extends Known {
  readonly version: 1;
  readonly savedAt: string;
  readonly service: string;
}

/** Changes that follow each other so closely are written together, in ms. */
const TOGETHER_MS = 200;

/** One service's snapshot: what is written is always the latest, one write at a time. */
export class Saved {
  readonly #snapshots: Snapshots;
  readonly #service: string;
  readonly #name: string;
  #next: Known | undefined;
  #writing: Promise<void> | undefined;

  /** `name` tells apart what is asked for: account, service and filter. */
  constructor(snapshots: Snapshots, service: string, name: string) {
    this.#snapshots = snapshots;
    this.#service = service;
    this.#name = name;
  }

  /** Undefined when there is none that can be read: a damaged one is as good as none. */
  async read(): Promise<Known | undefined> {
    try {
      const text = await this.#snapshots.read(this.#name);
      if (text === undefined) return undefined;
      const { version, service, revision, instances } = JSON.parse(text) as Snapshot;
      const isWhole =
        version === 1 && service === this.#service && Number.isFinite(revision) && Array.isArray(instances);
      return isWhole ? { revision, instances } : undefined;
    } catch {
      return undefined;
    }
  }

  write(known: Known): void {
    this.#next = known;
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    while (this.#next !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, TOGETHER_MS));
      const known = this.#next;
      this.#next = undefined;
      const snapshot: Snapshot = { version: 1, savedAt: new Date().toISOString(), service: this.#service, ...known };
      // A full disk costs the next start its snapshot, nothing else; the next change is tried again.
      await this.#snapshots.write(this.#name, JSON.stringify(snapshot)).catch(() => {});
    }
    this.#writing = undefined;
  }
}
