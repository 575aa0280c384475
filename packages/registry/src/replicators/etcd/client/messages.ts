/** The messages of etcd's API that are needed here, as values; their numbers are those of its rpc.proto. */
import { Message, readFields, scanFields } from "../../../net/grpc/protobuf.ts";

export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  /** The revision of etcd that wrote it. */
  readonly modRevision: number;
}

export interface RangeAsked {
  readonly key: Buffer;
  /** The first key behind the range; one key alone when left out. */
  readonly end?: Buffer;
  readonly limit?: number;
  /** As it was at this revision of etcd. */
  readonly revision?: number;
  readonly keysOnly?: boolean;
}

export interface RangeRead {
  readonly revision: number;
  readonly entries: readonly KeyValue[];
  readonly more: boolean;
}

/** The values of a range, where they lie in the answer: of a hundred thousand nothing else is wanted. */
export interface ValuesRead {
  readonly bytes: Buffer;
  /** Of each value its start and its end. None of them is empty. */
  readonly spans: readonly number[];
  /** Empty when there are none. */
  readonly lastKey: Buffer;
  readonly more: boolean;
}

export type Operation =
  | { readonly kind: "range"; readonly range: RangeAsked }
  | { readonly kind: "put"; readonly key: Buffer; readonly value: Buffer; readonly lease?: number }
  | { readonly kind: "delete"; readonly key: Buffer; readonly end?: Buffer };

/**
 * Holds when the key's last revision is this one; 0 when there is no such key. With an `end`: when no key from `key` up to
 * there was written after it.
 */
export interface Guard {
  readonly key: Buffer;
  readonly end?: Buffer;
  readonly modRevision: number;
}

export interface Transaction {
  readonly guards: readonly Guard[];
  readonly then: readonly Operation[];
  readonly otherwise?: readonly Operation[];
}

export interface TransactionDone {
  readonly revision: number;
  readonly succeeded: boolean;
  /** What the ranges among the operations found, in their order. */
  readonly ranges: readonly RangeRead[];
}

export interface WatchEvent extends KeyValue {
  readonly isDelete: boolean;
}

export interface WatchTold {
  /** Everything up to this revision of etcd was told; 0 when nothing is said of it. */
  readonly revision: number;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly reason: string;
  /** Revisions before it are gone; 0 unless the watch wanted one of those. */
  readonly compacted: number;
  readonly events: readonly WatchEvent[];
}

/** What a member says of itself. Ids of members are compared only: they are longer than numbers are exact. */
export interface MemberStatus {
  readonly id: number;
  /** The leader that it knows; 0 while it knows none. */
  readonly leader: number;
  readonly version: string;
  /** The file of its database, and how much of that is in use. */
  readonly dbBytes: number;
  readonly dbUsedBytes: number;
  /** 0 when it does not say: etcd does from 3.6 on. */
  readonly quotaBytes: number;
  /** Alarms, and other things that are wrong: etcd's own words. */
  readonly errors: readonly string[];
}

export interface MemberEntry {
  readonly id: number;
  readonly name: string;
  readonly clientUrls: readonly string[];
}

function toRange({ key, end, limit, revision, keysOnly }: RangeAsked): Message {
  return new Message().bytes(1, key).bytes(2, end).number(3, limit).number(4, revision).number(8, keysOnly);
}

export function encodeRange(asked: RangeAsked): Buffer {
  return toRange(asked).end();
}

function toOperation(operation: Operation): Message {
  if (operation.kind === "range") return new Message().message(1, toRange(operation.range));
  if (operation.kind === "put")
    return new Message().message(
      2,
      new Message().bytes(1, operation.key).bytes(2, operation.value).number(3, operation.lease),
    );
  return new Message().message(3, new Message().bytes(1, operation.key).bytes(2, operation.end));
}

const MOD = 2;
const LESS = 2;

export function encodeTransaction({ guards, then, otherwise = [] }: Transaction): Buffer {
  const message = new Message();
  for (const { key, end, modRevision } of guards)
    message.message(
      1,
      end === undefined
        ? new Message().number(2, MOD).bytes(3, key).number(6, modRevision)
        : new Message()
            .number(1, LESS)
            .number(2, MOD)
            .bytes(3, key)
            .number(6, modRevision + 1)
            .bytes(64, end),
    );
  for (const operation of then) message.message(2, toOperation(operation));
  for (const operation of otherwise) message.message(3, toOperation(operation));
  return message.end();
}

export function encodeLeaseGrant(id: number, ttlSeconds: number): Buffer {
  return new Message().number(1, ttlSeconds).number(2, id).end();
}

/** Of a renewal, too. */
export function encodeLease(id: number): Buffer {
  return new Message().number(1, id).end();
}

export function encodeWatch(key: Buffer, end: Buffer, startRevision: number): Buffer {
  const create = new Message().bytes(1, key).bytes(2, end).number(3, startRevision).number(4, true);
  return new Message().message(1, create).end();
}

export function encodeCompaction(revision: number): Buffer {
  return new Message().number(1, revision).end();
}

