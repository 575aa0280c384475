/**
 * @live The addresses of hosts by name. Asked for in the few threads of the process that its files need as well: never more
 * than two at once, once for all that ask at the same time, and kept for some seconds.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

interface Clock {
  monotonic(): number;
}

const KEEP_MS = 5000;
const ASKED_MAX = 2;
const KEPT_MAX = 2000;

/** Rejects as the system's resolver does. */
export type Lookup = (host: string) => Promise<readonly string[]>;

const lookUp: Lookup = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

interface Kept {
  readonly untilMs: number;
  readonly addresses: Promise<readonly string[]>;
}

export class Names {
  readonly #clock: Clock;
  readonly #lookup: Lookup;
  readonly #kept = new Map<string, Kept>();
  readonly #waiting: (() => void)[] = [];
  #asked = 0;

  constructor(clock: Clock, lookup: Lookup = lookUp) {
    this.#clock = clock;
    this.#lookup = lookup;
  }

  /** Rejects as the lookup does. */
  find(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return Promise.resolve([host]);
    const nowMs = this.#clock.monotonic();
    const known = this.#kept.get(host);
    if (known !== undefined && known.untilMs > nowMs) return known.addresses;
    // Oldest first, as they were put there.
    for (const [name, { untilMs }] of this.#kept) {
      if (untilMs > nowMs && this.#kept.size < KEPT_MAX) break;
      this.#kept.delete(name);
    }
    const addresses = this.#ask(host);
    // Whoever asked hears of it.
    addresses.catch(() => {});
    this.#kept.delete(host);
    this.#kept.set(host, { untilMs: nowMs + KEEP_MS, addresses });
    return addresses;
  }

  async #ask(host: string): Promise<readonly string[]> {
    if (this.#asked >= ASKED_MAX) await new Promise<void>((go) => this.#waiting.push(go));
    this.#asked++;
    try {
      return await this.#lookup(host);
    } finally {
      this.#asked--;
      this.#waiting.shift()?.();
    }
  }
}
