/** @live Handlers of configuration: one key, keys by prefix, transactions. */
import type { KeyBody } from "@rollcall/client";
import {
  type Bytes,
  type Command,
  fromBuffer,
  fromBytes,
  type Guard,
  type KeyRecord,
  type Outcome,
  prefixEnd,
  type Receipt,
  refuse,
  type Scope,
  sizeOf,
  succeeded,
  toBuffer,
  toBytes,
} from "../../../core/index.ts";
import { LEASE_LENGTH_MAX } from "../../../native/wire/fields.ts";
import { fromKeyCursor, toKeyBody, toKeyCursor } from "../../../native/wire/records.ts";
import { fromPrefix, refuseReserved } from "../../../native/wire/reserved.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Result } from "../../../net/routes/serve.ts";
import {
  encodeList,
  findUnchanged,
  PAGE_BYTES_MAX,
  toJson,
  toJsonBody,
  toState,
  toStateBody,
  toStateHeaders,
} from "../answers.ts";
import { type Exchange, signed } from "../desk.ts";
import { awaitChange } from "../follow/poll.ts";
import { decodeKey } from "../wire/keys.ts";
import { decodePage, decodeWait, type Page } from "../wire/query.ts";
import { type Condition, decodeCondition, encodeTag } from "../wire/tags.ts";
import { decodeTransaction, encodeTransacted } from "./transaction.ts";

/** The key that the raw rest of the path names. */
function keyOf({ tail }: Exchange): Outcome<Bytes> {
  const key = decodeKey(tail);
  return key.ok ? refuseReserved(key.value) : key;
}

/** GET …/config/<key>; `?raw` answers the bare bytes. */
export function getKey(exchange: Exchange): Result | Promise<Result> {
  const { desk, account, query } = exchange;
  const key = keyOf(exchange);
  if (!key.ok) return key;
  const wait = decodeWait(query, desk.mark);
  if (!wait.ok) return wait;
  const { waitMs } = wait.value;
  const now = desk.registry.read((view) => ({ record: view.entry(account, key.value), revision: view.revision }));
  const after = Math.min(wait.value.after ?? now.revision, now.revision);
  if (waitMs === 0 || (now.record?.modRevision ?? 0) > after) return toKey(exchange, key.value);
  // Waits from `after` itself, not from the revision of the key: a deleted key has none.
  const scope: Scope = { account, keys: { from: key.value } };
  return awaitChange(exchange, scope, after, waitMs, () => toKey(exchange, key.value));
}

function toKey(exchange: Exchange, key: Bytes): Result {
  const { desk, account, query } = exchange;
  const record = desk.registry.read((view) => view.entry(account, key));
  if (record === undefined) return refuse("not-found", "there is no such key");
  if (!query.has("raw")) return toState(exchange, record.modRevision, () => toKeyBody(record));
  const head = {
    "Content-Type": "application/octet-stream",
    // Browsers must not take a stored value for a page of this server.
    "X-Content-Type-Options": "nosniff",
    ...toStateHeaders(encodeTag(record.modRevision, desk.mark)),
  };
  return findUnchanged(exchange, record.modRevision) ?? { status: 200, head, body: toBuffer(record.value) };
}

/** Proposes a change of a key on the conditions of the request's headers. */
async function proposeGuarded(exchange: Exchange, key: Bytes, command: Command) {
  const { desk, account, request } = exchange;
  const condition = decodeCondition(request.header("if-match"), request.header("if-none-match"), desk.mark);
  if (!condition.ok) return condition;
  if (condition.value === undefined) return desk.registry.propose(account, signed(exchange, command));
  const guards = [toGuard(key, condition.value)];
  const guarded: Command = { kind: "when", guards, then: [command], otherwise: [] };
  const outcome = await desk.registry.propose(account, signed(exchange, guarded));
  if (!outcome.ok || succeeded(outcome.value)) return outcome;
  return condition.value === "absent"
    ? refuse("exists", "the key already exists")
    : refuse("conflict", "the key is not at the revision that If-Match names");
}

function toGuard(key: Bytes, condition: Condition): Guard {
  if (typeof condition === "number") return { on: "mod", key, is: "=", than: condition };
  return { on: "version", key, is: condition === "absent" ? "=" : ">", than: 0 };
}

