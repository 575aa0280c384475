/** @live SET, DEL and NOP. */
import { type Bytes, byPlan, noteOf } from "../../../core/index.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import { controlOf } from "../files/control.ts";
import { fromRev, toRev } from "../files/revisions.ts";
import { lookUp, type Source } from "../files/source.ts";
import { toResponse } from "../refusals.ts";
import type { ErrorName, Response } from "../wire/message.ts";
import { isLegalPath } from "../wire/path.ts";
import { NOP_KEY, WRITE } from "./plans.ts";

/** "Whatever the file's revision is." */
const CLOBBER = -1n;

export const set: Handle = (desk, call) => write(desk, call, call.request.value);

export const del: Handle = async (desk, call) => {
  const { rev: _rev, ...response } = await write(desk, call, null);
  return response;
};

async function write(desk: Desk, { request, account, session }: Call, value: string | null): Promise<Response> {
  const { path, rev } = request;
  if (path === undefined || rev === undefined) return { error: "MISSING_ARG" };
  if (!isLegalPath(path)) return { error: "BAD_PATH" };
  const own = refuseOwn(controlOf(desk.control, 0), path);
  if (own !== undefined) return { error: own };
  const revision = rev === CLOBBER ? null : rev < 0n ? -1 : fromRev(rev);
  const outcome = await desk.registry.propose(account, byPlan(WRITE, { path, value, revision }), session.gone);
  if (!outcome.ok) return toResponse(outcome);
  const error = noteOf(WRITE, outcome.value);
  return error === null ? { rev: toRev(outcome.value.revision) } : { error };
}

/** What this server says of itself under `/ctl` is not to be written; beside it others may have files. */
function refuseOwn(control: Source, path: Bytes): ErrorName | undefined {
  const found = lookUp(control, path);
  if (found !== undefined) return found === "directory" ? "ISDIR" : "READONLY";
  const parent = path.slice(0, path.lastIndexOf("/"));
  return control.entry(parent) === undefined ? undefined : "NOTDIR";
}

/** A revision passes. */
export const nop: Handle = async ({ registry }, { account, session }) => {
  const outcome = await registry.propose(account, { kind: "put", key: NOP_KEY, value: "" }, session.gone);
  return outcome.ok ? {} : toResponse(outcome);
};
