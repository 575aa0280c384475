/** Requests that change something: each becomes an operation, and how it ended the answer. */
import { parseQuery } from "../../../net/http/query.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import type { Origin, Said } from "../instances/operations.ts";
import { findFault, findInstance } from "../instances/registration.ts";
import { readBatch, writeBatchAnswer } from "../wire/batch.ts";
import { readInstance } from "../wire/bodies.ts";
import { findStatus } from "../wire/info.ts";
import type { EurekaStatus } from "../wire/messages.ts";
import { empty, inFormat, sentence, toAnswer } from "./answer.ts";
import { carryOut } from "./batch.ts";
import { unpack } from "./body.ts";
import { auditBatch } from "./overrides.ts";
import { parameterOf, timeOf } from "./query.ts";

/** What may be registered is far smaller: see LIMITS. */
export const REGISTRATION_BYTES_MAX = 512 * 1024;
/** A batch of the original has 250 lines. */
export const BATCH_BYTES_MAX = 8 * 1024 * 1024;
const BATCH_LINES_MAX = 1000;

/** POST /apps/APP */
export const register: Handle = async ({ operations }, call) => {
  const body = await unpack(call, REGISTRATION_BYTES_MAX);
  if (!body.ok) return empty(body.status);
  const read = readInstance(body.value.format, body.value.bytes);
  if (!read.ok) return sentence(400, read.detail);
  const { request, target } = call;
  const fault = findFault(read.value, target.name);
  if (fault !== undefined) return sentence(400, fault);
  return toAnswer(request, await operations.register(read.value, target.name, originOf(call)));
};

const BARE: Said = {};

/** PUT /apps/APP/ID: by far the most frequent request. What it says of the status counts for nothing, as in the original. */
export const beat: Handle = async ({ operations }, call) => {
  const { request, target } = call;
  const origin = originOf(call);
  let said = BARE;
  if (request.search !== "") {
    const lastDirtyTimestamp = timeOf(request.search, "lastDirtyTimestamp");
    if (lastDirtyTimestamp === "wrong") return empty(400);
    const overridden = origin.replicated ? parameterOf(request.search, "overriddenstatus") : undefined;
    said = { lastDirtyTimestamp, overriddenStatus: toStatus(overridden) };
  }
  return toAnswer(request, await operations.heartbeat(target.name, target.id, said, origin));
};

/** DELETE /apps/APP/ID */
export const cancel: Handle = async ({ operations }, call) => {
  const { request, target } = call;
  return toAnswer(request, await operations.cancel(target.name, target.id, originOf(call)));
};

/** PUT /apps/APP/ID/status */
export const override: Handle = async (desk, call) => {
  const { request, target } = call;
  const status = toStatus(parameterOf(request.search, "value"));
  const dirty = timeOf(request.search, "lastDirtyTimestamp");
  if (status === undefined || dirty === "wrong") return refuseWord(desk, call);
  return toAnswer(
    request,
    await desk.operations.change(target.name, target.id, { kind: "override", status, dirty }, originOf(call)),
  );
};

/** DELETE /apps/APP/ID/status */
export const removeOverride: Handle = async (desk, call) => {
  const { request, target } = call;
  const value = parameterOf(request.search, "value");
  const status = toStatus(value);
  const dirty = timeOf(request.search, "lastDirtyTimestamp");
  if (dirty === "wrong" || (status === undefined && value !== undefined)) return refuseWord(desk, call);
  return toAnswer(
    request,
    await desk.operations.change(target.name, target.id, { kind: "no-override", status, dirty }, originOf(call)),
  );
};

/** The original looks for the instance first, and fails at what it cannot read. */
function refuseWord({ registry }: Desk, { account, target }: Call): Answer {
  const found = registry.read((view) => findInstance(view, account, target.name, target.id));
  return empty(found === undefined ? 404 : 500);
}

/** PUT /apps/APP/ID/metadata?key=value */
export const mergeMetadata: Handle = async ({ operations }, call) => {
  const { request, target } = call;
  const query = parseQuery(request.search);
  if (!query.ok) return sentence(400, query.detail);
  const pairs: Record<string, string> = Object.create(null);
  for (const name of query.value.names()) pairs[name] = query.value.get(name) ?? "";
  return toAnswer(
    request,
    await operations.change(target.name, target.id, { kind: "metadata", pairs: { ...pairs } }, originOf(call)),
  );
};

/** PUT /asg/GROUP/status, a group of Amazon's: outside of Amazon the original says 400. */
export const refuseGroup: Handle = () => empty(400);

/** POST /peerreplication/batch/ */
export const takeBatch: Handle = async (desk, call) => {
  const body = await unpack(call, BATCH_BYTES_MAX);
  if (!body.ok) return empty(body.status);
  if (body.value.format !== "json") return empty(415);
  const read = readBatch(body.value.bytes);
  if (!read.ok) return sentence(400, read.detail);
  if (read.value.length > BATCH_LINES_MAX) return sentence(400, `more than ${BATCH_LINES_MAX} lines`);
  const results = await carryOut(desk.operations, read.value, { replicated: true, account: call.account });
  auditBatch(
    desk,
    call,
    read.value,
    results.map((done) => done.statusCode),
  );
  return inFormat("json", writeBatchAnswer(results));
};

/** A request of another server says so, and is not passed on. */
function originOf({ request, account }: Call): Origin {
  return { account, replicated: request.header("x-netflix-discovery-replication") === "true" };
}

function toStatus(text: string | undefined): EurekaStatus | undefined {
  return text === undefined ? undefined : findStatus(text);
}