/** PUT …/config/<key>: the body is the value. */
export async function putKey(exchange: Exchange): Promise<Result> {
  const { desk, account, query, tail, bytes } = exchange;
  const key = keyOf(exchange);
  if (!key.ok) return key;
  const lease = query.get("lease");
  if (lease === "" || (lease?.length ?? 0) > LEASE_LENGTH_MAX)
    return refuse("invalid", "query parameter lease must name a lease");
  const command: Command = { kind: "put", key: key.value, value: fromBuffer(bytes), lease: lease ?? null };
  const outcome = await proposeGuarded(exchange, key.value, command);
  if (!outcome.ok) return outcome;
  const change = outcome.value.commit?.changes[0];
  const record = change?.kind === "key" ? change.after : null;
  const { revision } = outcome.value;
  const created = change?.before === null;
  const body = { key: fromBytes(key.value), revision, version: record?.version ?? 0 };
  const headers = {
    ETag: encodeTag(revision, desk.mark),
    ...(created ? { Location: `/v2/${account}/config/${tail}` } : {}),
  };
  return toJson(body, created ? 201 : 200, headers);
}

/** DELETE …/config/<key>: gone already is as good as deleted. */
export async function deleteKey(exchange: Exchange): Promise<Result> {
  const key = keyOf(exchange);
  if (!key.ok) return key;
  return toDeleted(await proposeGuarded(exchange, key.value, { kind: "delete", from: key.value }));
}

function toDeleted(outcome: Outcome<Receipt>): Result {
  if (!outcome.ok) return outcome;
  return toJson({ revision: outcome.value.revision, deleted: outcome.value.commit?.changes.length ?? 0 });
}

/** DELETE …/config?prefix= */
export async function deleteKeys(exchange: Exchange): Promise<Result> {
  const { desk, account, query } = exchange;
  const prefix = query.get("prefix");
  if (prefix === undefined) return refuse("invalid", "query parameter prefix is missing; ?prefix= means all keys");
  const from = toBytes(prefix);
  const range = refuseReserved(fromPrefix(from));
  if (!range.ok) return range;
  const command: Command = { kind: "delete", from: range.value, to: prefixEnd(from) };
  return toDeleted(await desk.registry.propose(account, signed(exchange, command)));
}

/** GET …/config?prefix= */
export function listKeys(exchange: Exchange): Result | Promise<Result> {
  const { desk, account, query } = exchange;
  const prefix = toBytes(query.get("prefix") ?? "");
  const begin = refuseReserved(fromPrefix(prefix));
  if (!begin.ok) return begin;
  const page = decodePage(query);
  if (!page.ok) return page;
  const wait = decodeWait(query, desk.mark);
  if (!wait.ok) return wait;
  const { waitMs } = wait.value;
  const now = desk.registry.read((view) => view.revision);
  const answer = (): Answer => toKeys(exchange, begin.value, prefixEnd(prefix), page.value);
  if (waitMs === 0) return answer();
  const after = Math.min(wait.value.after ?? now, now);
  const keys = { from: begin.value, to: prefixEnd(prefix) };
  return awaitChange(exchange, { account, keys }, after, waitMs, answer);
}

function toKeys(exchange: Exchange, begin: Bytes, to: Bytes, { from, limit }: Page): Answer {
  const { desk, account } = exchange;
  // Keys beside the directory may change without another tag.
  const tag = desk.registry.read((view) => view.account(account)?.under(begin).revision ?? 0);
  return toStateBody(exchange, tag, () =>
    desk.registry.read((view) => {
      const start = from === "" ? begin : maxOf(begin, fromKeyCursor(from));
      const found: KeyRecord[] = [];
      let bytes = 0;
      let next: string | null = null;
      for (const record of view.entries(account, start, to)) {
        if (found.length >= limit || bytes > PAGE_BYTES_MAX) {
          next = toKeyCursor(record.key);
          break;
        }
        bytes += sizeOf(record);
        found.push(record);
      }
      return encodeList({ revision: view.revision }, "keys", toKeyBodies(found), { next });
    }),
  );
}

function* toKeyBodies(records: readonly KeyRecord[]): Iterable<KeyBody> {
  for (const record of records) yield toKeyBody(record);
}

function maxOf(a: string, b: string): string {
  return a > b ? a : b;
}

/** POST …/transactions */
export async function transact(exchange: Exchange): Promise<Result> {
  const { desk, account } = exchange;
  const decoded = decodeTransaction(exchange.json);
  if (!decoded.ok) return decoded;
  const outcome = await desk.registry.propose(account, signed(exchange, decoded.value));
  return outcome.ok ? toJsonBody(encodeTransacted(decoded.value, outcome.value)) : outcome;
}
