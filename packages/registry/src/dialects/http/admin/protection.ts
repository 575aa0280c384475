/** @live Handler of protection: what it holds, why, and until when; or by what it would. */
import type { ProtectionBody, ProtectionLimitsBody } from "@rollcall/client";
import { type AccountView, type InstanceRecord, isUsable, perRevision, type ServiceView } from "../../../core/index.ts";
import { toTime } from "../../../native/wire/numbers.ts";
import type { Result } from "../../../net/routes/serve.ts";
import type { ProtectionLimits } from "../../contract.ts";
import { toJson } from "../answers.ts";
import type { Exchange } from "../desk.ts";

const SERVICES_MAX = 1000;

export function toLimitsBody({ leasesMin, ...limits }: ProtectionLimits): ProtectionLimitsBody {
  const { enabled, windowMs, shareMin, holdMs } = limits;
  return { enabled, windowMs, instancesMin: leasesMin, shareMin, holdMs };
}

type Held = Pick<ProtectionBody, "zones" | "since" | "until" | "services">;

/** GET …/protection */
export function getProtection({ desk, account: name }: Exchange): Result {
  const limits = toLimitsBody(desk.house.status.protection());
  return desk.registry.read((view): Result => {
    const account = view.account(name);
    const held = account?.statuses.held ?? 0;
    const { kept = 0, silent = 0, elsewhere = 0 } = account ?? {};
    const body: ProtectionBody = {
      revision: view.revision,
      state: held > 0 ? "holding" : limits.enabled ? "ready" : "off",
      limits,
      live: kept - silent,
      silent,
      elsewhere,
      held,
      ...(account === undefined || held === 0 ? NOTHING : heldOf(account)),
    };
    return toJson(body);
  });
}

const NOTHING: Held = { zones: {}, since: null, until: null, services: [] };

const ACCOUNTS_MAX = 100;

const heldOf = perRevision((account: AccountView) => findHeld(account), { costMax: ACCOUNTS_MAX, costOf: () => 1 });

/** Looks at all instances. */
function findHeld(account: AccountView): Held {
  const zones: Record<string, number> = {};
  const services: { sinceMs: number; untilMs: number; readonly body: ProtectionBody["services"][number] }[] = [];
  for (const service of account.services()) {
    const records = [...service.instances.values()].filter(({ held }) => held !== null);
    if (records.length === 0) continue;
    for (const { zone } of records) zones[zone] = (zones[zone] ?? 0) + 1;
    services.push(toService(service, records));
  }
  services.sort((a, b) => b.body.held - a.body.held || (a.body.service < b.body.service ? -1 : 1));
  const untilMs = Math.max(...services.map((one) => one.untilMs));
  return {
    zones,
    since: toTime(Math.min(...services.map((one) => one.sinceMs))),
    until: untilMs > 0 ? toTime(untilMs) : null,
    services: services.slice(0, SERVICES_MAX).map(({ body }) => body),
  };
}

function toService({ name, instances }: ServiceView, held: readonly InstanceRecord[]) {
  let [sinceMs, untilMs, usable] = [Number.POSITIVE_INFINITY, 0, 0];
  let reason = "";
  for (const record of held) {
    if (record.held === null) continue;
    untilMs = Math.max(untilMs, record.held.untilMs ?? 0);
    if (record.held.sinceMs >= sinceMs) continue;
    ({ sinceMs, reason } = record.held);
  }
  for (const record of instances.values()) if (isUsable(record)) usable++;
  const times = { since: toTime(sinceMs), until: untilMs > 0 ? toTime(untilMs) : null };
  return {
    ...{ sinceMs, untilMs },
    body: { service: name, held: held.length, instances: instances.size, usable, ...times, reason },
  };
}
