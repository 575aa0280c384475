/** @live Changes of nodes, alone or many at once, and the ends of sessions. */
import { type Bytes, byPlan, noteOf, type Outcome, type Receipt } from "../../../core/index.ts";
import type { Answer, Call, Desk, Handle } from "../desk.ts";
import type { Done } from "../nodes/decide.ts";
import { type Report, WRITE } from "../nodes/plan.ts";
import { toStat } from "../nodes/stat.ts";
import type { Branch } from "../nodes/tree.ts";
import { toCode } from "../refusals.ts";
import { ERRORS, OPS } from "../wire/codes.ts";
import type { Writer } from "../wire/jute.ts";
import { parentOf } from "../wire/path.ts";
import { writeStat } from "../wire/stat.ts";
import { readMulti, readWrite, type Write } from "../wire/writes.ts";
import { BAD, fail } from "./answers.ts";

function propose({ registry, settings }: Desk, call: Call, writes: readonly Write[]): Promise<Outcome<Receipt>> {
  const { guest, account } = call;
  const { who, session } = guest;
  return registry.propose(account, byPlan(WRITE, { writes, who, session, allowsTtl: settings.allowsTtl }));
}

/** One change. What a refused one was decided on is there, too: its zxid is told. */
export const write: Handle = async (desk, call) => {
  const asked = readWrite(call.type, call.reader);
  if (asked === undefined) return BAD;
  const outcome = await propose(desk, call, [asked]);
  if (!outcome.ok) return fail(toCode(outcome));
  const { done, error } = noteOf(WRITE, outcome.value) as Report;
  const zxid = outcome.value.revision;
  if (error !== ERRORS.ok) return { error, zxid };
  return { error, zxid, body: (writer) => writeAlone(writer, call, asked, done[0] ?? {}) };
};

function writeAlone(writer: Writer, { realm }: Call, asked: Write, done: Done): void {
  writeDone(writer, asked, done, realm.tree.branch(done.path ?? asked.path));
}

/** Creates of the first kind are answered by the path alone. */
function writeDone(writer: Writer, { op, type, path }: Write, done: Done, branch: Branch | undefined): void {
  if (op === "create") writer.bytes(done.path ?? path);
  if (op === "delete" || op === "deleteContainer" || op === "check" || type === OPS.create) return;
  writeStat(writer, toStat(done.key, branch, done.aversion ?? 0));
}

export const multi: Handle = async (desk, call) => {
  const writes = readMulti(call.reader);
  if (writes === undefined) return BAD;
  if (writes.length === 0) return { error: ERRORS.ok, body: writeEnd };
  const outcome = await propose(desk, call, writes);
  if (!outcome.ok) return fail(toCode(outcome));
  const { done, error } = noteOf(WRITE, outcome.value) as Report;
  const zxid = outcome.value.revision;
  return {
    error: ERRORS.ok,
    zxid,
    body: (writer) => {
      if (error === ERRORS.ok) writeAll(writer, call, writes, done);
      else writeFailed(writer, writes.length, done.length, error);
    },
  };
};

function writeAll(writer: Writer, call: Call, writes: readonly Write[], done: readonly Done[]): void {
  const branches = branchesOf(call, writes, done);
  for (const [nth, asked] of writes.entries()) {
    const type = answerType(asked.type);
    writer.int(type).bool(false).int(ERRORS.ok);
    writeDone(writer, asked, done[nth] ?? {}, branches[nth]);
  }
  writeEnd(writer);
}

/** What lay in the node of each step when it was made: what it has now, less what the steps behind it did. */
function branchesOf({ realm }: Call, writes: readonly Write[], done: readonly Done[]): readonly (Branch | undefined)[] {
  const since = new Map<Bytes, { count: number; came: number }>();
  const branches = writes.map((): Branch | undefined => undefined);
  for (let nth = writes.length - 1; nth >= 0; nth--) {
    const { op, path } = writes[nth] as Write;
    const at = done[nth]?.path ?? path;
    const branch = realm.tree.branch(at);
    const less = since.get(at);
    branches[nth] =
      branch && less ? { ...branch, count: branch.count - less.count, came: branch.came - less.came } : branch;
    if (op !== "create" && op !== "delete") continue;
    const parent = parentOf(at) ?? "";
    const { count, came } = since.get(parent) ?? { count: 0, came: 0 };
    since.set(parent, op === "create" ? { count: count + 1, came: came + 1 } : { count: count - 1, came });
  }
  return branches;
}

/** Clients read containers and the like as the second form of creates. */
function answerType(type: number): number {
  return type === OPS.createContainer || type === OPS.createTTL ? OPS.create2 : type;
}

/** Those before the one that failed are told as well, and that those after it were not tried. */
function writeFailed(writer: Writer, count: number, failed: number, error: number): void {
  for (let nth = 0; nth < count; nth++) {
    const code = nth < failed ? ERRORS.ok : nth === failed ? error : ERRORS.runtimeInconsistency;
    writer.int(-1).bool(false).int(code).int(code);
  }
  writeEnd(writer);
}

function writeEnd(writer: Writer): void {
  writer.int(-1).bool(true).int(-1);
}

/** All that the session has goes with it. The connection is closed behind the answer. */
export const closeSession: Handle = async ({ sessions }, { account, guest }): Promise<Answer> => {
  guest.rise();
  const ended = await sessions.end(account, guest.session);
  if (!ended.ok && ended.refusal !== "not-found") return { error: toCode(ended), isLast: true };
  return { error: ERRORS.ok, ...(ended.ok ? { zxid: ended.value.revision } : {}), isLast: true };
};
