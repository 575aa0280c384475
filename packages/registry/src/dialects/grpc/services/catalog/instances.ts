/** @live One instance: register, deregister, report, override. */
import {
  type Account,
  type Command,
  type Guard,
  type InstanceKey,
  type Outcome,
  ok,
  type Receipt,
  refuse,
  succeeded,
} from "../../../../core/index.ts";
import { carryChecks, toRegister, toRegisteredBody } from "../../../../native/catalog/registering.ts";
import { decodeReport, tellReport } from "../../../../native/catalog/reporting.ts";
import { checksWithStatus } from "../../../../native/wire/checks.ts";
import { Fields } from "../../../../native/wire/fields.ts";
import { decodeRegister } from "../../../../native/wire/registration.ts";
import type { Method } from "../../../../net/grpc/method.ts";
import { toBody, unary } from "../../calls.ts";
import type { Desk } from "../../desk.ts";
import type {
  DeregisterRequest,
  OverrideRequest,
  RegisterRequest,
  ReportRequest,
} from "../../proto/generated/registry.ts";

const VIA = "grpc";

async function register(desk: Desk, account: Account, request: RegisterRequest) {
  const { service, id, ifAbsent, ifRevision } = request;
  const body = request.instance === undefined ? {} : toBody(request.instance);
  const decoded = decodeRegister(body, service, id, VIA);
  if (!decoded.ok) return decoded;
  const record = desk.registry.read((view) => view.instance(account, service, id));
  const registration = carryChecks(decoded.value, checksWithStatus(body), record);
  const receipt = await proposeIf(desk, account, request, ifRevision, toRegister(registration, ifAbsent));
  return receipt.ok ? ok(toRegisteredBody(desk, account, request, registration.life, receipt.value)) : receipt;
}

const STALE = refuse("conflict", "the instance is not at the revision that if_revision names");

/** Proposes; `revision`: refused as `conflict` unless it is the instance's. */
async function proposeIf(
  { registry }: Desk,
  account: Account,
  { service, id }: InstanceKey,
  revision: bigint | undefined,
  command: Command,
): Promise<Outcome<Receipt>> {
  if (revision === undefined) return registry.propose(account, command);
  const guard: Guard = { on: "instance-mod", instance: { service, id }, revision: Number(revision) };
  const then = [command];
  const receipt = await registry.propose(account, { kind: "when", guards: [guard], then, otherwise: [] });
  return !receipt.ok || succeeded(receipt.value) ? receipt : STALE;
}

async function deregister(desk: Desk, account: Account, request: DeregisterRequest) {
  const { service, id, ifRevision } = request;
  const command: Command = { kind: "deregister", instance: { service, id } };
  return toRevision(await proposeIf(desk, account, request, ifRevision, command));
}

function toRevision(receipt: Outcome<Receipt>): Outcome<object> {
  return receipt.ok ? ok({ revision: receipt.value.revision }) : receipt;
}

async function report(desk: Desk, account: Account, { service, id, check, status, output }: ReportRequest) {
  const decoded = decodeReport({ status, output }, check);
  if (!decoded.ok) return decoded;
  const told = await tellReport(desk, account, { service, id }, decoded.value);
  return told.ok ? ok({ revision: told.value }) : told;
}

const STATUS: ReadonlySet<string> = new Set(["status"]);

async function override(desk: Desk, account: Account, { service, id, status: word }: OverrideRequest) {
  const fields = new Fields(word === undefined ? {} : { status: word }, STATUS);
  const status = word === undefined ? null : fields.status("status", "unknown");
  if (fields.fault !== undefined) return fields.fault;
  return toRevision(await desk.registry.propose(account, { kind: "override", instance: { service, id }, status }));
}

export const INSTANCES: readonly Method<Desk>[] = [
  unary<RegisterRequest>("Catalog/Register", "writer", register),
  unary<DeregisterRequest>("Catalog/Deregister", "writer", deregister),
  unary<ReportRequest>("Catalog/Report", "writer", report),
  unary<OverrideRequest>("Catalog/Override", "writer", override),
];
