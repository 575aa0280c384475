/** The world at one revision. */
import type { View } from "../../../core/index.ts";
import type { Settings } from "../settings/model.ts";
import { type Ground, serialIn } from "./ground.ts";
import type { LabelIndex } from "./label-index.ts";
import type { Index, World } from "./model.ts";
import type { OpenZones } from "./open-zones.ts";

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
    serialOf: (zone) => serialIn(zone, view, settings, (name) => zones.cutAt(name)),
  };
}

/** What this world has besides the catalog. */
export function toGround(
  view: View,
  { settings, index, addresses, zones }: WorldOptions & { readonly index: LabelIndex },
): Ground {
  const { domain, zones: named, files, ttlS, negativeTtlS, nameServers, mailbox, whenNoneHealthy, notes } = settings;
  const { addresses: ours, updateLease } = settings;
  const shown = { domain, zones: named, files, ttlS, negativeTtlS, nameServers, addresses: ours, mailbox, notes };
  return {
    settings: { ...shown, whenNoneHealthy, updateLease },
    addresses,
    zones: zones.plain(),
    revision: view.revision,
    ...index.plain(),
  };
}
