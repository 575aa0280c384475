/**
 * @live Removes containers that are empty again, nodes whose time is over, and notes of nodes that are gone. A few at a time,
 * by the one node on duty.
 */
import { type Account, type Bytes, byPlan, counterOf, type View } from "../../core/index.ts";
import type { House } from "../contract.ts";
import { NOTES } from "./nodes/note.ts";
import { findWorn, SWEEP } from "./nodes/worn.ts";
import { directoryOf } from "./wire/path.ts";

type Parts = Pick<House, "registry" | "nodes" | "log" | "clock"> & { readonly everyMs: number };

export class Sweeping {
  readonly #parts: Parts;
  readonly #timer: NodeJS.Timeout;
  #busy = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#sweepAll(), parts.everyMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #sweepAll(): Promise<void> {
    const { registry, nodes, log } = this.#parts;
    if (this.#busy || !nodes.isOnDuty()) return;
    this.#busy = true;
    try {
      const accounts = registry.read((view) => Array.from(view.accounts(), ({ name }) => name));
      for (const account of accounts) await this.#sweep(account);
    } catch (error) {
      log.error({ err: error }, "nodes of zookeeper whose time is over could not be removed");
    } finally {
      this.#busy = false;
    }
  }

  async #sweep(account: Account): Promise<void> {
    const { registry, clock } = this.#parts;
    for (let from: Bytes | undefined = NOTES; from !== undefined; ) {
      const start: Bytes = from;
      const { paths, next } = registry.read((view) =>
        findWorn(view, account, start, clock.now(), cameTo(view, account)),
      );
      if (paths.length > 0) await registry.propose(account, byPlan(SWEEP, { paths }));
      from = next;
      if (from !== undefined) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** What others create in a container counts once it is there. */
function cameTo(view: View, account: Account): (path: Bytes) => number {
  return (path) => Number(view.entry(account, counterOf(directoryOf(path)))?.value ?? 0);
}
