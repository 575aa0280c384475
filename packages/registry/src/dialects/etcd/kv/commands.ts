/** Requests as commands of the registry, whose transactions are what etcd's are. */
import type { Command, Comparison, Guard, KeyRange } from "../../../core/index.ts";
import type { Compare, DeleteRequest, Operation, PutRequest, RangeRequest, TxnRequest } from "../wire/requests.ts";
import { limitOf, rangeOf, wantsAll } from "./range.ts";

/** What finds nothing and changes nothing. */
const NOTHING: Command = { kind: "when", guards: [], then: [], otherwise: [] };

export function putCommand({ key, value, lease, ignoreValue, ignoreLease }: PutRequest): Command {
  // Most are plain: a spread costs more than the rest of it.
  const command = { kind: "put", key, value, lease: lease === "0" ? null : lease } as const;
  if (!ignoreValue && !ignoreLease) return command;
  return { ...command, ...(ignoreValue && { keepValue: true }), ...(ignoreLease && { keepLease: true }) };
}

export function deleteCommand({ key, rangeEnd }: DeleteRequest): Command {
  const range = rangeOf(key, rangeEnd);
  return range === undefined ? NOTHING : { kind: "delete", ...range };
}

function rangeCommand(request: RangeRequest): Command {
  const range = rangeOf(request.key, request.rangeEnd);
  if (range === undefined) return NOTHING;
  const limit = limitOf(request);
  return {
    kind: "range",
    ...range,
    ...(!wantsAll(request) && Number.isFinite(limit) && { limit }),
    ...(request.revision > 0 && { at: request.revision }),
  };
}

export function txnCommand({ compare, success, failure }: TxnRequest): Command {
  const guards = compare.flatMap(toGuard);
  // Which way is gone all through it is settled before anything is done.
  return { kind: "when", guards, then: success.map(toCommand), otherwise: failure.map(toCommand), early: true };
}

function toCommand(operation: Operation): Command {
  switch (operation.kind) {
    case "range":
      return rangeCommand(operation);
    case "put":
      return putCommand(operation);
    case "delete":
      return deleteCommand(operation);
    case "txn":
      return txnCommand(operation);
    case "none":
      return NOTHING;
  }
}

const COMPARISONS: readonly Comparison[] = ["=", ">", "<", "!="];
const NUMBERS = ["version", "create", "mod"] as const;
/** Of `Compare.target`. */
const VALUE = 3;
const LEASE = 4;

/** None for a result that etcd does not know: it takes it as true. */
function toGuard(compare: Compare): Guard | readonly Guard[] {
  const is = COMPARISONS[compare.result];
  if (is === undefined) return [];
  const range = rangeOf(compare.key, compare.rangeEnd);
  // Nothing can be there: it is compared as a missing key, and there is none at the empty name.
  const { from, to }: KeyRange = range ?? { from: "" };
  const keys = to === undefined ? { key: from } : { key: from, to };
  if (compare.target === VALUE) return { on: "value", ...keys, is, than: compare.value };
  if (compare.target === LEASE) return { on: "lease", ...keys, is, than: compare.lease === "0" ? "" : compare.lease };
  const on = NUMBERS[compare.target];
  // Any other target is the same on both sides.
  if (on === undefined) return is === "=" ? [] : { on: "version", ...keys, is: "<", than: 0 };
  return { on, ...keys, is, than: compare.number };
}
