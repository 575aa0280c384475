/** What etcd refuses before it looks at any key, in its order. */
import { type Bytes, isInRange, isReserved, type KeyRange } from "../../../core/index.ts";
import type { Status } from "../../../net/grpc/status.ts";
import { ERRORS } from "../refusals.ts";
import type { Compare, DeleteRequest, Operation, PutRequest, RangeRequest, TxnRequest } from "../wire/requests.ts";
import { OPERATIONS_MAX, TARGET } from "../wire/requests.ts";
import { rangeOf } from "./range.ts";

const TARGET_MAX = TARGET.value;

export function checkRange({ key, sortTarget }: RangeRequest): Status | undefined {
  if (key === "") return ERRORS.emptyKey;
  return sortTarget < 0 || sortTarget > TARGET_MAX ? ERRORS.invalidSort : undefined;
}

export function checkPut(request: PutRequest): Status | undefined {
  const { key, value, lease, ignoreValue, ignoreLease } = request;
  if (key === "") return ERRORS.emptyKey;
  if (ignoreValue && value !== "") return ERRORS.valueProvided;
  if (ignoreLease && lease !== "0") return ERRORS.leaseProvided;
  return isReserved(key) ? ERRORS.permissionDenied : undefined;
}

export function checkDelete({ key }: DeleteRequest): Status | undefined {
  return key === "" ? ERRORS.emptyKey : undefined;
}

export function checkTxn(request: TxnRequest, operationsMax = OPERATIONS_MAX): Status | undefined {
  const { compare, success, failure } = request;
  const longest = Math.max(compare.length, success.length, failure.length);
  if (longest > operationsMax) return ERRORS.tooManyOps;
  if (compare.some(({ key }: Compare) => key === "")) return ERRORS.emptyKey;
  for (const operation of [...success, ...failure]) {
    const wrong = checkOperation(operation, operationsMax - longest);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** What is left to a transaction within another are the operations that the outer one does not have. */
function checkOperation(operation: Operation, operationsMax: number): Status | undefined {
  switch (operation.kind) {
    case "range":
      return checkRange(operation);
    case "put":
      return checkPut(operation);
    case "delete":
      return checkDelete(operation);
    case "txn":
      return checkTxn(operation, operationsMax);
    case "none":
      return ERRORS.keyNotFound;
  }
}

/** What a list of operations writes: keys by name, and ranges that it deletes. */
interface Written {
  readonly puts: ReadonlySet<Bytes>;
  readonly deletes: readonly KeyRange[];
}

/** A key must not be put twice, nor put and deleted, on any one way through a transaction. */
export function findDuplicate({ success, failure }: TxnRequest): Status | undefined {
  return gather(success) === undefined || gather(failure) === undefined ? ERRORS.duplicateKey : undefined;
}

/** Undefined when there are duplicates. */
function gather(operations: readonly Operation[]): Written | undefined {
  const puts = new Set<Bytes>();
  const deletes: KeyRange[] = [];
  const isDeleted = (key: Bytes): boolean => deletes.some((range) => isInRange(range, key));
  for (const operation of operations) {
    const range = operation.kind === "delete" ? rangeOf(operation.key, operation.rangeEnd) : undefined;
    if (range !== undefined) deletes.push(range);
  }
  for (const operation of operations) {
    if (operation.kind !== "txn") continue;
    const [then, otherwise] = [gather(operation.success), gather(operation.failure)];
    if (then === undefined || otherwise === undefined) return undefined;
    // Only one of both is carried out.
    for (const key of new Set([...then.puts, ...otherwise.puts])) {
      if (puts.has(key) || isDeleted(key)) return undefined;
      puts.add(key);
    }
    deletes.push(...then.deletes, ...otherwise.deletes);
  }
  for (const operation of operations) {
    if (operation.kind !== "put") continue;
    if (puts.has(operation.key) || isDeleted(operation.key)) return undefined;
    puts.add(operation.key);
  }
  return { puts, deletes };
}
