/** @live The registry as a dialect has it: what it changes is signed. */
import type { Author, Registry } from "../core/index.ts";

/** Signs what nobody has signed with the dialect's name. */
export function signedAs(dialect: string, registry: Registry): Registry {
  const by: Author = { token: null, dialect, address: "" };
  return {
    read: (query) => registry.read(query),
    group: (grouping) => registry.group(grouping),
    propose: (account, command, signal) =>
      registry.propose(account, command.kind === "signed" ? command : { kind: "signed", by, command }, signal),
    renew: (account, lease) => registry.renew(account, lease),
    renewMany: (account, leases) => registry.renewMany(account, leases),
    abandon: (account, lease, lingerMs) => registry.abandon(account, lease, lingerMs),
    pulse: (account, lease) => registry.pulse(account, lease),
    pulses: (account, leases) => registry.pulses(account, leases),
    keptBy: (account, lease) => registry.keptBy(account, lease),
    barrier: (signal) => registry.barrier(signal),
    latest: (signal) => registry.latest(signal),
    reached: (revision, signal) => registry.reached(revision, signal),
    follow: (scope, after, watcher) => registry.follow(scope, after, watcher),
    history: (after, limit) => registry.history(after, limit),
    past: (account, range, at, signal) => registry.past(account, range, at, signal),
    goneAt: (account, instance) => registry.goneAt(account, instance),
    revisionAt: (orderMs) => registry.revisionAt(orderMs),
    compact: (revision) => registry.compact(revision),
    get order() {
      return registry.order;
    },
    get line() {
      return registry.line;
    },
    get floor() {
      return registry.floor;
    },
  };
}
