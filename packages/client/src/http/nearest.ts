/**
 * Finds the nearest node by the time that each takes to answer: before the first request, which goes to the one that answers
 * first, and again from time to time while the nearest is not the one that is asked, as it was gone.
 */
import { jitter } from "../wait.ts";
import type { Address, Addresses } from "./addresses.ts";
import type { Fetch } from "./fetch.ts";

/** One that takes longer is not near. */
const ANSWER_MS_MAX = 1000;
/** Between two looks for a nearer one; twice as long each time. */
const AGAIN_MS_MIN = 30_000;
const AGAIN_MS_MAX = 300_000;

export class Nearest {
  readonly #addresses: Addresses;
  readonly #fetch: Fetch;
  readonly #now: () => number;
  #beginning: Promise<void> | undefined;
  #looks = 0;
  #againMs = 0;
  #isLooking = false;

  constructor(addresses: Addresses, fetch: Fetch, now = () => performance.now()) {
    this.#addresses = addresses;
    this.#fetch = fetch;
    this.#now = now;
  }

  /** What a request is to wait for; undefined when it need not. */
  due(): Promise<void> | undefined {
    if (this.#looks === 0) this.#beginning = this.#look(true);
    else if (this.#isLooking || this.#now() < this.#againMs) return this.#beginning;
    else if (this.#addresses.isAway) void this.#look(false);
    // When the one that is asked is lost, it is not long until a nearer one is looked for.
    else this.#waitAgain(1);
    return this.#beginning;
  }

  #waitAgain(looks: number): void {
    this.#looks = looks;
    this.#againMs = this.#now() + jitter(Math.min((AGAIN_MS_MIN / 2) * 2 ** looks, AGAIN_MS_MAX));
  }

  /** Resolves when one has answered, or all have failed. */
  async #look(isFirst: boolean): Promise<void> {
    this.#isLooking = true;
    this.#waitAgain(this.#looks + 1);
    const took = new Map<Address, number>();
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const answered = (address: Address) => {
      if (isFirst && this.#beginning !== undefined) this.#addresses.answered(address);
      this.#beginning = undefined;
      begin();
    };
    const all = this.#addresses.all.map(async (address) => {
      const ms = await this.#time(address, answered);
      if (ms !== undefined) took.set(address, ms);
    });
    void Promise.all(all).then(() => {
      this.#addresses.measured(took);
      this.#isLooking = false;
      this.#beginning = undefined;
      begin();
    });
    await begun;
  }

  /** The ms of a second answer, which comes over the connection of the first; undefined when there is none, or it is not ready. */
  async #time(address: Address, answered: (address: Address) => void): Promise<number | undefined> {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const ask = async (): Promise<boolean> => {
      const response = await this.#fetch(`${address.base}/readyz`, { signal });
      await response.text();
      return response.status < 500;
    };
    try {
      if (!(await ask())) return undefined;
      answered(address);
      const beganMs = this.#now();
      return (await ask()) ? this.#now() - beganMs : undefined;
    } catch {
      return undefined;
    }
  }
}
