/** The heartbeats of leases, whichever nodes keep them. */
import type { Account, LeaseId, Pulse, Registry } from "../../core/index.ts";

/** Undefined where there is no such lease, or its keeper was not reached. */
export type Heard = (lease: LeaseId) => Pulse | undefined;

/** Of more, some are left unknown: no list is worth a longer question to other nodes. */
const ASKED_MAX = 10_000;

/** Asks the others for what this node does not keep itself; at once when it keeps them all. */
export function hear(
  registry: Pick<Registry, "pulse" | "pulses">,
  account: Account,
  leases: readonly LeaseId[],
): Heard | Promise<Heard> {
  const here: Heard = (lease) => registry.pulse(account, lease);
  const others = leases.filter((lease) => here(lease) === undefined).slice(0, ASKED_MAX);
  if (others.length === 0) return here;
  return registry.pulses(account, others).then((pulses) => {
    const there = new Map(others.map((lease, nth) => [lease, pulses[nth]]));
    return (lease) => there.get(lease) ?? here(lease);
  });
}

/** What is made of them: now if they are all known, else when they are. */
export function whenHeard<T>(heard: Heard | Promise<Heard>, make: (heard: Heard) => T): T | Promise<T> {
  return heard instanceof Promise ? heard.then(make) : make(heard);
}
