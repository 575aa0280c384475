/** What a zone says of itself: SOA, NS, and the addresses of its servers. */
import { toSpot } from "../labels/address.ts";
import { type Name, type Resource, TYPE } from "../wire/message.ts";
import { isName } from "../wire/name.ts";
import { toResource } from "../wire/record.ts";
import type { World, Zone } from "../zone/model.ts";
import type { Records } from "./reply.ts";

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
  const home = homeOf(zone, world);
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

/** Where the names of a zone's server and mailbox stand: in the reverse zones only addresses have names. */
function homeOf(zone: Zone, { settings }: World): Name {
  return zone.kind === "reverse" ? settings.domain : zone.name;
}

/** The NS records of a zone's apex, with the addresses of our own name for the server. */
export function serversOf(zone: Zone, world: World, owner: Name = zone.name): Records {
  const { nameServers, ttlS } = world.settings;
  const server = [SERVER_LABEL, ...homeOf(zone, world)];
  const names = nameServers.length > 0 ? nameServers : [server];
  const answers = names.filter(isName).map((target) => toResource(owner, TYPE.NS, ttlS, { kind: "name", target }));
  const types = hasServerLabel(world) && isName(server) ? [TYPE.A, TYPE.AAAA] : [];
  return { answers, additional: types.flatMap((type) => serverAddresses(server, type, world)) };
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
