/** What clients ask of keys. Numbers of 64 bits are rounded beyond 2^53, leases are in decimal. */
import type { Bytes, LeaseId } from "../../../core/index.ts";
import { CODES, Status } from "../../../net/grpc/status.ts";
import { Reader } from "./reader.ts";

export const SORT = { none: 0, ascend: 1, descend: 2 } as const;
export const TARGET = { key: 0, version: 1, create: 2, mod: 3, value: 4 } as const;

export interface RangeRequest {
  readonly kind: "range";
  key: Bytes;
  rangeEnd: Bytes;
  limit: number;
  revision: number;
  sortOrder: number;
  sortTarget: number;
  serializable: boolean;
  keysOnly: boolean;
  countOnly: boolean;
  minMod: number;
  maxMod: number;
  minCreate: number;
  maxCreate: number;
}

export interface PutRequest {
  readonly kind: "put";
  /** Of the message, in bytes. */
  readonly size: number;
  key: Bytes;
  value: Bytes;
  /** "0" for none. */
  lease: LeaseId;
  prevKv: boolean;
  ignoreValue: boolean;
  ignoreLease: boolean;
}

export interface DeleteRequest {
  readonly kind: "delete";
  key: Bytes;
  rangeEnd: Bytes;
  prevKv: boolean;
}

export interface Compare {
  /** 0 equal, 1 greater, 2 less, 3 not equal. */
  result: number;
  /** 0 version, 1 create, 2 mod, 3 value, 4 lease. */
  target: number;
  key: Bytes;
  rangeEnd: Bytes;
  /** What it is compared to, as a number; of a lease in decimal. */
  number: number;
  value: Bytes;
  lease: LeaseId;
}

export interface TxnRequest {
  readonly kind: "txn";
  /** Of the message, in bytes. */
  readonly size: number;
  compare: Compare[];
  success: Operation[];
  failure: Operation[];
}

/** "none": an operation that says nothing. */
export type Operation = RangeRequest | PutRequest | DeleteRequest | TxnRequest | { readonly kind: "none" };

export interface CompactRequest {
  revision: number;
}

/** Operations, or comparisons, that a transaction may have in one list. */
export const OPERATIONS_MAX = 128;
/** In it and in those within it: etcd has no such bound, and its work grows with their square. */
const ALL_OPERATIONS_MAX = 4096;
/** Transactions within transactions: each level takes one operation of the one around it. */
const DEPTH_MAX = OPERATIONS_MAX;

interface Count {
  operations: number;
  depth: number;
}

export const TOO_MANY = new Status(CODES.invalidArgument, "etcdserver: too many operations in txn request");

export function readRange(reader: Reader): RangeRequest {
  const request: RangeRequest = {
    kind: "range",
    key: "",
    rangeEnd: "",
    limit: 0,
    revision: 0,
    sortOrder: 0,
    sortTarget: 0,
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minMod: 0,
    maxMod: 0,
    minCreate: 0,
    maxCreate: 0,
  };
  while (reader.next()) readRangeField(reader, request);
  return request;
}

function readRangeField(reader: Reader, request: RangeRequest): void {
  switch (reader.field) {
    case 1:
      request.key = reader.bytes();
      break;
    case 2:
      request.rangeEnd = reader.bytes();
      break;
    case 3:
      request.limit = reader.number();
      break;
    case 4:
      request.revision = reader.number();
      break;
    case 5:
      request.sortOrder = reader.number();
      break;
    case 6:
      request.sortTarget = reader.number();
      break;
    case 7:
      request.serializable = reader.flag();
      break;
    case 8:
      request.keysOnly = reader.flag();
      break;
    case 9:
      request.countOnly = reader.flag();
      break;
    case 10:
      request.minMod = reader.number();
      break;
    case 11:
      request.maxMod = reader.number();
      break;
    case 12:
      request.minCreate = reader.number();
      break;
    case 13:
      request.maxCreate = reader.number();
      break;
    default:
      reader.skip();
  }
}

export function readPut(reader: Reader): PutRequest {
  const request: PutRequest = {
    kind: "put",
    size: reader.size,
    key: "",
    value: "",
    lease: "0",
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  };
  while (reader.next())
    if (reader.field === 1) request.key = reader.bytes();
    else if (reader.field === 2) request.value = reader.bytes();
    else if (reader.field === 3) request.lease = reader.decimal();
    else if (reader.field === 4) request.prevKv = reader.flag();
    else if (reader.field === 5) request.ignoreValue = reader.flag();
    else if (reader.field === 6) request.ignoreLease = reader.flag();
    else reader.skip();
  return request;
}

export function readDelete(reader: Reader): DeleteRequest {
  const request: DeleteRequest = { kind: "delete", key: "", rangeEnd: "", prevKv: false };
  while (reader.next())
    if (reader.field === 1) request.key = reader.bytes();
    else if (reader.field === 2) request.rangeEnd = reader.bytes();
    else if (reader.field === 3) request.prevKv = reader.flag();
    else reader.skip();
  return request;
}

function readCompare(reader: Reader): Compare {
  const compare: Compare = { result: 0, target: 0, key: "", rangeEnd: "", number: 0, value: "", lease: "0" };
  while (reader.next())
    if (reader.field === 1) compare.result = reader.number();
    else if (reader.field === 2) compare.target = reader.number();
    else if (reader.field === 3) compare.key = reader.bytes();
    else if (reader.field >= 4 && reader.field <= 6) compare.number = reader.number();
    else if (reader.field === 7) compare.value = reader.bytes();
    else if (reader.field === 8) compare.lease = reader.decimal();
    else if (reader.field === 64) compare.rangeEnd = reader.bytes();
    else reader.skip();
  return compare;
}

function readOperation(reader: Reader, count: Count): Operation {
  if (++count.operations > ALL_OPERATIONS_MAX) throw TOO_MANY;
  let operation: Operation = { kind: "none" };
  while (reader.next())
    if (reader.field === 1) operation = readRange(reader.message());
    else if (reader.field === 2) operation = readPut(reader.message());
    else if (reader.field === 3) operation = readDelete(reader.message());
    else if (reader.field === 4) operation = readTxn(reader.message(), count);
    else reader.skip();
  return operation;
}

/** Throws a `Status` for one that has more operations than any may: nothing is made of the rest. */
export function readTxn(reader: Reader, count: Count = { operations: 0, depth: 0 }): TxnRequest {
  if (++count.depth > DEPTH_MAX) throw TOO_MANY;
  const request: TxnRequest = { kind: "txn", size: reader.size, compare: [], success: [], failure: [] };
  while (reader.next())
    if (reader.field === 1) add(request.compare, readCompare(reader.message()));
    else if (reader.field === 2) add(request.success, readOperation(reader.message(), count));
    else if (reader.field === 3) add(request.failure, readOperation(reader.message(), count));
    else reader.skip();
  count.depth -= 1;
  return request;
}

function add<T>(list: T[], one: T): void {
  if (list.push(one) > OPERATIONS_MAX) throw TOO_MANY;
}

export function readCompact(reader: Reader): CompactRequest {
  const request: CompactRequest = { revision: 0 };
  while (reader.next())
    if (reader.field === 1) request.revision = reader.number();
    else reader.skip();
  return request;
}

/** Decodes the whole of a message. */
export function decoder<T>(read: (reader: Reader) => T): (message: Buffer) => T {
  return (message) => read(new Reader(message));
}
