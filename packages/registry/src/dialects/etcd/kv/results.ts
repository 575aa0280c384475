/** What the registry did, as answers. */
import {
  type Change,
  isInRange,
  type KeyRange,
  type KeyRecord,
  type Receipt,
  type Refused,
  type Result,
  resultOf,
} from "../../../core/index.ts";
import type { Status } from "../../../net/grpc/status.ts";
import { ERRORS, toStatus } from "../refusals.ts";
import type { Answer, DeleteAnswer, PutAnswer, Step, TxnAnswer } from "../wire/answers.ts";
import type { DeleteRequest, Operation, PutRequest, TxnRequest } from "../wire/requests.ts";
import { rangeOf, shape } from "./range.ts";

type KeyChange = Extract<Change, { readonly kind: "key" }>;

/** Other changes come along: those of leases, of instances by convention, and of their other entries. */
function keysIn(result: Result, range: KeyRange): readonly KeyChange[] {
  if (result.kind !== "changed") return [];
  return result.changes.filter(
    (change): change is KeyChange =>
      change.kind === "key" && isInRange(range, (change.after ?? change.before)?.key ?? ""),
  );
}

export function toPut({ key, prevKv }: PutRequest, result: Result): PutAnswer {
  const before = prevKv ? (keysIn(result, { from: key })[0]?.before ?? null) : null;
  return { kind: "put", before };
}

export function toDelete({ key, rangeEnd, prevKv }: DeleteRequest, result: Result): DeleteAnswer {
  const range = rangeOf(key, rangeEnd);
  const gone = range === undefined ? [] : keysIn(result, range).filter(({ after }) => after === null);
  const before = prevKv ? gone.map((change) => change.before as KeyRecord) : [];
  return { kind: "delete", deleted: gone.length, before };
}

/** The revision that operations see while nothing is written yet; after that it is one more. */
interface Course {
  readonly base: number;
  hasWritten: boolean;
}

export function toTxn(request: TxnRequest, { commit, revision, result }: Receipt): TxnAnswer {
  return txnOf(request, resultOf(result), { base: commit === null ? revision : revision - 1, hasWritten: false });
}

function txnOf({ success, failure }: TxnRequest, result: Result, course: Course): TxnAnswer {
  if (result.kind !== "when") return { kind: "txn", succeeded: false, answers: [] };
  const operations = result.succeeded ? success : failure;
  const answers = operations.map((operation, nth): Step => {
    const step = result.results[nth] as Result;
    const answer = answerOf(operation, step, course);
    if (step.kind === "changed" && step.changes.length > 0) course.hasWritten = true;
    // That of a transaction within it says nothing, as in the original.
    return { revision: answer.kind === "txn" ? 0 : course.base + (course.hasWritten ? 1 : 0), answer };
  });
  return { kind: "txn", succeeded: result.succeeded, answers };
}

function answerOf(operation: Operation, result: Result, course: Course): Answer {
  switch (operation.kind) {
    case "range":
      return result.kind === "range" ? shape(operation, result.entries, result.count) : shape(operation, [], 0);
    case "put":
      return toPut(operation, result);
    case "delete":
      return toDelete(operation, result);
    default:
      return txnOf(operation as TxnRequest, result, course);
  }
}

/** What a transaction was refused for: the step says which of its operations. */
export function refuseTxn(request: TxnRequest, refused: Refused, hasLease: (put: PutRequest) => boolean): Status {
  return refuseOperation(stepsOf(request, refused.step ?? []), refused, hasLease);
}

/** The operation that a refused step is. Which of both lists ran, the step does not say: the one where it fits. */
function stepsOf(request: TxnRequest, path: readonly number[]): readonly Operation[] {
  let found: readonly Operation[] = [request];
  for (const nth of path)
    found = found.flatMap((one) => (one.kind === "txn" ? [one.success[nth], one.failure[nth]] : [])).filter(isThere);
  return found;
}

function isThere(operation: Operation | undefined): operation is Operation {
  return operation !== undefined;
}

function refuseOperation(
  operations: readonly Operation[],
  refused: Refused,
  hasLease: (put: PutRequest) => boolean,
): Status {
  const puts = operations.filter((operation) => operation.kind === "put");
  for (const put of puts) {
    const status = refusePut(put, refused, hasLease);
    if (status !== undefined) return status;
  }
  // A revision that is none yet; no other operation is ever invalid.
  if (refused.refusal === "invalid" && operations.some(({ kind }) => kind === "range")) return ERRORS.future;
  return toStatus(refused);
}

/** What is not found is the key whose value or lease is to be kept, or the lease. */
export function refusePut(
  put: PutRequest,
  { refusal }: Refused,
  hasLease: (put: PutRequest) => boolean,
): Status | undefined {
  if (refusal !== "not-found") return undefined;
  if (put.ignoreValue || put.ignoreLease) return hasLease(put) ? ERRORS.keyNotFound : ERRORS.leaseNotFound;
  return put.lease === "0" ? undefined : ERRORS.leaseNotFound;
}
