/** The world while a zone is rendered in several turns of the loop: the services that are rendered do not change. */
import type { Account, AccountFacts, Bytes, Facts, ServiceView } from "../../../core/index.ts";
import { toLabel } from "../labels/text.ts";
import type { World } from "../zone/model.ts";

/** The world of the present turn. */
export type Live = () => World;

/** The present world, but with the account's services under these labels as they are now. */
export function freeze(live: Live, account: Account, labels: Iterable<Bytes>): World {
  const services = new Map<string, ServiceView>();
  const names = new Map<Bytes, readonly string[]>();
  const now = live();
  for (const label of labels) {
    const found = now.index.services(account, label);
    names.set(label, found);
    for (const name of found) {
      const service = now.view.account(account)?.service(name);
      if (service === undefined) continue;
      const { revision, changedAtMs, lostAtMs } = service;
      services.set(name, { name, revision, changedAtMs, lostAtMs, instances: new Map(service.instances) });
    }
  }
  const ofLive = (name: string): ServiceView | undefined => live().view.account(account)?.service(name);
  return toWorld(live, account, names, (found) => ({
    name: found.name,
    catalogRevision: found.catalogRevision,
    changedServices: (after) => found.changedServices(after),
    services: (from) => found.services(from),
    service: (name) => (names.has(toLabel(name)) ? services.get(name) : ofLive(name)),
    instances: (fromId) => found.instances(fromId),
    grouped: (by, key) => found.grouped(by, key),
  }));
}

/** The present world, but without the account's services. */
export function withoutServices(live: Live, account: Account): World {
  return toWorld(live, account, new Map(), (found) => ({
    name: found.name,
    catalogRevision: found.catalogRevision,
    changedServices: (after) => found.changedServices(after),
    services: () => [],
    service: () => undefined,
    instances: () => [],
    grouped: () => [],
  }));
}

function toWorld(
  live: Live,
  account: Account,
  names: ReadonlyMap<Bytes, readonly string[]>,
  toAccount: (found: AccountFacts) => AccountFacts,
): World {
  const { settings, addresses } = live();
  return {
    view: toView(() => live().view, account, toAccount),
    index: {
      services: (of, label) => (of === account ? names.get(label) : undefined) ?? live().index.services(of, label),
      at: (address) => live().index.at(address),
      lapsed: (of, service) => live().index.lapsed(of, service),
      lapsedServices: (of) => live().index.lapsedServices(of),
    },
    settings,
    addresses,
    zoneOf: (name) => live().zoneOf(name),
    zones: () => live().zones(),
    serialOf: (zone) => live().serialOf(zone),
  };
}

function toView(live: () => Facts, account: Account, toAccount: (found: AccountFacts) => AccountFacts): Facts {
  return {
    get revision() {
      return live().revision;
    },
    get bytes() {
      return live().bytes;
    },
    instance: (...args) => live().instance(...args),
    instancesById: (...args) => live().instancesById(...args),
    lease: (...args) => live().lease(...args),
    entry: (...args) => live().entry(...args),
    entries: (...args) => live().entries(...args),
    hasEntries: (...args) => live().hasEntries(...args),
    members: (...args) => live().members(...args),
    leaseBytes: (...args) => live().leaseBytes(...args),
    count: (...args) => live().count(...args),
    serviceSize: (...args) => live().serviceSize(...args),
    account: (name) => {
      const found = live().account(name);
      return found === undefined || name !== account ? found : toAccount(found);
    },
  };
}
