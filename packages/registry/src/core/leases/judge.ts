/** Judges leases that lapse: each ends, or is held together with its service or its account. */
import type { AccountState, LeaseState, ServiceState } from "../catalog/state.ts";
import { instancesOf, type Surveyor } from "./census.ts";
import type { Departures } from "./departures.ts";
import type { Census, ExpiryPolicy } from "./policy.ts";
import type { Span } from "./turnover.ts";

export interface Bench {
  readonly surveyor: Surveyor;
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

  #hold(service: ServiceState, census: Census): Hold | undefined {
    const { policy, surveyor } = this.#bench;
    if (this.#isSuspect(service) && policy.holds(census))
      return { service: service.name, reason: say(census, `service ${service.name}`) };
    if (!this.#isSuspectAccount()) return undefined;
    const whole = surveyor.account(this.#account, this.#span);
    return policy.holds(whole) ? { service: null, reason: say(whole, `account ${this.#account.name}`) } : undefined;
  }

  #isSuspect(service: ServiceState): boolean {
    let suspect = this.#suspects.get(service);
    if (suspect === undefined) {
      suspect = this.#suspect(service, this.#bench.departures.size(this.#account.name, service.name));
      this.#suspects.set(service, suspect);
    }
    return suspect;
  }

  #isSuspectAccount(): boolean {
    this.#suspectsAccount ??= this.#suspect(this.#account, this.#bench.departures.size(this.#account.name));
    return this.#suspectsAccount;
  }

  #suspect({ silent, kept }: ServiceState | AccountState, departed: number): boolean {
    return this.#bench.policy.suspects(silent + departed, kept + departed);
  }
}

function say({ lost, there }: Census, of: string): string {
  return `${lost} of ${lost + there} instances of ${of} fell silent together: the registry or its network is the likelier culprit`;
}
