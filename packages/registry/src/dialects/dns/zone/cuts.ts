/**
 * The delegations of a zone: which zones lie right below it, and their servers. They are part of its content, and come
 * from accounts, settings and zone files. So that its serial moves with them, and is the same at every node and after
 * every restart, the registry remembers a hash of them; the revision at which that changed is part of the serial.
 */
import { createHash } from "node:crypto";
import {
  type Bytes,
  type Command,
  type Facts,
  prefixEnd,
  type Revision,
  SYSTEM_ACCOUNT,
  toBytes,
} from "../../../core/index.ts";
import { type Name, TYPE } from "../wire/message.ts";
import { keyOf } from "../wire/name.ts";
import { canonicalData } from "../wire/record.ts";
import { fileRecords } from "./file.ts";
import type { Zone } from "./model.ts";

const CUTS_KEYS: Bytes = "\0dns/cuts/";

/** Of those that a node has found for itself. */
export interface Cuts {
  readonly hash: string;
  /** The revision at which they were found to be others than the registry remembered; 0 when they were not. */
  readonly foundAt: Revision;
}

/** The revision at which the delegations of a zone last changed, as the registry remembers it; 0 when there were none. */
export function cutsRevision(facts: Facts, zone: Name): Revision {
  return facts.entry(SYSTEM_ACCOUNT, keyAt(keyOf(zone)))?.modRevision ?? 0;
}

function keyAt(zone: string): Bytes {
  return CUTS_KEYS + (zone || ".");
}

function zoneAt(key: Bytes): string {
  const zone = key.slice(CUTS_KEYS.length);
  return zone === "." ? "" : zone;
}

/** By the `keyOf` of each zone that has some, or had some `before`: those that are as before stay the same objects. */
export function findCuts(
  zones: ReadonlyMap<string, Zone>,
  before: ReadonlyMap<string, Cuts>,
  facts: Facts,
): Map<string, Cuts> {
  const texts = new Map<string, string>();
  // Those that were there when the registry was last told, perhaps by another process, may be gone.
  for (const { key } of facts.entries(SYSTEM_ACCOUNT, CUTS_KEYS, prefixEnd(CUTS_KEYS))) texts.set(zoneAt(key), "");
  for (const key of before.keys()) texts.set(key, "");
  for (const [key, zone] of zones) {
    for (let from = 1; from <= zone.name.length; from++) {
      const above = keyOf(zone.name.slice(from));
      if (!zones.has(above)) continue;
      const servers = "file" in zone && zone.file !== undefined ? fileRecords(zone.file, zone.name, TYPE.NS) : [];
      const own = servers.map(({ type, data }) => canonicalData(type, data)).join(" ");
      texts.set(above, `${texts.get(above) ?? ""}${key} ${own}\n`);
      break;
    }
  }
  const after = new Map<string, Cuts>();
  for (const [key, text] of texts) {
    const hash = createHash("sha256")
      .update([...text.split("\n")].sort().join("\n"))
      .digest("hex");
    const old = before.get(key);
    const isRemembered = facts.entry(SYSTEM_ACCOUNT, keyAt(key))?.value === toBytes(hash);
    after.set(key, old?.hash === hash ? old : { hash, foundAt: isRemembered ? 0 : facts.revision });
  }
  return after;
}

/** Remembers the delegations, unless somebody else has done so since these facts. */
export function rememberCuts(facts: Facts, zone: string, { hash }: Cuts): Command {
  const key = keyAt(zone);
  const than = facts.entry(SYSTEM_ACCOUNT, key)?.modRevision ?? 0;
  return {
    kind: "when",
    guards: [{ on: "mod", key, is: "=", than }],
    then: [{ kind: "put", key, value: toBytes(hash) }],
    otherwise: [],
  };
}
