/** @live Somebody's word on a check. */
import {
  type Account,
  type InstanceKey,
  LIMITS,
  type Outcome,
  ok,
  type Registry,
  type Revision,
  type Status,
} from "../../core/index.ts";
import type { House } from "../../dialects/contract.ts";
import type { Json } from "../../net/routes/json.ts";
import { Fields } from "../wire/fields.ts";

interface Report {
  readonly check: string;
  readonly status: Status;
  readonly output: string;
}

const FIELDS: ReadonlySet<string> = new Set(["status", "output"]);

export function decodeReport(body: Json, check: string): Outcome<Report> {
  const fields = new Fields(body, FIELDS);
  fields.need("status");
  const status = fields.status("status", "unknown");
  const output = fields.text("output", "", LIMITS.checkOutputLengthMax);
  if (check.length > LIMITS.nameLengthMax) fields.fail(`the check's id is longer than ${LIMITS.nameLengthMax}`);
  return fields.outcome({ check, status, output });
}

/** A check that is not there yet is added. */
export async function tellReport(
  { registry, house }: { readonly registry: Pick<Registry, "propose">; readonly house: Pick<House, "checks"> },
  account: Account,
  instance: InstanceKey,
  { check: checkId, status, output }: Report,
): Promise<Outcome<Revision>> {
  const told = await house.checks.report(account, instance, checkId, status, output);
  if (told !== undefined) return told;
  const check = {
    id: checkId,
    kind: "reported",
    name: checkId,
    target: "",
    intervalMs: 0,
    timeoutMs: 0,
    status,
    output,
    reportedAtMs: 0,
  } as const;
  const outcome = await registry.propose(account, { kind: "report", instance, checkId, status, output, check });
  return outcome.ok ? ok(outcome.value.revision) : outcome;
}
