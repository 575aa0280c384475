/** @live Transactions: `PUT /v1/txn`. */
import { byPlan, noteOf, type Stamp } from "../../../../core/index.ts";
import { listParts } from "../../../../net/answers/parts.ts";
import type { Answer } from "../../../../net/routes/answer.ts";
import type { Lens } from "../../catalog/listing.ts";
import type { Call, Desk, Handle } from "../../desk.ts";
import { toAnswer } from "../../refusals.ts";
import { show, text, toJson, toRead } from "../../wire/answer.ts";
import { decodeBody, encodeJson } from "../../wire/json.ts";
import { isRead } from "../verbs.ts";
import { refuseOperation } from "./catalog.ts";
import { type Operation, readOperations } from "./operations.ts";
import { type Report, TXN, workOut } from "./plan.ts";

export const transact: Handle = (desk, call) => {
  const body = decodeBody(call.body);
  if (!body.ok) return text(400, `Failed to parse body: ${body.detail}`);
  const operations = readOperations(body.value);
  if (!operations.ok) return operations.answer;
  const failures = operations.value.flatMap((operation, index) => {
    const what = refuseOperation(operation);
    return what === undefined ? [] : [{ index, what }];
  });
  if (failures.length > 0) return toConflict({ results: [], failures });
  if (!operations.value.every(isReading)) return carry(desk, call, operations.value);
  return toReadAnswer(desk, call, readOnly(desk, call, operations.value));
};

function isReading(operation: Operation): boolean {
  return operation.on === "KV" ? isRead(operation.kv.verb) : operation.verb === "get";
}

function lensOf({ agent, notes }: Desk): Lens {
  return { agent, notes };
}

/** What only reads takes no commit. */
function readOnly(desk: Desk, { account }: Call, operations: readonly Operation[]): Report {
  return desk.registry.read((view) => {
    const stamp: Stamp = { revision: view.revision, atMs: desk.clock.now(), origin: "" };
    return workOut(view, account, { lens: lensOf(desk), operations }, stamp).report;
  });
}

async function carry(desk: Desk, { account }: Call, operations: readonly Operation[]): Promise<Answer> {
  const proposed = await desk.registry.propose(account, byPlan(TXN, { lens: lensOf(desk), operations }));
  if (!proposed.ok) return toAnswer(proposed);
  const report = noteOf(TXN, proposed.value);
  return report.failures.length > 0 ? toConflict(report) : toJson(encodeResults(report, ',"Errors":null}'));
}

/** `end`: what follows. */
function toConflict({ failures }: Report, end = "}"): Answer {
  const errors = failures.map(({ index, what }) => ({ OpIndex: index, What: what }));
  return toJson(`{"Results":null,"Errors":${encodeJson(errors)}${end}`, 409);
}

function toReadAnswer({ registry, access }: Desk, { options }: Call, report: Report): Answer {
  const index = registry.read((view) => view.revision);
  const meta = `,"Index":${index},"LastContact":0,"KnownLeader":true,"ConsistencyLevel":"","NotModified":false`;
  const end = `${meta},"Backend":0,"ResultsFilteredByACLs":false}`;
  if (report.failures.length > 0) return toConflict(report, end);
  const shown = show(encodeResults(report, `,"Errors":null${end}`));
  return toRead(shown, index, options.consistency, access.open ? "allow" : "deny");
}

function encodeResults({ results }: Report, end: string): Iterable<string> {
  return listParts('{"Results":[', results, `]${end}`);
}
