/** Members of a real cluster as instances. */
import {
  type AccountView,
  type Command,
  type Instance,
  type InstanceRecord,
  isLegalName,
  LIMITS,
  UNSAID,
} from "../../../core/index.ts";
import { NOTE, VIA } from "../members/member.ts";
import type { MirrorSettings } from "../settings.ts";
import type { Seen } from "./agent.ts";

/** Which agent an instance was seen at. */
export const SOURCE = `${NOTE}mirror`;

export function sourceOf({ host, port }: Pick<MirrorSettings, "host" | "port">): string {
  return `${host}:${port}`;
}

export function isMirrored({ via, meta }: InstanceRecord): boolean {
  return via === VIA && meta[SOURCE] !== undefined;
}

/** What was mirrored from this agent. */
export function mirrored(account: AccountView | undefined, source: string): ReadonlyMap<string, InstanceRecord> {
  const found = new Map<string, InstanceRecord>();
  for (const record of account?.instances() ?? [])
    if (isMirrored(record) && record.meta[SOURCE] === source) found.set(record.id, record);
  return found;
}

/** Whether somebody is there, or on the way out. */
export function isThere({ status }: Seen): boolean {
  return status === "alive" || status === "leaving" || status === "";
}

/** Undefined for a member whose name cannot be that of an instance. */
export function toInstance(seen: Seen, settings: MirrorSettings): Instance | undefined {
  const said = seen.tags[settings.serviceTag] ?? "";
  const service = isLegalName(said) ? said : settings.service;
  if (!isLegalName(seen.name, LIMITS.idLengthMax)) return undefined;
  const port = /^\d{1,5}$/.test(seen.tags[settings.portTag] ?? "") ? Number(seen.tags[settings.portTag]) : seen.port;
  return {
    ...UNSAID,
    service,
    id: seen.name,
    address: seen.address,
    ports: { default: Math.min(port, 65535) },
    meta: { ...seen.tags, [SOURCE]: sourceOf(settings) },
    version: seen.tags.version ?? "",
    zone: seen.tags.zone ?? seen.tags.dc ?? "",
    weight: 1,
    status: seen.status === "leaving" ? "draining" : "passing",
    via: VIA,
  };
}

/** What brings the catalog to this state of a member; `known`: its instance. */
export function follow(seen: Seen, known: InstanceRecord | undefined, settings: MirrorSettings): Command | undefined {
  const instance = isThere(seen) ? toInstance(seen, settings) : undefined;
  if (instance !== undefined) {
    const replaces = known === undefined ? {} : { replaces: { service: known.service, id: known.id } };
    return { kind: "register", instance, life: "permanent", ...replaces };
  }
  return known && { kind: "deregister", instance: { service: known.service, id: known.id } };
}
