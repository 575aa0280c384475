/** @live What this node wrote, on its way to all others: of each unit the newest version, once in a turn. */
import type { Clock } from "../../core/index.ts";
import type { Noted } from "./book.ts";
import { encodeUnits, inParts } from "./messages.ts";
import type { Network } from "./network.ts";

export const UNITS = "gossip/units";
/** Units of one message. */
const AT_ONCE = 2000;

export class Outbox {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Noted>();

  constructor(network: Network, clock: Clock) {
    this.#network = network;
    this.#clock = clock;
  }

  add(noted: Noted): void {
    if (this.#waiting.size === 0) setImmediate(() => this.flush());
    this.#waiting.set(`${noted.account}\0${noted.key}`, noted);
  }

  flush(): void {
    const units = [...this.#waiting.values()];
    this.#waiting.clear();
    const { reached } = this.#network;
    if (reached.length === 0) return;
    for (const part of inParts(units, AT_ONCE, ({ unit }) => unit)) {
      const message = encodeUnits(part, this.#clock.now());
      for (const node of reached) this.#network.tell(node, UNITS, message);
    }
  }
}
