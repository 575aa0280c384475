/**
 * The shape of zones: what their records come from besides the catalog, which is settings, our addresses, and the way in
 * which we render. A serial must stand for one content, also over a restart with other settings, or a secondary keeps
 * the old content for good. So the registry remembers the shape, and the revision at which it changed is part of every
 * serial (world.ts).
 */
import { createHash } from "node:crypto";
import {
  type Bytes,
  type Command,
  type Facts,
  type Revision,
  SYSTEM_ACCOUNT,
  toBytes,
  type View,
} from "../../../core/index.ts";
import type { Settings } from "../settings/model.ts";
import { showName } from "../wire/name.ts";

/**
 * The way in which a catalog becomes records. Raise this number whenever the same catalog makes another zone than before,
 * so that the zone gets another serial.
 */
export const RENDERING = 1;

const SHAPE_KEY: Bytes = "\0dns/shape";

/** The command that remembers the shape in the system's account; undefined when it is the one remembered. */
export function rememberShape(view: View, settings: Settings, addresses: readonly string[]): Command | undefined {
  const value = toBytes(shapeOf(settings, addresses));
  if (view.entry(SYSTEM_ACCOUNT, SHAPE_KEY)?.value === value) return undefined;
  return { kind: "put", key: SHAPE_KEY, value };
}

/**
 * The node whose settings make other zones than these, when the shape that the registry remembers is its. Serials speak of
 * that one. Undefined when all is as it should be.
 */
export function otherShape(
  facts: Facts,
  settings: Settings,
  addresses: readonly string[],
  node: string,
): string | undefined {
  const entry = facts.entry(SYSTEM_ACCOUNT, SHAPE_KEY);
  if (entry === undefined || entry.origin === node) return undefined;
  return entry.value === toBytes(shapeOf(settings, addresses)) ? undefined : entry.origin;
}

/** The revision at which the shape last changed; 0 when none is remembered. */
export function shapeRevision(facts: Facts): Revision {
  return facts.entry(SYSTEM_ACCOUNT, SHAPE_KEY)?.modRevision ?? 0;
}

/** A hash of everything that records of an account's zone come from, except the catalog and zone files. */
function shapeOf(settings: Settings, addresses: readonly string[]): string {
  const { ttlS, negativeTtlS, whenNoneHealthy } = settings;
  const sources = [...settings.sources].map(([dialect, source]) => [dialect, source && showName(source.domain)]);
  const shape = {
    rendering: RENDERING,
    domain: showName(settings.domain),
    zones: settings.zones.map(({ name, account }) => [showName(name), account]),
    ttlS,
    negativeTtlS,
    nameServers: settings.nameServers.map(showName),
    addresses,
    mailbox: settings.mailbox && showName(settings.mailbox),
    whenNoneHealthy,
    sources: sources.sort(),
    files: settings.files.map(({ path, origin, account }) => [path, origin && showName(origin), account]),
  };
  return createHash("sha256").update(JSON.stringify(shape)).digest("hex");
}
