/**
 * @live The leases of the account are kept by the registry: heartbeats are sent on, those of one moment in one request.
 * What the agent keeps itself it keeps time of itself.
 */
import type { Leases } from "@rollcall/client";
import {
  type Account,
  type Keeping,
  type LeaseId,
  type LeaseRecord,
  type Nodes,
  SYSTEM_ACCOUNT,
} from "../../core/index.ts";

/** As `Keeping.renew` says it. */
const GONE = 0;
const NOT_REACHED = -1;
/** Of a lease that was granted a moment ago and is not seen here yet. */
const TTL_UNSEEN_MS = 10_000;

export interface KeepingParts {
  /** This agent. */
  readonly name: string;
  /** The registry, for people. */
  readonly registry: string;
  /** The account that is followed. */
  readonly account: Account;
  readonly leases: Pick<Leases, "renewMany">;
  ttlMs(lease: LeaseId): number | undefined;
}

interface Batch {
  readonly leases: Set<LeaseId>;
  readonly answer: Promise<ReadonlyMap<LeaseId, number>>;
}

export class UpstreamKeeping implements Keeping {
  readonly keeper: { readonly node: string; readonly term: string };
  readonly #parts: KeepingParts;
  #next: Batch | undefined;

  constructor(parts: KeepingParts) {
    this.#parts = parts;
    this.keeper = { node: parts.name, term: parts.name };
  }

  keeps(account: Account): boolean {
    return account === SYSTEM_ACCOUNT;
  }

  keeperOf(account: Account, _lease: LeaseRecord): string {
    return account === SYSTEM_ACCOUNT ? this.#parts.name : this.#parts.registry;
  }

  async renew(account: Account, leases: readonly LeaseId[]): Promise<Float64Array> {
    if (account !== this.#parts.account) return new Float64Array(leases.length);
    this.#next ??= this.#gather();
    const { leases: asked, answer } = this.#next;
    for (const lease of leases) asked.add(lease);
    const found = await answer;
    return Float64Array.from(leases, (lease) => found.get(lease) ?? NOT_REACHED);
  }

  #gather(): Batch {
    const leases = new Set<LeaseId>();
    // All that come in this turn.
    const gathered = new Promise<void>((resolve) => setImmediate(resolve));
    const answer = gathered.then(() => {
      this.#next = undefined;
      return this.#ask([...leases]);
    });
    return { leases, answer };
  }

  async #ask(leases: readonly LeaseId[]): Promise<ReadonlyMap<LeaseId, number>> {
    const found = new Map<LeaseId, number>();
    try {
      const { missing, unreached = [] } = await this.#parts.leases.renewMany(leases);
      for (const lease of leases) found.set(lease, this.#parts.ttlMs(lease) ?? TTL_UNSEEN_MS);
      for (const lease of missing) found.set(lease, GONE);
      for (const lease of unreached) found.set(lease, NOT_REACHED);
    } catch {
      // Said where the registry is followed: whoever beats is told to try again.
      for (const lease of leases) found.set(lease, NOT_REACHED);
    }
    return found;
  }

  /** Nobody asks the registry for each: they are read there. */
  async pulses(_account: Account, leases: readonly LeaseId[]): Promise<readonly undefined[]> {
    return leases.map(() => undefined);
  }

  /** It never moves. */
  onMoved(): void {}
}

const NOTHING = (): void => undefined;

/** What is done once for all is done by the registry, never here. */
export const OFF_DUTY: Nodes = {
  isOnDuty: () => false,
  onDuty: () => NOTHING,
  broadcast: NOTHING,
  on: () => NOTHING,
};
