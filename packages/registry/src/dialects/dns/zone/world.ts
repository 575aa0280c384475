/** The world at one revision, and the serials of its zones. */
import type { View } from "../../../core/index.ts";
import type { Settings } from "../settings/model.ts";
import { serialOf } from "../wire/serial.ts";
import type { Index, World, Zone } from "./model.ts";
import type { OpenZones } from "./open-zones.ts";
import { shapeRevision } from "./shape.ts";

export interface WorldOptions {
  readonly settings: Settings;
  readonly index: Index;
  readonly zones: OpenZones;
  /** The address that we listen on, unless that is a wildcard. */
  readonly addresses: readonly string[];
}

export function toWorld(view: View, { index, settings, addresses, zones }: WorldOptions): World {
  return {
    view,
    index,
    settings,
    addresses,
    zoneOf: (name) => zones.find(name),
    zones: () => zones.list(),
    serialOf: (zone) => serialIn(zone, view, zones),
  };
}

/**
 * The serial of an account's zone is the latest revision of its catalog, of the zone file of its name, of the zones
 * below it, and of the shape of all zones: it only grows. A zone file alone has the serial that its author wrote.
 */
function serialIn(zone: Zone, view: View, zones: OpenZones): number {
  switch (zone.kind) {
    case "file":
      return serialOf(zone.file.authority);
    case "reverse":
      return toSerial(view.revision);
    case "source":
      return toSerial(view.account(zone.account)?.catalogRevision ?? 0);
    case "account": {
      const catalog = view.account(zone.account)?.catalogRevision ?? 0;
      const file = zones.fileRevision(view, zone);
      return toSerial(Math.max(catalog, file, zones.cutAt(zone.name), shapeRevision(view)));
    }
  }
}

const SERIALS = 2 ** 32 - 1;

/** A serial has 32 bits (RFC 1982). Some secondaries take serial 0 for "unknown", so revision 0 has serial 1. */
function toSerial(revision: number): number {
  return (revision % SERIALS) + 1;
}
