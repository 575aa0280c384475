/**
 * @live Removes notes whose keys are gone: those of keys that another protocol deleted, and those that tell of a lock's
 * delay which is over. A few at a time, by the one node on duty.
 */
import { type Account, type Bytes, byPlan, type Nodes, type Registry } from "../../../core/index.ts";
import type { House } from "../../contract.ts";
import { NOTE_PREFIX } from "./entry.ts";
import { findIdle, SWEEP } from "./idle.ts";

const EVERY_MS = 60_000;

export class Sweeping {
  readonly #registry: Registry;
  readonly #nodes: Nodes;
  readonly #log: House["log"];
  readonly #timer: NodeJS.Timeout;
  #busy = false;

  constructor({ registry, nodes, log }: Pick<House, "registry" | "nodes" | "log">) {
    this.#registry = registry;
    this.#nodes = nodes;
    this.#log = log;
    this.#timer = setInterval(() => void this.#sweepAll(), EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #sweepAll(): Promise<void> {
    if (this.#busy || !this.#nodes.isOnDuty()) return;
    this.#busy = true;
    try {
      const accounts = this.#registry.read((view) => Array.from(view.accounts(), ({ name }) => name));
      for (const account of accounts) await this.#sweep(account);
    } catch (error) {
      this.#log.error({ err: error }, "notes of keys that are gone could not be removed");
    } finally {
      this.#busy = false;
    }
  }

  async #sweep(account: Account): Promise<void> {
    for (let from: Bytes | undefined = NOTE_PREFIX; from !== undefined; ) {
      const start: Bytes = from;
      const { idle, next } = this.#registry.read((view) => findIdle(view, account, start));
      if (idle.length > 0) await this.#registry.propose(account, byPlan(SWEEP, { notes: idle }));
      from = next;
      if (from !== undefined) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
