/** UPDATE (RFC 2136): what it says as a command on the catalog. */
import type { Account, CommandOf, InstanceRecord } from "../../../core/index.ts";
import type { Settings, TsigKey } from "../settings/model.ts";
import { CLASS, type Message, RCODE, TYPE } from "../wire/message.ts";
import { sameName } from "../wire/name.ts";
import type { AccountZone, World, Zone } from "../zone/model.ts";
import { Application } from "./application.ts";
import { clampLease, Draft, type LeaseRule } from "./draft.ts";
import { foldUpdates, prescan } from "./edits.ts";
import { checkPrerequisites } from "./prerequisites.ts";

export type Admitted =
  | { readonly ok: true; readonly account: Account }
  | { readonly ok: false; readonly rcode: number };

export type Planned =
  | { readonly ok: false; readonly rcode: number }
  | {
      readonly ok: true;
      /** Undefined: all is so already. */
      readonly command: CommandOf<"when"> | undefined;
      /** Instances that the update says are still there: their leases begin anew. */
      readonly refreshed: readonly InstanceRecord[];
    };

/** More is no registration any more; the core takes no more in one command either. */
const UPDATES_MAX = 1024;

/** Whether the message is an UPDATE that this key may make, of the zone of an account. RFC 2136 §3.1, §3.3. */
export function admitUpdate(message: Message, key: TsigKey | undefined, world: World): Admitted {
  const [question] = message.questions;
  if (question === undefined || message.questions.length !== 1 || question.type !== TYPE.SOA)
    return { ok: false, rcode: RCODE.FORMERR };
  const zone = findZone(message, world);
  if (zone === undefined || question.class !== CLASS.IN) return { ok: false, rcode: RCODE.NOTAUTH };
  if (zone.kind !== "account" || key === undefined || key.role === "reader") return { ok: false, rcode: RCODE.REFUSED };
  if (key.account !== null && key.account !== zone.account) return { ok: false, rcode: RCODE.REFUSED };
  return { ok: true, account: zone.account };
}

function findZone(message: Message, world: World): Zone | undefined {
  const name = message.questions[0]?.name;
  const zone = name && world.zoneOf(name);
  return zone && name && sameName(zone.name, name) ? zone : undefined;
}

/** What an admitted UPDATE comes to in the world as it is. */
export function planUpdate(message: Message, world: World): Planned {
  const zone = findZone(message, world);
  if (zone?.kind !== "account") return { ok: false, rcode: RCODE.NOTAUTH };
  // RFC 2136 §2: the sections of an answer under other names.
  const { answers: prerequisites, authority: updates } = message;
  const rcode = checkPrerequisites(prerequisites, zone, world) ?? prescan(updates, zone.name);
  if (rcode !== undefined) return { ok: false, rcode };
  if (updates.length > UPDATES_MAX) return { ok: false, rcode: RCODE.REFUSED };
  return apply(message, zone, world);
}

function apply(message: Message, zone: AccountZone, world: World): Planned {
  const draft = new Draft(zone.account, world);
  const rcode = new Application(draft, zone, world, foldUpdates(message.authority)).run();
  if (rcode !== undefined) return { ok: false, rcode };
  const rule = leaseRule(message, world.settings);
  return { ok: true, command: draft.toCommand(rule), refreshed: draft.refreshed() };
}

/** UPDATE-LEASE (RFC 9664) has the say, else the settings: the TTL, or for good. */
function leaseRule(message: Message, settings: Settings): LeaseRule {
  const leaseS = grantedLease(message);
  if (leaseS !== undefined) return () => leaseS * 1000;
  return settings.updateLease === "ttl" ? (ttlS) => clampLease(ttlS * 1000) : () => undefined;
}

/** The lease that the answer grants, in seconds; undefined when none was asked for. */
export function grantedLease({ edns }: Message): number | undefined {
  return edns?.leaseS === undefined ? undefined : clampLease(edns.leaseS * 1000) / 1000;
}
