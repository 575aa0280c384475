/** The addresses of a registry's nodes: which is asked next, and which rest because they gave no answer. */
import { backoffMs } from "../wait.ts";

/** A node, as this client knows it. */
export interface Address {
  /** Without a slash at the end. */
  readonly base: string;
}

interface Known extends Address {
  failures: number;
  /** In ms of `performance.now()`. */
  restsUntilMs: number;
  /** What is open there, and is better opened elsewhere when the node is gone. */
  readonly open: Set<() => void>;
}

/** A node that was silent is asked again after this at the latest, even when others answer for it. */
const REST_MS_MAX = 10_000;

export class Addresses {
  readonly #all: readonly Known[];
  #at = 0;

  /** `spread`: begins at any of them, so that many clients do not all begin at the first. */
  constructor(urls: readonly string[], spread: boolean) {
    const bases = [...new Set(urls.map((url) => url.replace(/\/+$/, "")))];
    this.#all = bases.map((base) => ({ base, failures: 0, restsUntilMs: 0, open: new Set() }));
    if (spread) this.#at = Math.floor(Math.random() * bases.length);
  }

  get urls(): readonly string[] {
    return this.#all.map(({ base }) => base);
  }

  /** Where the latest answer came from. */
  get current(): Address {
    return this.#all[this.#at] as Known;
  }

  /** Each once, in the order in which they are to be asked: from the current one on, and those that rest at the end. */
  round(): readonly Address[] {
    const nowMs = performance.now();
    const turned = [...this.#all.slice(this.#at), ...this.#all.slice(0, this.#at)];
    const rests = ({ restsUntilMs }: Known) => Math.max(0, restsUntilMs - nowMs);
    return turned.sort((one, other) => rests(one) - rests(other));
  }

  /** Whether a node is there to be asked at once, instead of one that has just failed. */
  get hasOther(): boolean {
    const nowMs = performance.now();
    return this.#all.length > 1 && this.#all.some(({ restsUntilMs }) => restsUntilMs <= nowMs);
  }

  answered(address: Address): void {
    const known = address as Known;
    known.failures = 0;
    known.restsUntilMs = 0;
    this.#at = this.#all.indexOf(known);
  }

  /** It gave no answer, or is not ready. `isGone`: whatever is open there will hear nothing any more. */
  failed(address: Address, isGone: boolean): void {
    const known = address as Known;
    known.restsUntilMs = performance.now() + backoffMs(known.failures++, 200, REST_MS_MAX);
    if (isGone && this.#all.length > 1) for (const leave of [...known.open]) leave();
  }

  /** `leave` is called when this node turns out to be gone. Returns its cancel. */
  opened(address: Address, leave: () => void): () => void {
    const { open } = address as Known;
    open.add(leave);
    return () => open.delete(leave);
  }
}
