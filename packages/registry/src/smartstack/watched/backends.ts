/** Which servers a watched service has, from the instances that the registry shows: Synapse's rules. Pure. */
import { isIP } from "node:net";
import type { InstanceBody } from "@rollcall/client";
import type { Backend, WatchedService } from "../config.ts";
import { META_OPTIONS } from "../names.ts";

/**
 * `addressOf`: the IP address of a host by name; undefined when it has none. `previous`: what was there before; null when
 * nobody knows that, and so is the answer when it could only be empty and that is not to be believed.
 */
export function backendsOf(
  service: WatchedService,
  instances: readonly InstanceBody[],
  previous: readonly Backend[] | null,
  addressOf: (host: string) => string | undefined,
): readonly Backend[] | null {
  const { keepsDefaults, keepsPrevious, defaults } = service;
  const found = pick(service, instances).flatMap((instance) =>
    toBackend(service, instance, addressOf(instance.address)),
  );
  const hasOther = previous === null ? defaults.length > 0 : previous.length === 0;
  if (found.length === 0 && keepsPrevious && !hasOther) return previous;
  const own = found.length === 0 || keepsDefaults ? defaultsOf(defaults, addressOf) : [];
  const ids = new Set(found.map(({ id }) => id));
  return [...found, ...own.filter(({ id }) => !ids.has(id))];
}

export function defaultsOf(
  defaults: readonly Backend[],
  addressOf: (host: string) => string | undefined,
): readonly Backend[] {
  return defaults.flatMap((one) => {
    const address = addressOf(one.address);
    return address === undefined ? [] : [{ ...one, address }];
  });
}

/** The hosts by name among these, which must be looked up. */
export function hostsOf(service: WatchedService, instances: readonly InstanceBody[]): readonly string[] {
  const all = [...instances.map(({ address }) => address), ...service.defaults.map(({ address }) => address)];
  return [...new Set(all.filter((host) => host !== "" && isIP(host) === 0))];
}

function pick({ labels, leads }: WatchedService, instances: readonly InstanceBody[]): readonly InstanceBody[] {
  const fitting = instances.filter(({ meta }) =>
    labels.every(({ label, value, isEqual }) => (meta[label] === value) === isEqual),
  );
  if (!leads) return fitting;
  const first = fitting.reduce<InstanceBody | undefined>(
    (lead, one) => (lead === undefined || one.createRevision < lead.createRevision ? one : lead),
    undefined,
  );
  return first === undefined ? [] : [first];
}

function toBackend(
  { portOverride }: WatchedService,
  instance: InstanceBody,
  address: string | undefined,
): readonly Backend[] {
  const { id, weight, meta, tags, zone, status } = instance;
  const port = portOverride || instance.port;
  if (address === undefined || port === 0) return [];
  const options = meta[META_OPTIONS] ?? "";
  return [{ id, address, port, weight, options, meta, tags, zone, isDraining: status === "draining" }];
}
