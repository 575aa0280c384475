/** @live Transactions: `PUT /v1/txn`. */
import { byPlan, noteOf, type Stamp } from "../../../core/index.ts";
import { listParts } from "../../../net/answers/parts.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import { encodeEntry } from "../kv/entry.ts";
import { KV, type Report, workOut } from "../kv/plan.ts";
import { isRead } from "../kv/verbs.ts";
import { Working } from "../kv/working.ts";
import { toAnswer } from "../refusals.ts";
import { show, text, toJson, toRead } from "../wire/answer.ts";
import { decodeBody, encodeJson } from "../wire/json.ts";
import { readOperations } from "./operations.ts";

export const transact: Handle = (desk, call) => {
  const body = decodeBody(call.body);
  if (!body.ok) return text(400, `Failed to parse body: ${body.detail}`);
  const operations = readOperations(body.value);
  if (!operations.ok) return operations.answer;
  if (operations.value.every(({ verb }) => isRead(verb))) {
    const report = readOnly(desk, call, operations.value);
    return report.failures.length > 0 ? toConflict(report) : toReadAnswer(desk, call, report);
  }
  return carry(desk, call, operations.value);
};

type Operations = Extract<ReturnType<typeof readOperations>, { ok: true }>["value"];

/** What only reads takes no commit. */
function readOnly({ registry, clock }: Desk, { account }: Call, operations: Operations): Report {
  return registry.read((view) => {
    const stamp: Stamp = { revision: view.revision, atMs: clock.now(), origin: "" };
    return workOut(new Working(view, account, stamp), operations);
  });
}

async function carry({ registry }: Desk, { account }: Call, operations: Operations): Promise<Answer> {
  const proposed = await registry.propose(account, byPlan(KV, { operations }));
  if (!proposed.ok) return toAnswer(proposed);
  const report = noteOf(KV, proposed.value);
  return report.failures.length > 0 ? toConflict(report) : toJson(encodeResults(report, ',"Errors":null}'));
}

function toConflict({ failures }: Report): Answer {
  const errors = failures.map(({ index, what }) => ({ OpIndex: index, What: what }));
  return toJson(`{"Results":null,"Errors":${encodeJson(errors)}}`, 409);
}

function toReadAnswer({ registry, access }: Desk, { options }: Call, report: Report): Answer {
  const index = registry.read((view) => view.revision);
  const end = `,"Errors":null,"Index":${index},"LastContact":0,"KnownLeader":true}`;
  return toRead(show(encodeResults(report, end)), index, options.consistency, access.open ? "allow" : "deny");
}

function encodeResults({ done }: Report, end: string): Iterable<string> {
  return listParts('{"Results":[', encodeEach(done), `]${end}`);
}

function* encodeEach(done: Report["done"]): Iterable<string> {
  for (const { entries, withValue } of done)
    for (const entry of entries) yield `{"KV":${encodeEntry(entry, withValue)}}`;
}
