/** Transactions: the body to one conditional command, and its results back. */
import type { TransactedBody } from "@rollcall/client";
import {
  type Command,
  type CommandOf,
  fromBytes,
  type Guard,
  LIMITS,
  type Outcome,
  prefixEnd,
  type Receipt,
  type Result,
  toBytes,
} from "../../../core/index.ts";
import { Fields, LEASE_LENGTH_MAX } from "../../../native/wire/fields.ts";
import { toKeyBody } from "../../../native/wire/records.ts";
import { fromPrefix, refuseReserved } from "../../../native/wire/reserved.ts";
import type { Body } from "../../../net/answers/parts.ts";
import type { Json } from "../../../net/routes/json.ts";
import { encodeList } from "../answers.ts";

export type When = CommandOf<"when">;

const TRANSACTION_FIELDS: ReadonlySet<string> = new Set(["guards", "then", "otherwise"]);
const STEPS_MAX = LIMITS.transactionCommandsMax;
/** Entries that one `get` of a transaction answers at most. */
const ENTRIES_MAX = 1000;

export function decodeTransaction(body: Json): Outcome<When> {
  const fields = new Fields(body, TRANSACTION_FIELDS);
  const guards: Guard[] = [];
  fields.list("guards", STEPS_MAX).forEach((item, i) => {
    readGuard(item, `guards[${i}].`, fields, guards);
  });
  const then = readSteps("then", fields);
  const otherwise = readSteps("otherwise", fields);
  return fields.outcome({ kind: "when", guards, then, otherwise });
}

const GUARD_FIELDS: ReadonlySet<string> = new Set(["key", "revision", "version", "value", "exists"]);

function readGuard(item: Json, at: string, outer: Fields, guards: Guard[]): void {
  const fields = new Fields(item, GUARD_FIELDS, at);
  const key = readKey(fields, "key", at);
  const before = guards.length;
  const most = Number.MAX_SAFE_INTEGER;
  if (fields.has("revision")) guards.push({ on: "mod", key, is: "=", than: fields.integer("revision", 0, 0, most) });
  if (fields.has("version")) guards.push({ on: "version", key, is: "=", than: fields.integer("version", 0, 0, most) });
  if (fields.has("value"))
    guards.push({ on: "value", key, is: "=", than: toBytes(fields.text("value", "", LIMITS.valueBytesMax)) });
  if (fields.has("exists"))
    guards.push({ on: "version", key, is: fields.boolean("exists", true) ? ">" : "=", than: 0 });
  if (guards.length === before) fields.fail(`${at}revision, version, value or exists is missing`);
  outer.adopt(fields.fault);
}

/** A key given as text; never a reserved one. */
function readKey(fields: Fields, name: string, at: string): string {
  fields.need(name);
  const key = toBytes(fields.text(name, "", LIMITS.keyBytesMax));
  const legal = refuseReserved(key);
  if (!legal.ok && fields.fault === undefined) fields.adopt({ ...legal, detail: `${at}${name}: ${legal.detail}` });
  return key;
}

const STEP_FIELDS: ReadonlySet<string> = new Set(["put", "delete", "get"]);
const PUT_FIELDS: ReadonlySet<string> = new Set(["key", "value", "valueBase64", "lease"]);
const PLACE_FIELDS: ReadonlySet<string> = new Set(["key", "prefix"]);

function readSteps(name: "then" | "otherwise", outer: Fields): Command[] {
  const steps: Command[] = [];
  const list = outer.list(name, STEPS_MAX);
  for (let i = 0; i < list.length && outer.fault === undefined; i++) {
    const at = `${name}[${i}].`;
    const fields = new Fields(list[i], STEP_FIELDS, at);
    const asked = [...STEP_FIELDS].filter((step) => fields.has(step));
    if (asked.length !== 1) fields.fail(`${name}[${i}] must have one of put, delete and get`);
    else steps.push(readStep(asked[0] as string, fields, at));
    outer.adopt(fields.fault);
  }
  return steps;
}

function readStep(step: string, fields: Fields, at: string): Command {
  const inner = new Fields(fields.raw(step), step === "put" ? PUT_FIELDS : PLACE_FIELDS, `${at}${step}.`);
  const command = step === "put" ? readPut(inner, `${at}put.`) : readPlace(step, inner, `${at}${step}.`);
  fields.adopt(inner.fault);
  return command;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function readPut(fields: Fields, at: string): Command {
  const key = readKey(fields, "key", at);
  const coded = fields.text("valueBase64", "", LIMITS.valueBytesMax * 2);
  if (fields.has("value") === fields.has("valueBase64")) fields.fail(`${at}value or valueBase64 must be given`);
  if (coded.length % 4 !== 0 || !BASE64.test(coded)) fields.fail(`${at}valueBase64 must be base64`);
  const value = fields.has("valueBase64")
    ? Buffer.from(coded, "base64").toString("latin1")
    : toBytes(fields.text("value", "", LIMITS.valueBytesMax));
  const lease = fields.has("lease") ? fields.text("lease", "", LEASE_LENGTH_MAX) : null;
  return { kind: "put", key, value, lease };
}

function readPlace(step: string, fields: Fields, at: string): Command {
  if (fields.has("key") === fields.has("prefix")) fields.fail(`${at}key or ${at}prefix must be given, one of them`);
  let range: { from: string; to?: string };
  if (fields.has("prefix")) {
    const prefix = toBytes(fields.text("prefix", "", LIMITS.keyBytesMax));
    const from = fromPrefix(prefix);
    const legal = refuseReserved(from);
    if (!legal.ok) fields.adopt(legal);
    range = { from, to: prefixEnd(prefix) };
  } else range = { from: readKey(fields, "key", at) };
  return step === "delete" ? { kind: "delete", ...range } : { kind: "range", ...range, limit: ENTRIES_MAX };
}

type StepResult = TransactedBody["results"][number];

/** The results in the order of the steps that were carried out. */
export function encodeTransacted(when: When, receipt: Receipt): Body {
  const { result, revision } = receipt;
  if (result.kind !== "when") throw new Error("a transaction gave another kind of result");
  const { succeeded, results } = result;
  return encodeList({ succeeded, revision }, "results", toStepResults(succeeded ? when.then : when.otherwise, results));
}

function* toStepResults(steps: readonly Command[], results: readonly Result[]): Iterable<StepResult> {
  for (const [nth, result] of results.entries()) yield toStepResult(steps[nth] as Command, result);
}

function toStepResult(step: Command, result: Result): StepResult {
  if (result.kind === "range") return { get: { keys: result.entries.map(toKeyBody) } };
  const changes = result.kind === "changed" ? result.changes : [];
  if (step.kind !== "put") return { delete: { deleted: changes.length } };
  const change = changes[0];
  return { put: { key: fromBytes(step.key), version: change?.kind === "key" ? (change.after?.version ?? 0) : 0 } };
}
