/** The addresses of a registry's nodes: which is asked next, how near each is, and which rest because they gave no answer. */
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
  /** What an answer took when that was measured last; undefined before. */
  tookMs: number | undefined;
  /** What is open there, and is better opened elsewhere when the node is gone. */
  readonly open: Set<() => void>;
}

/** A node that was silent is asked again after this at the latest, even when others answer for it. */
const REST_MS_MAX = 10_000;
/** Nodes in one place differ by chance: those are as near as the nearest that take up to so many times as long, and so many ms more. */
const NEAR_TIMES = 2;
const NEAR_MS = 1;

export class Addresses {
  readonly #all: readonly Known[];
  #at = 0;

  /** `spread`: begins at any of them, so that many clients do not all begin at the first. */
  constructor(urls: readonly string[], spread: boolean) {
    const bases = [...new Set(urls.map((url) => url.replace(/\/+$/, "")))];
    this.#all = bases.map((base) => ({ base, failures: 0, restsUntilMs: 0, tookMs: undefined, open: new Set() }));
    if (spread) this.#at = Math.floor(Math.random() * bases.length);
  }

  get urls(): readonly string[] {
    return this.#all.map(({ base }) => base);
  }

  /** Where the latest answer came from. */
  get current(): Address {
    return this.#all[this.#at] as Known;
  }

  /** Each once, the current one first. */
  get all(): readonly Address[] {
    return [...this.#all.slice(this.#at), ...this.#all.slice(0, this.#at)];
  }

  /** Each once, in the order in which they are to be asked: the current one, then the nearest, and those that rest at the end. */
  round(): readonly Address[] {
    const nowMs = performance.now();
    const rests = ({ restsUntilMs }: Known) => Math.max(0, restsUntilMs - nowMs);
    // What was not measured comes in the order given, behind what was.
    const far = (known: Known) => (known === this.current ? -1 : (known.tookMs ?? Number.MAX_VALUE));
    return (this.all as Known[]).sort((one, other) => rests(one) - rests(other) || far(one) - far(other));
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

  /** What answers took just now, of those that answered: the nearest of them is current, unless the one that was is as near. */
  measured(took: ReadonlyMap<Address, number>): void {
    for (const [address, ms] of took) (address as Known).tookMs = ms;
    const [nearest] = [...took].sort(([, one], [, other]) => one - other);
    if (nearest !== undefined && !isNear((this.current as Known).tookMs, nearest[1])) this.answered(nearest[0]);
  }

  /** Whether a nearer one may be there: one that was, or one that never answered. */
  get isAway(): boolean {
    const { tookMs } = this.current as Known;
    return this.#all.some((known) => known.tookMs === undefined || !isNear(tookMs, known.tookMs));
  }
}

function isNear(ms: number | undefined, nearestMs: number): boolean {
  return ms !== undefined && ms <= nearestMs * NEAR_TIMES + NEAR_MS;
}
