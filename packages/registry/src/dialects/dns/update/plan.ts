/** UPDATE (RFC 2136) as a command on the catalog. */
import { type Account, type CommandOf, type InstanceRecord, type Outcome, ok } from "../../../core/index.ts";
import type { Settings, TsigKey } from "../settings/model.ts";
import { CLASS, type Message, RCODE, TYPE } from "../wire/message.ts";
import { sameName } from "../wire/name.ts";
import type { AccountZone, World, Zone } from "../zone/model.ts";
import { Application } from "./application.ts";
import { clampLease, Draft, type LeaseRule } from "./draft.ts";
import { foldUpdates, prescan } from "./edits.ts";
import { checkPrerequisites } from "./prerequisites.ts";

/** The answer's code says why not. */
export interface Declined {
  readonly rcode: number;
}

export interface Plan {
  /** Undefined: the catalog is so already. */
  readonly command: CommandOf<"when"> | undefined;
  /** Instances that the update registers again: their leases begin anew. */
  readonly refreshed: readonly InstanceRecord[];
}

/** Far more records than a registration needs; the core takes no more steps in one command. */
const UPDATES_MAX = 1024;

/** The account that the UPDATE is for, if this key may make it. RFC 2136 §3.1, §3.3. */
export function admitUpdate(message: Message, key: TsigKey | undefined, world: World): Outcome<Account, Declined> {
  const [question] = message.questions;
  if (question === undefined || message.questions.length !== 1 || question.type !== TYPE.SOA)
    return decline(RCODE.FORMERR);
  const zone = findZone(message, world);
  if (zone === undefined || question.class !== CLASS.IN) return decline(RCODE.NOTAUTH);
  if (zone.kind !== "account" || key === undefined || key.role === "reader") return decline(RCODE.REFUSED);
  if (key.account !== null && key.account !== zone.account) return decline(RCODE.REFUSED);
  return ok(zone.account);
}

function decline(rcode: number): Outcome<never, Declined> {
  return { ok: false, rcode };
}

function findZone(message: Message, world: World): Zone | undefined {
  const name = message.questions[0]?.name;
  const zone = name && world.zoneOf(name);
  return zone && name && sameName(zone.name, name) ? zone : undefined;
}

/** What an admitted UPDATE changes in the present world. */
export function planUpdate(message: Message, world: World): Outcome<Plan, Declined> {
  const zone = findZone(message, world);
  if (zone?.kind !== "account") return decline(RCODE.NOTAUTH);
  // RFC 2136 §2: in an UPDATE the sections have other names.
  const { answers: prerequisites, authority: updates } = message;
  const rcode = checkPrerequisites(prerequisites, zone, world) ?? prescan(updates, zone.name);
  if (rcode !== undefined) return decline(rcode);
  if (updates.length > UPDATES_MAX) return decline(RCODE.REFUSED);
  return apply(message, zone, world);
}

function apply(message: Message, zone: AccountZone, world: World): Outcome<Plan, Declined> {
  const draft = new Draft(zone.account, world);
  const rcode = new Application(draft, zone, world, foldUpdates(message.authority)).run();
  if (rcode !== undefined) return decline(rcode);
  const rule = leaseRule(message, world.settings);
  return ok({ command: draft.toCommand(rule), refreshed: draft.refreshed() });
}

/** The lease by UPDATE-LEASE (RFC 9664), else by the settings: as long as the TTL, or none. */
function leaseRule(message: Message, settings: Settings): LeaseRule {
  const leaseS = grantedLease(message);
  if (leaseS !== undefined) return () => leaseS * 1000;
  return settings.updateLease === "ttl" ? (ttlS) => clampLease(ttlS * 1000) : () => undefined;
}

/** The lease that the answer grants, in seconds; undefined when none was asked for. */
export function grantedLease({ edns }: Message): number | undefined {
  return edns?.leaseS === undefined ? undefined : clampLease(edns.leaseS * 1000) / 1000;
}
