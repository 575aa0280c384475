/** @live The service KV. */
import type {
  Account,
  KeyRange,
  KeyRecord,
  Outcome,
  RangeResult,
  Receipt,
  Refused,
  View,
} from "../../../core/index.ts";
import type { Call, Method } from "../../../net/grpc/method.ts";
import { CODES, Status } from "../../../net/grpc/status.ts";
import { type Desk, floorOf, headerOf, within } from "../desk.ts";
import { ERRORS, toStatus } from "../refusals.ts";
import { bodySize, encodeAnswer, type Headed } from "../wire/answers.ts";
import {
  type CompactRequest,
  type DeleteRequest,
  decoder,
  type PutRequest,
  type RangeRequest,
  readCompact,
  readDelete,
  readPut,
  readRange,
  readTxn,
  type TxnRequest,
} from "../wire/requests.ts";
import { checkDelete, checkPut, checkRange, checkTxn, findDuplicate } from "./check.ts";
import { deleteCommand, putCommand, txnCommand } from "./commands.ts";
import { limitOf, rangeOf, shape, wantsAll } from "./range.ts";
import { refusePut, refuseTxn, toDelete, toPut, toTxn } from "./results.ts";

type Answered = Headed | Status | Promise<Headed | Status>;

export const KV: readonly Method<Desk>[] = [
  {
    kind: "unary",
    path: "/etcdserverpb.KV/Range",
    codec: { decode: decoder(readRange), encode: encodeAnswer },
    handle: range,
  },
  {
    kind: "unary",
    path: "/etcdserverpb.KV/Put",
    codec: { decode: decoder(readPut), encode: encodeAnswer },
    handle: put,
  },
  {
    kind: "unary",
    path: "/etcdserverpb.KV/DeleteRange",
    codec: { decode: decoder(readDelete), encode: encodeAnswer },
    handle: remove,
  },
  {
    kind: "unary",
    path: "/etcdserverpb.KV/Txn",
    codec: { decode: decoder(readTxn), encode: encodeAnswer },
    handle: txn,
  },
  {
    kind: "unary",
    path: "/etcdserverpb.KV/Compact",
    codec: { decode: decoder(readCompact), encode: encodeAnswer },
    handle: compact,
  },
];

export function range(desk: Desk, call: Call, request: RangeRequest): Answered {
  const wrong = checkRange(request);
  if (wrong !== undefined) return wrong;
  return within(desk, call, "reader", (account) => {
    if (request.serializable || desk.isAlone) return read(desk, account, call, request);
    return desk.registry
      .latest(call.signal)
      .then((reached) => (reached.ok ? read(desk, account, call, request) : ERRORS.noLeader));
  });
}

function read(desk: Desk, account: Account, call: Call, request: RangeRequest): Answered {
  const { registry } = desk;
  const keys = rangeOf(request.key, request.rangeEnd);
  const now = registry.read((view) => view.revision);
  if (request.revision > now) return ERRORS.future;
  if (request.revision > 0 && request.revision < floorOf(desk, account)) return ERRORS.compacted;
  if (keys === undefined) return { header: headerOf(desk, now), answer: shape(request, [], 0) };
  const isPast = registry.read((view) => (view.account(account)?.keysRevision ?? 0) > request.revision);
  if (request.revision > 0 && isPast) return readPast(desk, account, call, request, keys);
  return registry.read((view) => {
    const { found, count } = gather(
      view,
      account,
      keys,
      wantsAll(request) ? Number.POSITIVE_INFINITY : limitOf(request),
    );
    return bounded(desk, { header: headerOf(desk, view.revision), answer: shape(request, found, count) });
  });
}

/** The first records of the range, and how many there are. */
function gather(
  view: View,
  account: Account,
  { from, to }: KeyRange,
  limit: number,
): Pick<RangeResult, "count"> & { found: KeyRecord[] } {
  const found: KeyRecord[] = [];
  if (to === undefined) {
    const record = view.entry(account, from);
    if (record !== undefined && limit > 0) found.push(record);
    return { found, count: record === undefined ? 0 : 1 };
  }
  let count = 0;
  // All keys that are nobody's own: how many, is known.
  const isAll = from <= "\x01" && to === "";
  for (const record of view.entries(account, from, to)) {
    if (count < limit) found.push(record);
    else if (isAll) return { found, count: view.count(account, "keys") };
    count++;
  }
  return { found, count };
}

/** Keys that are read of the past at once, where all that is asked for is too much. */
const PIECE = 1000;

