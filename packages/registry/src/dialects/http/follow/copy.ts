/**
 * @live What an agent keeps in step with: an account as a whole, its records as they are; then its commits; and commands
 * that the agent sends on. Reserved keys are seen, and plans asked for, by those alone who may do everything everywhere.
 */
import type { CopyBody, CopyHeadBody, ForwardedBody } from "@rollcall/client";
import {
  type AccountView,
  type Change,
  type Commit,
  type InstanceRecord,
  isReserved,
  type KeyRecord,
  type LeaseRecord,
  type Receipt,
  refuse,
  SYSTEM_ACCOUNT,
} from "../../../core/index.ts";
import { isHiddenChange, isHiddenLease } from "../../../native/wire/reserved.ts";
import { listParts } from "../../../net/answers/parts.ts";
import type { Reply, Streaming } from "../../../net/http/reply.ts";
import { toPlain } from "../../../net/link/plain.ts";
import { encodePosition } from "../../../net/routes/position.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson, toJsonBody } from "../answers.ts";
import { type Exchange, signed } from "../desk.ts";
import { decodeForwarded } from "../wire/commands.ts";
import { encodeEvent } from "../wire/sse.ts";
import { decodeStart } from "./interest.ts";
import { encodePiece } from "./pieces.ts";
import { followCommits } from "./stream.ts";

/** As long as changes wait for a store that does not answer. */
const BARRIER_MS_MAX = 10_000;

function seesAll({ desk, principal }: Exchange): boolean {
  return desk.access.allow(principal, SYSTEM_ACCOUNT, "admin").ok;
}

/** GET …/copy: the state; with `head` where it is; with `after`, or a `Last-Event-ID`, the commits since, as a stream. */
export function copy(exchange: Exchange<Streaming>): Result | undefined | Promise<Result> {
  const { desk, request, query, account } = exchange;
  const lastId = request.header("last-event-id");
  if (query.has("head")) return toHead(exchange);
  if (!query.has("after") && lastId === undefined) return toState(exchange);
  const after = decodeStart(lastId, query.get("after"), desk.mark);
  if (!after.ok) return after;
  const isWhole = seesAll(exchange);
  const render = (commit: Commit): string =>
    encodeEvent("commit", encodePosition(commit.revision, desk.mark), JSON.stringify(toPlain(shown(commit, isWhole))));
  followCommits(exchange, {
    scope: { account },
    after: after.value,
    encode: (commits) => encodePiece(commits, `copy ${isWhole}`, render),
  });
  return undefined;
}

/** Without what is hidden: then with no changes perhaps, as the revision counts all the same. */
function shown(commit: Commit, isWhole: boolean): Commit {
  if (isWhole) return commit;
  return { ...commit, changes: shownChanges(commit.changes) };
}

function shownChanges(changes: readonly Change[]): Change[] {
  return changes.filter((change) => !isHiddenChange(change)).map(withoutSecrets);
}

function withoutSecrets(change: Change): Change {
  if (change.kind !== "instance") return change;
  const { before, after } = change;
  return { ...change, before: before && withoutProbes(before), after: after && withoutProbes(after) };
}

/** What the registry's own checks send may hold passwords, and is shown nowhere. */
function withoutProbes(record: InstanceRecord): InstanceRecord {
  if (record.checks.every(({ probe }) => probe === undefined)) return record;
  const checks = record.checks.map(({ probe, ...check }) => {
    if (probe === undefined) return check;
    const { headers: _headers, body: _body, ...rest } = probe;
    return { ...check, probe: rest };
  });
  return { ...record, checks };
}

async function toHead({ desk, account }: Exchange): Promise<Result> {
  const reached = await desk.registry.barrier(AbortSignal.timeout(BARRIER_MS_MAX));
  if (!reached.ok) return reached;
  const head: CopyHeadBody = headOf(desk, account);
  return toJson(head);
}

function headOf({ registry }: Exchange["desk"], account: string): CopyHeadBody {
  return registry.read((view) => ({
    line: registry.line,
    revision: view.revision,
    accountRevision: view.account(account)?.revision ?? 0,
  }));
}

