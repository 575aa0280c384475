/** Which servers a watched service has, from the instances of the catalog: Synapse's rules. Pure. */
import { isIP } from "node:net";
import { type InstanceRecord, mainPort, type Status, statusOf } from "../../core/index.ts";
import type { Backend, WatchedService } from "../config.ts";
import { META_OPTIONS } from "../names.ts";

/** An instance, wherever it was found. */
export type Found = Pick<
  InstanceRecord,
  "id" | "address" | "ports" | "weight" | "meta" | "tags" | "zone" | "status" | "override" | "checks" | "createRevision"
>;

/** Those that drain are shown to be drained. */
const SHOWN: ReadonlySet<Status> = new Set(["passing", "warning", "draining"]);

/**
 * `addressOf`: the IP address of a host by name; undefined when it has none. `previous`: what was there before; null when
 * nobody knows that, and so is the answer when it could only be empty and that is not to be believed.
 */
export function backendsOf(
  service: WatchedService,
  instances: readonly Found[],
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
export function hostsOf(service: WatchedService, instances: readonly Found[]): readonly string[] {
  const all = [...instances.map(({ address }) => address), ...service.defaults.map(({ address }) => address)];
  return [...new Set(all.filter((host) => host !== "" && isIP(host) === 0))];
}

function pick({ labels, leads }: WatchedService, instances: readonly Found[]): readonly Found[] {
  const fitting = instances.filter(
    (instance) =>
      SHOWN.has(statusOf(instance)) &&
      labels.every(({ label, value, isEqual }) => (instance.meta[label] === value) === isEqual),
  );
  if (!leads) return fitting;
  const first = fitting.reduce<Found | undefined>(
    (lead, one) => (lead === undefined || one.createRevision < lead.createRevision ? one : lead),
    undefined,
  );
  return first === undefined ? [] : [first];
}

function toBackend(
  { portOverride, portName }: WatchedService,
  instance: Found,
  address: string | undefined,
): readonly Backend[] {
  const { id, weight, meta, tags, zone } = instance;
  const port = portOverride || (portName === "" ? mainPort(instance.ports) : instance.ports[portName]);
  if (address === undefined || port === undefined) return [];
  const options = meta[META_OPTIONS] ?? "";
  return [{ id, address, port, weight, options, meta, tags, zone, isDraining: statusOf(instance) === "draining" }];
}
