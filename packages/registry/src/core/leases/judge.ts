/** Judges leases that lapse: each ends, or is held together with its service or its account. */
import type { LeaseState } from "../catalog/lease.ts";
import type { ServiceState } from "../catalog/service.ts";
import type { AccountState } from "../catalog/state.ts";
import { instancesOf, type Surveyor } from "./census.ts";
import type { Departures } from "./departures.ts";
import type { Others } from "./others.ts";
import type { Census, ExpiryPolicy } from "./policy.ts";
import type { Span } from "./turnover.ts";
import type { Lapsed, LeaseWheel } from "./wheel.ts";

export interface Bench {
  readonly surveyor: Surveyor;
  readonly others: Others;
  readonly departures: Departures;
  readonly policy: ExpiryPolicy;
}

export interface Hold {
  /** Null: it is held together with its account. */
  readonly service: string | null;
  readonly reason: string;
}

/** For the leases of one account that lapse in one tick. */
export class Judge {
  readonly #bench: Bench;
  readonly #account: AccountState;
  readonly #span: Span;
  readonly #suspects = new Map<ServiceState, boolean>();
  #suspectsAccount: boolean | undefined;

  constructor(bench: Bench, account: AccountState, span: Span) {
    this.#bench = bench;
    this.#account = account;
    this.#span = span;
  }

  /** Undefined when it ends. */
  judge(lease: LeaseState): Hold | undefined {
    for (const record of instancesOf(lease)) {
      const service = this.#account.service(record.service);
      if (service === undefined || !(this.#isSuspect(service) || this.#isSuspectAccount())) continue;
      const { census, excused } = this.#bench.surveyor.service(this.#account, service, this.#span);
      const hold = excused.has(record) ? undefined : this.#hold(service, census);
      if (hold !== undefined) return hold;
    }
    return undefined;
  }

  #hold(service: ServiceState, here: Census): Hold | undefined {
    const { policy, surveyor, others } = this.#bench;
    const account = this.#account;
    const ofService = others.addTo(here, account, service);
    if (this.#isSuspect(service) && policy.holds(ofService))
      return { service: service.name, reason: say(ofService, `service ${service.name}`) };
    if (!this.#isSuspectAccount()) return undefined;
    const kept = surveyor.account(account, this.#span);
    const whole = others.addTo(kept, account);
    if (policy.holds(whole)) return { service: null, reason: say(whole, `account ${account.name}`) };
    // Alone among the nodes this one hears nobody: its own network is the likelier culprit.
    const isSplit = account.elsewhere > 0 && policy.holds(kept);
    return isSplit ? { service: null, reason: say(kept, `account ${account.name} that this node keeps`) } : undefined;
  }

  #isSuspect(service: ServiceState): boolean {
    let suspect = this.#suspects.get(service);
    if (suspect === undefined) {
      const departed = this.#bench.departures.size(this.#account.name, service.name);
      suspect = this.#suspect(service, departed, this.#bench.others.silent(this.#account, service));
      this.#suspects.set(service, suspect);
    }
    return suspect;
  }

  #isSuspectAccount(): boolean {
    const account = this.#account;
    const { departures, others } = this.#bench;
    this.#suspectsAccount ??= this.#suspect(account, departures.size(account.name), others.silent(account));
    return this.#suspectsAccount;
  }

  /** Among all of them, or among those that this node keeps. */
  #suspect(
    { silent, kept, elsewhere }: ServiceState | AccountState,
    departed: number,
    silentElsewhere: number,
  ): boolean {
    const { policy } = this.#bench;
    const [missing, all] = [silent + departed, kept + departed];
    return policy.suspects(missing + silentElsewhere, all + elsewhere) || policy.suspects(missing, all);
  }
}

/** In which those that lapse, and are not held yet, fell silent. */
export function spanOf(wheel: LeaseWheel, account: AccountState, lapsed: readonly Lapsed[], windowMs: number): Span {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  let isGone = false;
  for (const { slot, lease } of lapsed) {
    if (account.leaseStates.get(lease)?.record.held !== null) continue;
    from = Math.min(from, wheel.heardAt(slot));
    to = Math.max(to, wheel.overdueAt(slot));
    isGone ||= wheel.isGone(slot);
  }
  // In the moment since a connection ended few were due, and fewer heard: what says who is there is the time before.
  return { from, to, windowMs, ...(isGone && { heardAfter: from - windowMs }) };
}

function say({ lost, there, elsewhere }: Census, of: string): string {
  return `${lost} of ${lost + there + elsewhere} instances of ${of} fell silent together: the registry or its network is the likelier culprit`;
}
