/** What a zone says of itself: SOA, NS, and the addresses of its servers. */
import { toSpot } from "../labels/address.ts";
import { type Name, type Resource, TYPE } from "../wire/message.ts";
import { isName } from "../wire/name.ts";
import { toResource } from "../wire/record.ts";
import type { World, Zone } from "../zone/model.ts";

/** For secondaries that missed a NOTIFY. */
const REFRESH_S = 60;
const RETRY_S = 10;
const EXPIRE_S = 7 * 24 * 3600;

/** The label of a zone's server, unless servers have names of their own (`Settings.nameServers`). */
export const SERVER_LABEL = "ns";

/** The SOA of a zone: that of its zone file, if it has one, but with our serial and the smaller minimum. */
export function authorityOf(zone: Zone, world: World, owner: Name = zone.name): Resource {
  const { settings } = world;
  const serial = world.serialOf(zone);
  const own = "file" in zone ? zone.file?.authority : undefined;
  if (own?.data.kind === "authority") {
    const minimumS = zone.kind === "file" ? own.data.minimumS : Math.min(own.data.minimumS, settings.negativeTtlS);
    return { ...own, name: owner, data: { ...own.data, serial, minimumS } };
  }
  // In the reverse zones only addresses have names.
  const home = zone.kind === "reverse" ? settings.domain : zone.name;
  const [server = [SERVER_LABEL, ...home]] = settings.nameServers;
  const mailbox = settings.mailbox ?? ["hostmaster", ...home];
  return toResource(owner, TYPE.SOA, settings.negativeTtlS, {
    kind: "authority",
    primary: isName(server) ? server : zone.name,
    mailbox: isName(mailbox) ? mailbox : zone.name,
    serial,
    refreshS: REFRESH_S,
    retryS: RETRY_S,
    expireS: EXPIRE_S,
    minimumS: settings.negativeTtlS,
  });
}

/** The NS records of a zone's apex. */
export function serversOf(zone: Zone, world: World, owner: Name = zone.name): readonly Resource[] {
  const { nameServers, ttlS } = world.settings;
  const names = nameServers.length > 0 ? nameServers : [[SERVER_LABEL, ...zone.name]];
  return names.filter(isName).map((target) => toResource(owner, TYPE.NS, ttlS, { kind: "name", target }));
}

/** This server's addresses, as records of A or AAAA. */
export function serverAddresses(owner: Name, type: number, { settings, addresses }: World): readonly Resource[] {
  return addressRecords(owner, type, settings.addresses.length > 0 ? settings.addresses : addresses, settings.ttlS);
}

/** A or AAAA records of the addresses of that type, each once. */
export function addressRecords(owner: Name, type: number, addresses: readonly string[], ttlS: number): Resource[] {
  const found = new Set<string>();
  for (const text of addresses) {
    const spot = toSpot(text);
    if (spot !== undefined && spot.type !== TYPE.CNAME && spot.type === type) found.add(spot.address);
  }
  return [...found].map((address) => toResource(owner, type, ttlS, { kind: "address", address }));
}

/** Whether the zone's server has a name in the zone itself. */
export function hasServerLabel(world: World): boolean {
  return world.settings.nameServers.length === 0;
}