/** In pieces where the registry answers no more at once: the past stays as it is. */
async function readPast(
  desk: Desk,
  account: Account,
  call: Call,
  request: RangeRequest,
  { from, to }: KeyRange,
): Promise<Headed | Status> {
  const limit = wantsAll(request) ? Number.POSITIVE_INFINITY : limitOf(request);
  const found: KeyRecord[] = [];
  let count: number | undefined;
  let bytes = 0;
  for (let piece = Number.POSITIVE_INFINITY, next = from; ; ) {
    const most = Math.min(limit - found.length, piece);
    const range = { from: next, ...(to !== undefined && { to }), ...(Number.isFinite(most) && { limit: most }) };
    const past = await desk.registry.past(account, range, request.revision, call.signal);
    if (!past.ok) {
      if (past.refusal !== "too-large" || piece === 1) return refusePast(past);
      piece = Math.min(PIECE, Math.ceil(piece / 4));
      continue;
    }
    const { entries, more } = past.value;
    count ??= past.value.count;
    for (const entry of entries) {
      found.push(entry);
      bytes += entry.value.length;
    }
    const last = entries.at(-1);
    if (!more || last === undefined || found.length >= limit || bytes > desk.settings.answerBytesMax) break;
    next = `${last.key}\0`;
  }
  const now = desk.registry.read((view) => view.revision);
  return bounded(desk, { header: headerOf(desk, now), answer: shape(request, found, count ?? 0) });
}

function refusePast(refused: Refused): Status {
  return refused.refusal === "invalid" ? ERRORS.future : toStatus(refused);
}

/** As the original's library says it of what it may not send. */
function bounded({ settings }: Desk, headed: Headed): Headed | Status {
  const size = headed.answer === undefined ? 0 : bodySize(headed.answer);
  if (size <= settings.answerBytesMax) return headed;
  return new Status(
    CODES.resourceExhausted,
    `grpc: trying to send message larger than max (${size} vs. ${settings.answerBytesMax})`,
  );
}

function hasLease(desk: Desk, account: Account): (put: PutRequest) => boolean {
  return ({ lease }) => lease === "0" || desk.registry.read((view) => view.lease(account, lease) !== undefined);
}

function answered(desk: Desk, { revision }: Receipt, answer: Headed["answer"]): Headed | Status {
  const header = headerOf(desk, revision);
  return answer === undefined ? { header } : bounded(desk, { header, answer });
}

export function put(desk: Desk, call: Call, request: PutRequest): Answered {
  const wrong = checkPut(request);
  if (wrong !== undefined) return wrong;
  return within(desk, call, "writer", async (account) => {
    if (request.size > desk.settings.requestBytesMax) return ERRORS.tooLarge;
    const outcome = await desk.registry.propose(account, putCommand(request));
    if (!outcome.ok) return refusePut(request, outcome, hasLease(desk, account)) ?? toStatus(outcome);
    return answered(desk, outcome.value, toPut(request, outcome.value.result));
  });
}

export function remove(desk: Desk, call: Call, request: DeleteRequest): Answered {
  const wrong = checkDelete(request);
  if (wrong !== undefined) return wrong;
  return within(desk, call, "writer", async (account) => {
    const outcome = await desk.registry.propose(account, deleteCommand(request));
    return outcome.ok ? answered(desk, outcome.value, toDelete(request, outcome.value.result)) : toStatus(outcome);
  });
}

export function txn(desk: Desk, call: Call, request: TxnRequest): Answered {
  const wrong = checkTxn(request) ?? findDuplicate(request);
  if (wrong !== undefined) return wrong;
  return within(desk, call, writes(request) ? "writer" : "reader", async (account) => {
    if (request.size > desk.settings.requestBytesMax) return ERRORS.tooLarge;
    const outcome: Outcome<Receipt> = await desk.registry.propose(account, txnCommand(request));
    if (!outcome.ok) return refuseTxn(request, outcome, hasLease(desk, account));
    return answered(desk, outcome.value, toTxn(request, outcome.value));
  });
}

function writes({ success, failure }: TxnRequest): boolean {
  return [...success, ...failure].some((one) => (one.kind === "txn" ? writes(one) : one.kind !== "range"));
}

function compact(desk: Desk, call: Call, { revision }: CompactRequest): Answered {
  return within(desk, call, "writer", async (account) => {
    if (revision < floorOf(desk, account)) return ERRORS.compacted;
    const outcome = await desk.registry.propose(account, { kind: "compact", revision });
    if (outcome.ok) return answered(desk, outcome.value, undefined);
    return outcome.refusal === "invalid" ? ERRORS.future : toStatus(outcome);
  });
}
