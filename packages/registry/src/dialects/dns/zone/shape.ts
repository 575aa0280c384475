/**
 * What shapes zones besides the catalog: settings, our addresses, the way in which we render. A serial must stand for
 * one content, also over a restart with other settings, or a secondary keeps the old one for good. So the registry
 * remembers the shape, and the revision at which it became another one is part of every serial (open-zones.ts).
 */
import { createHash } from "node:crypto";
import {
  type Bytes,
  fromBytes,
  type Outcome,
  ok,
  type Registry,
  type Revision,
  SYSTEM_ACCOUNT,
  toBytes,
  type View,
} from "../../../core/index.ts";
import type { Settings } from "../settings/model.ts";
import { showName } from "../wire/name.ts";

/**
 * The way in which a catalog becomes records. Raise it whenever the same catalog makes another zone than before: it is
 * what gives zones another serial then.
 */
export const RENDERING = 1;

const SHAPE_KEY: Bytes = "\0dns/shape";

/** Remembers the shape if it is another one than before; resolves when serials rest on it. */
export async function keepShape(
  registry: Registry,
  settings: Settings,
  addresses: readonly string[],
): Promise<Outcome<"same" | "changed">> {
  const shape = toBytes(shapeOf(settings, addresses));
  const before = registry.read((view) => view.entry(SYSTEM_ACCOUNT, SHAPE_KEY)?.value);
  if (before !== undefined && fromBytes(before) === fromBytes(shape)) return ok("same");
  const outcome = await registry.propose(SYSTEM_ACCOUNT, { kind: "put", key: SHAPE_KEY, value: shape });
  return outcome.ok ? ok("changed") : outcome;
}

/** The revision at which zones last took another shape; 0 when none was remembered yet. */
export function shapeRevision(view: View): Revision {
  return view.entry(SYSTEM_ACCOUNT, SHAPE_KEY)?.modRevision ?? 0;
}

/** A hash of everything that a record of an account's zone may come from, but for the catalog and zone files. */
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