type Row = readonly ["lease", LeaseRecord] | readonly ["instance", InstanceRecord] | readonly ["key", KeyRecord];

/** Everything that was acknowledged before is in it. The records are taken now, and encoded as they are sent. */
async function toState(exchange: Exchange): Promise<Result> {
  const { desk, account } = exchange;
  const { registry } = desk;
  const reached = await registry.barrier(AbortSignal.timeout(BARRIER_MS_MAX));
  if (!reached.ok) return reached;
  const isWhole = seesAll(exchange);
  return registry.read((view) => {
    const found = view.account(account);
    const head: Omit<CopyBody, "rows"> = {
      line: registry.line,
      revision: view.revision,
      position: encodePosition(view.revision, desk.mark),
      isWhole,
      account: toAccountBody(found),
    };
    const rows = found === undefined ? [] : rowsOf(found, isWhole);
    return toJsonBody(listParts(`${JSON.stringify(head).slice(0, -1)},"rows":[`, each(rows), "]}\n"));
  });
}

function toAccountBody(found: AccountView | undefined): CopyBody["account"] {
  if (found === undefined) return { createdAtMs: 0, revision: 0, catalogRevision: 0, keysRevision: 0, services: [] };
  const { createdAtMs, revision, catalogRevision, keysRevision } = found;
  const services = [...found.changedServices(0)].flatMap((one) => {
    const service = found.service(one);
    if (service === undefined) return [];
    const { name, revision, changedAtMs, lostAtMs } = service;
    return { name, revision, changedAtMs, lostAtMs };
  });
  return { createdAtMs, revision, catalogRevision, keysRevision, services };
}

function rowsOf(found: AccountView, isWhole: boolean): Row[] {
  const rows: Row[] = [];
  for (const lease of found.leases()) if (isWhole || !isHiddenLease(lease.id)) rows.push(["lease", lease]);
  for (const record of found.instances()) rows.push(["instance", isWhole ? record : withoutProbes(record)]);
  for (const record of found.entries("", "")) if (isWhole || !isReserved(record.key)) rows.push(["key", record]);
  return rows;
}

/** Each on a line of its own, so that it can be read row by row. */
function* each(rows: readonly Row[]): Iterable<string> {
  for (const row of rows) yield `\n${JSON.stringify(toPlain(row))}`;
}

/** POST …/commands: one command of the core, as plain data. */
export async function forward(exchange: Exchange<Reply>): Promise<Result> {
  const { desk, account, json } = exchange;
  const asked = decodeForwarded(json);
  if (!asked.ok) return asked;
  const { command, by, isOrdinary } = asked.value;
  if (!isOrdinary && !seesAll(exchange))
    return refuse(
      "forbidden",
      `a ${command.kind} like this takes a token that is good for all accounts, of the role admin`,
    );
  const own = signed(exchange, command);
  // Who may do everything is believed who asked.
  const sent = by !== undefined && seesAll(exchange) ? { ...own, by: { ...by, token: by.token ?? own.by.token } } : own;
  const outcome = await desk.registry
    .propose(account, sent)
    // Of another version, or of nobody: whoever may send it may do everything anyway.
    .catch((error: unknown) => refuse("invalid", `the command cannot be decided: ${String(error)}`));
  if (!outcome.ok) return outcome;
  const { commit, revision, result } = seesAll(exchange) ? outcome.value : shownReceipt(outcome.value);
  const body: ForwardedBody = {
    ...{ commit: toPlain(commit), revision, result: toPlain(result) },
    head: headOf(desk, account),
  };
  return toJson(body);
}

/** A lease may end with what a dialect keeps for itself, and a layout writes what is its own. */
function shownReceipt({ commit, revision, result }: Receipt): Receipt {
  return { commit: commit && shown(commit, false), revision, result: shownOutcome(result) };
}

function shownOutcome(result: Receipt["result"]): Receipt["result"] {
  switch (result.kind) {
    case "changed":
      return { ...result, changes: shownChanges(result.changes) };
    case "when":
      return { ...result, results: result.results.map(shownOutcome) };
    case "plan":
      return { ...result, result: shownOutcome(result.result) };
    case "range":
      return result;
  }
}