export function encodeLogin(name: string, password: string): Buffer {
  return new Message().bytes(1, name).bytes(2, password).end();
}

function decodeRevision(header: Buffer): number {
  let revision = 0;
  readFields(header, (field, number) => {
    if (field === 3) revision = number;
  });
  return revision;
}

function decodeKeyValue(bytes: Buffer): KeyValue {
  const found = { key: Buffer.alloc(0), value: Buffer.alloc(0), modRevision: 0 };
  readFields(bytes, (field, number, part) => {
    if (field === 1) found.key = part as Buffer<ArrayBuffer>;
    else if (field === 3) found.modRevision = number;
    else if (field === 5) found.value = part as Buffer<ArrayBuffer>;
  });
  return found;
}

export function decodeRange(bytes: Buffer): RangeRead {
  const entries: KeyValue[] = [];
  const found = { revision: 0, entries, more: false };
  readFields(bytes, (field, number, part) => {
    if (field === 1) found.revision = decodeRevision(part);
    else if (field === 2) entries.push(decodeKeyValue(part));
    else if (field === 3) found.more = number !== 0;
  });
  return found;
}

export function decodeValues(bytes: Buffer): ValuesRead {
  const spans: number[] = [];
  let [keyStart, keyEnd, more] = [0, 0, false];
  const visitEntry = (field: number, _: number | undefined, start: number, end: number): void => {
    if (field === 5) spans.push(start, end);
    else if (field === 1) [keyStart, keyEnd] = [start, end];
  };
  scanFields(bytes, 0, bytes.length, (field, number, start, end) => {
    if (field === 2) scanFields(bytes, start, end, visitEntry);
    else if (field === 3) more = number !== 0;
  });
  return { bytes, spans, lastKey: bytes.subarray(keyStart, keyEnd), more };
}

export function decodeTransaction(bytes: Buffer): TransactionDone {
  const ranges: RangeRead[] = [];
  const found = { revision: 0, succeeded: false, ranges };
  readFields(bytes, (field, number, part) => {
    if (field === 1) found.revision = decodeRevision(part);
    else if (field === 2) found.succeeded = number !== 0;
    else if (field === 3)
      readFields(part, (kind, _, answer) => {
        if (kind === 1) ranges.push(decodeRange(answer));
      });
  });
  return found;
}

function decodeEvent(bytes: Buffer): WatchEvent {
  let isDelete = false;
  let entry: KeyValue = { key: Buffer.alloc(0), value: Buffer.alloc(0), modRevision: 0 };
  readFields(bytes, (field, number, part) => {
    if (field === 1) isDelete = number === 1;
    else if (field === 2) entry = decodeKeyValue(part);
  });
  return { ...entry, isDelete };
}

export function decodeWatch(bytes: Buffer): WatchTold {
  const events: WatchEvent[] = [];
  const told = { revision: 0, created: false, canceled: false, reason: "", compacted: 0, events };
  readFields(bytes, (field, number, part) => {
    if (field === 1) told.revision = decodeRevision(part);
    else if (field === 3) told.created = number !== 0;
    else if (field === 4) told.canceled = number !== 0;
    else if (field === 5) told.compacted = number;
    else if (field === 6) told.reason = part.toString("utf8");
    else if (field === 11) events.push(decodeEvent(part));
  });
  return told;
}

/** The time that a renewed lease has, in seconds; 0 when there is no such lease. */
export function decodeLeaseTtl(bytes: Buffer): number {
  let ttl = 0;
  readFields(bytes, (field, number) => {
    if (field === 3) ttl = number;
  });
  return ttl;
}

export function decodeStatus(bytes: Buffer): MemberStatus {
  const errors: string[] = [];
  const status = { id: 0, leader: 0, version: "", dbBytes: 0, dbUsedBytes: 0, quotaBytes: 0, errors };
  readFields(bytes, (field, number, part) => {
    if (field === 1)
      readFields(part, (inner, id) => {
        if (inner === 2) status.id = id;
      });
    else if (field === 2) status.version = part.toString("utf8");
    else if (field === 3) status.dbBytes = number;
    else if (field === 4) status.leader = number;
    else if (field === 8) errors.push(part.toString("utf8"));
    else if (field === 9) status.dbUsedBytes = number;
    else if (field === 12) status.quotaBytes = number;
  });
  return status;
}

export function decodeMembers(bytes: Buffer): MemberEntry[] {
  const members: MemberEntry[] = [];
  readFields(bytes, (field, _, part) => {
    if (field !== 2) return;
    const clientUrls: string[] = [];
    const member = { id: 0, name: "", clientUrls };
    readFields(part, (inner, number, text) => {
      if (inner === 1) member.id = number;
      else if (inner === 2) member.name = text.toString("utf8");
      else if (inner === 4) clientUrls.push(text.toString("utf8"));
    });
    members.push(member);
  });
  return members;
}

export function decodeToken(bytes: Buffer): string {
  let token = "";
  readFields(bytes, (field, _, part) => {
    if (field === 2) token = part.toString("utf8");
  });
  return token;
}
