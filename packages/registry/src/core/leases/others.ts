/** @live What other nodes tell, each second, of those that fell silent among the instances that they keep. */
import type { ServiceState } from "../catalog/service.ts";
import type { AccountState, Catalog } from "../catalog/state.ts";
import type { Surveyor } from "./census.ts";
import type { Nodes } from "./keeping.ts";
import type { Census } from "./policy.ts";

/** Numbers that are older say nothing any more: the node may be gone, and what it kept is taken over. */
const GOOD_MS = 3000;
/** Services of which a node tells at once; of all others the account's numbers speak. */
const SERVICES_MAX = 2000;

/** Of a service, or in all of an account: instances that are silent, and those that count as lost just now. */
type Numbers = readonly [silent: number, lost: number];

/** By account, and by `<account>/<service>`. */
type Told = ReadonlyMap<string, Numbers>;

const NONE: Numbers = [0, 0];
const CHANNEL = "leases/silent";

export interface OthersOptions {
  readonly catalog: Catalog;
  readonly surveyor: Surveyor;
  readonly windowMs: number;
  /** Undefined where this is the only node. */
  nodes(): Nodes | undefined;
}

export class Others {
  readonly #options: OthersOptions;
  readonly #told = new Map<string, { readonly numbers: Told; readonly at: number }>();
  #hadNews = false;

  constructor(options: OthersOptions) {
    this.#options = options;
  }

  /** Hears what others tell from now on. `at`: the lease time. */
  listen(at: () => number): void {
    this.#options.nodes()?.on(CHANNEL, (bytes, from) => {
      const numbers = new Map(JSON.parse(Buffer.from(bytes).toString()) as [string, Numbers][]);
      this.#told.set(from, { numbers, at: at() });
    });
  }

  /** Tells of what is kept here at this lease time, and forgets what is too old. To be called once a second. */
  tell(now: number): void {
    for (const [node, { at }] of this.#told) if (now - at > GOOD_MS) this.#told.delete(node);
    const nodes = this.#options.nodes();
    if (nodes === undefined) return;
    const told = [...this.#news(now)];
    if (told.length > 0 || this.#hadNews) nodes.broadcast(CHANNEL, Buffer.from(JSON.stringify(told)));
    this.#hadNews = told.length > 0;
  }

  *#news(now: number): Iterable<readonly [string, Numbers]> {
    const { catalog, surveyor, windowMs } = this.#options;
    const span = { from: now, to: now, windowMs };
    let left = SERVICES_MAX;
    for (const account of catalog.accountStates.values()) {
      if (account.silent + surveyor.departed(account) === 0) continue;
      yield [account.name, [account.silent, surveyor.account(account, span).lost]];
      for (const service of account.serviceStates.values()) {
        if (service.silent + surveyor.departed(account, service) === 0 || left-- <= 0) continue;
        const { census } = surveyor.service(account, service, span);
        yield [`${account.name}/${service.name}`, [service.silent, census.lost]];
      }
    }
  }

  /** How many are silent elsewhere. */
  silent(account: AccountState, service?: ServiceState): number {
    return this.#sum(account, service)[0];
  }

  /** A census of what is kept here, with what is known of the rest. */
  addTo(census: Census, account: AccountState, service?: ServiceState): Census {
    const [silent, lost] = this.#sum(account, service);
    const { elsewhere } = service ?? account;
    return { ...census, lost: census.lost + lost, elsewhere: Math.max(0, elsewhere - silent) };
  }

  #sum({ name }: AccountState, service: ServiceState | undefined): Numbers {
    if (this.#told.size === 0) return NONE;
    let [silent, lost] = NONE;
    for (const { numbers } of this.#told.values()) {
      const found = numbers.get(service === undefined ? name : `${name}/${service.name}`) ?? NONE;
      silent += found[0];
      lost += found[1];
    }
    return [silent, lost];
  }
}
