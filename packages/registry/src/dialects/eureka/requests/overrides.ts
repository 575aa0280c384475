/** Overrides in the audit: who set or removed one, or tried to, at the page of the instance or in a batch of another server. */
import type { Principal } from "../../../core/index.ts";
import type { Request } from "../../../net/http/request.ts";
import type { Act } from "../../../net/routes/audit.ts";
import type { Call, Desk } from "../desk.ts";
import type { Target } from "../routes.ts";
import type { PeerTask } from "../wire/messages.ts";
import { parameterOf } from "./query.ts";

const DEEDS: Readonly<Record<string, string>> = { PUT: "override status", DELETE: "remove override" };
const BATCHED: Readonly<Partial<Record<PeerTask["action"], string>>> = {
  StatusUpdate: "override status",
  DeleteStatusOverride: "remove override",
};
const OUTCOMES: Readonly<Record<number, Act["outcome"]>> = {
  400: "invalid",
  401: "forbidden",
  403: "forbidden",
  404: "not-found",
  429: "limit",
  503: "unavailable",
  504: "unknown",
};
const NAME_LENGTH_MAX = 256;

function outcomeOf(status: number): Act["outcome"] {
  return status < 400 ? "done" : (OUTCOMES[status] ?? "failed");
}

/** One request; `principal` and `account` are left out where it was not let in. Tells nothing of other places. */
export function auditRequest(
  { audit }: Desk,
  by: { readonly request: Request; readonly target: Target; readonly principal?: Principal; readonly account?: string },
  status: number,
): void {
  const { request, target, principal, account = "" } = by;
  const deed = target.place === "status" ? DEEDS[request.method] : undefined;
  if (deed === undefined) return;
  const value = parameterOf(request.search, "value");
  const on = toSubject(target.name, target.id, value, request.header("x-netflix-discovery-replication") === "true");
  audit({ deed, principal, from: request.remoteAddress, account, on, outcome: outcomeOf(status) });
}

/** The lines of a batch, with the code that each ended with. */
export function auditBatch(
  { audit }: Desk,
  { request, principal, account }: Call,
  tasks: readonly (PeerTask | undefined)[],
  codes: readonly number[],
): void {
  for (const [i, task] of tasks.entries()) {
    const deed = task && BATCHED[task.action];
    if (task === undefined || deed === undefined) continue;
    const on = toSubject(task.appName, task.id, task.status, true);
    audit({ deed, principal, from: request.remoteAddress, account, on, outcome: outcomeOf(codes[i] as number) });
  }
}

function toSubject(service: string, id: string, status: string | undefined, replicated: boolean): Act["on"] {
  return {
    service: service.slice(0, NAME_LENGTH_MAX),
    id: id.slice(0, NAME_LENGTH_MAX),
    ...(status !== undefined && { status: status.slice(0, NAME_LENGTH_MAX) }),
    ...(replicated && { replicated }),
  };
}
