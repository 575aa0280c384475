/** @live One instance: register, deregister, report, override. */
import type { Message } from "@bufbuild/protobuf";
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
import { decodeOverride } from "../../../../native/catalog/overriding.ts";
import { carryChecks, toRegister, toRegisteredBody } from "../../../../native/catalog/registering.ts";
import { decodeReport, tellReport } from "../../../../native/catalog/reporting.ts";
import { checksWithStatus } from "../../../../native/wire/checks.ts";
import { decodeRegister } from "../../../../native/wire/registration.ts";
import type { Method } from "../../../../net/grpc/method.ts";
import { toBody, unary } from "../../calls.ts";
import type { Asker, Desk } from "../../desk.ts";
import type {
  DeregisterRequest,
  OverrideRequest,
  RegisterRequest,
  ReportRequest,
} from "../../proto/generated/registry.ts";
import { PACKAGE, SCHEMA } from "../../proto/schema.ts";
import { type Registering, readRegistering, writeRegistered } from "../../wire/registering.ts";

const VIA = "grpc";

const { decode: decodeRegisterRequest } = SCHEMA.codec<RegisterRequest, Message>(`/${PACKAGE}.Catalog/Register`);

/** By the runtime, what was not read by hand. */
function readRare(message: Buffer): Registering {
  const request = decodeRegisterRequest(message);
  const { account, service, id, ifAbsent, ifRevision, instance } = request;
  const body = instance === undefined ? {} : toBody(instance);
  const revision = ifRevision === undefined ? undefined : Number(ifRevision);
  return { account, service, id, body, ifAbsent, ifRevision: revision };
}

async function register(desk: Desk, account: Account, request: Registering, asker: Asker) {
  const { service, id, body, ifAbsent, ifRevision } = request;
  const decoded = decodeRegister(body, service, id, VIA);
  if (!decoded.ok) return decoded;
  const record = desk.registry.read((view) => view.instance(account, service, id));
  const registration = carryChecks(decoded.value, checksWithStatus(body), record);
  const receipt = await proposeIf(asker, account, request, ifRevision, toRegister(registration, ifAbsent));
  return receipt.ok ? ok(toRegisteredBody(desk, account, request, registration.life, receipt.value)) : receipt;
}

const STALE = refuse("conflict", "the instance is not at the revision that if_revision names");

/** Proposes; `revision`: refused as `conflict` unless it is the instance's. */
async function proposeIf(
  asker: Asker,
  account: Account,
  { service, id }: InstanceKey,
  revision: number | undefined,
  command: Command,
): Promise<Outcome<Receipt>> {
  if (revision === undefined) return asker.propose(account, command);
  const guard: Guard = { on: "instance-mod", instance: { service, id }, revision };
  const then = [command];
  const receipt = await asker.propose(account, { kind: "when", guards: [guard], then, otherwise: [] });
  return !receipt.ok || succeeded(receipt.value) ? receipt : STALE;
}

async function deregister(_desk: Desk, account: Account, request: DeregisterRequest, asker: Asker) {
  const { service, id, ifRevision } = request;
  const command: Command = { kind: "deregister", instance: { service, id } };
  return toRevision(await proposeIf(asker, account, request, toNumber(ifRevision), command));
}

function toNumber(revision: bigint | undefined): number | undefined {
  return revision === undefined ? undefined : Number(revision);
}

function toRevision(receipt: Outcome<Receipt>): Outcome<object> {
  return receipt.ok ? ok({ revision: receipt.value.revision }) : receipt;
}

async function report(desk: Desk, account: Account, request: ReportRequest, asker: Asker) {
  const { service, id, check, status, output } = request;
  const decoded = decodeReport({ status, output }, check);
  if (!decoded.ok) return decoded;
  const told = await tellReport({ ...desk, registry: asker }, account, { service, id }, decoded.value);
  return told.ok ? ok({ revision: told.value }) : told;
}

async function override(desk: Desk, account: Account, request: OverrideRequest, asker: Asker) {
  const { account: _, service, id, ...body } = toBody(request) as Readonly<Record<string, unknown>>;
  const command = decodeOverride(request, body, asker.principal, desk.clock.now());
  return command.ok ? toRevision(await asker.propose(account, command.value)) : command;
}

export const INSTANCES: readonly Method<Desk>[] = [
  {
    ...unary<Registering>("Catalog/Register", "writer", register),
    codec: { decode: (message) => readRegistering(message) ?? readRare(message), encode: writeRegistered },
  },
  unary<DeregisterRequest>("Catalog/Deregister", "writer", deregister),
  unary<ReportRequest>("Catalog/Report", "writer", report),
  unary<OverrideRequest>("Catalog/Override", "writer", override),
];
