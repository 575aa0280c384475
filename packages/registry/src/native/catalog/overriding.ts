/** An operator's word on an instance. */
import { type Command, type InstanceKey, type Outcome, ok, type Principal } from "../../core/index.ts";
import type { Json } from "../../net/routes/json.ts";
import { Fields } from "../wire/fields.ts";
import { readTtl } from "../wire/registration.ts";

const FIELDS: ReadonlySet<string> = new Set(["status", "reason", "ttl"]);
const REASON_LENGTH_MAX = 1024;

/** A body without a status takes the override away. */
export function decodeOverride(
  { service, id }: InstanceKey,
  body: Json,
  principal: Principal,
  nowMs: number,
): Outcome<Command> {
  const instance = { service, id };
  const fields = new Fields(body, FIELDS);
  const isTaken = fields.fault === undefined && !fields.has("status");
  const status = fields.status("status", "unknown");
  const reason = fields.text("reason", "", REASON_LENGTH_MAX);
  const ttlMs = fields.has("ttl") ? readTtl(fields, 0, false) : 0;
  if (fields.fault !== undefined) return fields.fault;
  if (isTaken) return ok({ kind: "override", instance, status: null });
  return ok({
    kind: "override",
    instance,
    status,
    ...((fields.has("reason") || fields.has("ttl")) && { reason }),
    ...(ttlMs > 0 && { untilMs: nowMs + ttlMs }),
    ...(principal.id !== undefined && { by: principal.name }),
  });
}
