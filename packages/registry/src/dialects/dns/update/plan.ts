/** UPDATE (RFC 2136) as a command on the catalog. */
import { type Account, type CommandOf, type Outcome, ok, type Plan } from "../../../core/index.ts";
import type { NameSource } from "../../contract.ts";
import type { Settings, TsigKey } from "../settings/model.ts";
import { CLASS, type Message, RCODE, TYPE } from "../wire/message.ts";
import { sameName } from "../wire/name.ts";
import { type Ground, groundWorld } from "../zone/ground.ts";
import type { World, Zone } from "../zone/model.ts";
import { Application } from "./application.ts";
import { clampLease, Draft, type LeaseRule } from "./draft.ts";
import { foldUpdates, prescan } from "./edits.ts";
import { checkPrerequisites } from "./prerequisites.ts";

/** The answer's code says why not. */
export interface Declined {
  readonly rcode: number;
}

interface Wish {
  readonly message: Pick<Message, "questions" | "answers" | "authority">;
  /** What UPDATE-LEASE asks for, in seconds within bounds. */
  readonly leaseS?: number;
  readonly ground: Ground;
}

export type UpdatePlan = Plan<Wish, Declined>;

/** Carries an admitted UPDATE out, or says by the rcode why not. `names`: those that hosts of other protocols have. */
export function planUpdates(names: readonly NameSource[]): UpdatePlan {
  return {
    name: "dns/update",
    make(facts, _account, { message, leaseS, ground }) {
      const made = toCommand(message, groundWorld(facts, ground, names), leaseRule(leaseS, ground.settings));
      if (!made.ok) return ok({ command: null, note: { rcode: made.rcode } });
      return ok({ command: made.value, note: { rcode: RCODE.NOERROR } });
    },
  };
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

function findZone(message: Pick<Message, "questions">, world: World): Zone | undefined {
  const name = message.questions[0]?.name;
  const zone = name && world.zoneOf(name);
  return zone && name && sameName(zone.name, name) ? zone : undefined;
}

/** What an admitted UPDATE changes in this world; null when that is nothing. */
function toCommand(
  message: Wish["message"],
  world: World,
  lease: LeaseRule,
): Outcome<CommandOf<"when"> | null, Declined> {
  const zone = findZone(message, world);
  if (zone?.kind !== "account") return decline(RCODE.NOTAUTH);
  // RFC 2136 §2: in an UPDATE the sections have other names.
  const { answers: prerequisites, authority: updates } = message;
  const rcode = checkPrerequisites(prerequisites, zone, world) ?? prescan(updates, zone.name);
  if (rcode !== undefined) return decline(rcode);
  if (updates.length > UPDATES_MAX) return decline(RCODE.REFUSED);
  const draft = new Draft(zone.account, world);
  const applied = new Application(draft, zone, world, foldUpdates(updates)).run();
  return applied === undefined ? ok(draft.toCommand(lease)) : decline(applied);
}

/** The lease by UPDATE-LEASE (RFC 9664), else by the settings: as long as the TTL, or none. */
function leaseRule(leaseS: number | undefined, settings: Pick<Settings, "updateLease">): LeaseRule {
  if (leaseS !== undefined) return () => leaseS * 1000;
  return settings.updateLease === "ttl" ? (ttlS) => clampLease(ttlS * 1000) : () => undefined;
}

/** The lease that the answer grants, in seconds; undefined when none was asked for. */
export function grantedLease({ edns }: Pick<Message, "edns">): number | undefined {
  return edns?.leaseS === undefined ? undefined : clampLease(edns.leaseS * 1000) / 1000;
}
