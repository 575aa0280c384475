/** Handlers of configuration: one key, keys by prefix, transactions. */
import {
  type Bytes,
  type Command,
  fromBuffer,
  type Guard,
  type KeyRecord,
  type Outcome,
  ok,
  prefixEnd,
  refuse,
  type Scope,
  toBuffer,
  toBytes,
} from "../../../core/index.ts";
import { answerJson, answerRefused, answerState, answerUnchanged, type Exchange } from "../desk.ts";
import { awaitChange } from "../follow/poll.ts";
import { LEASE_LENGTH_MAX } from "../leases/handlers.ts";
import { decodeCondition, decodeKey, encodeTag, type Json } from "../wire/json.ts";
import { decodePage, decodeWait, type Page } from "../wire/query.ts";
import { fromKeyCursor, toKeyBody, toKeyCursor } from "../wire/records.ts";
import { fromPrefix, refuseReserved } from "../wire/reserved.ts";
import { decodeTransaction, toTransactedBody } from "./transaction.ts";

/** The key that the raw rest of the path names. */
function keyOf({ tail }: Exchange): Outcome<Bytes> {
  const key = decodeKey(tail);
  return key.ok ? refuseReserved(key.value) : key;
}

/** GET …/config/<key>; `?raw` answers the bare bytes. */
export function getKey(exchange: Exchange): void {
  const { desk, account, query, reply } = exchange;
  const key = keyOf(exchange);
  if (!key.ok) return answerRefused(reply, key);
  const wait = decodeWait(query);
  if (!wait.ok) return answerRefused(reply, wait);
  const { waitMs } = wait.value;
  const now = desk.registry.read((view) => ({ record: view.entry(account, key.value), revision: view.revision }));
  const after = Math.min(wait.value.after ?? now.revision, now.revision);
  if (waitMs === 0 || (now.record?.modRevision ?? 0) > after) return answerKey(exchange, key.value);
  // From the very position: a deletion leaves nothing behind that could tell when it was.
  const scope: Scope = { account, keys: { from: key.value } };
  awaitChange(exchange, scope, after, waitMs, () => {
    answerKey(exchange, key.value);
    return true;
  });
}

function answerKey(exchange: Exchange, key: Bytes): void {
  const { desk, account, query, reply } = exchange;
  const record = desk.registry.read((view) => view.entry(account, key));
  if (record === undefined) return answerRefused(reply, refuse("not-found", "there is no such key"));
  if (!query.has("raw")) return answerState(exchange, record.modRevision, () => toKeyBody(record));
  if (answerUnchanged(exchange, record.modRevision)) return;
  const headers = {
    "Content-Type": "application/octet-stream",
    // What somebody stored is no page of this server.
    "X-Content-Type-Options": "nosniff",
    ETag: encodeTag(record.modRevision),
    "Cache-Control": "no-cache",
  };
  reply.send(200, headers, toBuffer(record.value));
}

/** The guards that the condition headers ask for. */
function readGuards({ request }: Exchange, key: Bytes): Outcome<readonly Guard[]> {
  const match = request.header("if-match");
  const none = request.header("if-none-match");
  if (match === undefined && none === undefined) return ok([]);
  if (none !== undefined) {
    if (none.trim() !== "*" || match !== undefined)
      return refuse("invalid", "If-None-Match must be *, and cannot stand with If-Match");
    return ok([{ on: "version", key, is: "=", than: 0 }]);
  }
  const wanted = decodeCondition(match as string, "If-Match");
  if (!wanted.ok) return wanted;
  return ok([
    wanted.value === "any" ? { on: "version", key, is: ">", than: 0 } : { on: "mod", key, is: "=", than: wanted.value },
  ]);
}

async function proposeGuarded(exchange: Exchange, key: Bytes, command: Command) {
  const { desk, account } = exchange;
  const guards = readGuards(exchange, key);
  if (!guards.ok) return guards;
  if (guards.value.length === 0) return desk.registry.propose(account, command);
  const outcome = await desk.registry.propose(account, {
    kind: "when",
    guards: guards.value,
    then: [command],
    otherwise: [],
  });
  if (outcome.ok && outcome.value.result.kind === "when" && !outcome.value.result.succeeded)
    return exchange.request.header("if-none-match") === undefined
      ? refuse("conflict", "the key is not at the revision that If-Match names")
      : refuse("exists", "the key already exists");
  return outcome;
}

/** PUT …/config/<key>: the body is the value. */
export async function putKey(exchange: Exchange, _json: Json, value: Buffer): Promise<void> {
  const { account, query, reply, tail } = exchange;
  const key = keyOf(exchange);
  if (!key.ok) return answerRefused(reply, key);
  const lease = query.get("lease");
  if (lease === "" || (lease?.length ?? 0) > LEASE_LENGTH_MAX)
    return answerRefused(reply, refuse("invalid", "query parameter lease must name a lease"));
  const command: Command = { kind: "put", key: key.value, value: fromBuffer(value), lease: lease ?? null };
  const outcome = await proposeGuarded(exchange, key.value, command);
  if (!outcome.ok) return answerRefused(reply, outcome);
  const change = outcome.value.commit?.changes[0];
  const record = change?.kind === "key" ? change.after : null;
  const { revision } = outcome.value;
  const created = change?.before === null;
  const body = { key: toKeyBody(record ?? emptyRecord(key.value)).key, revision, version: record?.version ?? 0 };
  const headers = { ETag: encodeTag(revision), ...(created ? { Location: `/v2/${account}/config/${tail}` } : {}) };
  answerJson(reply, created ? 201 : 200, body, headers);
}

function emptyRecord(key: Bytes): KeyRecord {
  return { key, value: "", lease: null, version: 0, createRevision: 0, modRevision: 0, stampMs: 0, origin: "" };
}

/** DELETE …/config/<key>: gone already is as good as deleted. */
export async function deleteKey(exchange: Exchange): Promise<void> {
  const { reply } = exchange;
  const key = keyOf(exchange);
  if (!key.ok) return answerRefused(reply, key);
  const outcome = await proposeGuarded(exchange, key.value, { kind: "delete", from: key.value });
  if (!outcome.ok) return answerRefused(reply, outcome);
  answerJson(reply, 200, { revision: outcome.value.revision, deleted: outcome.value.commit?.changes.length ?? 0 });
}

/** DELETE …/config?prefix= */
export async function deleteKeys(exchange: Exchange): Promise<void> {
  const { desk, account, query, reply } = exchange;
  const prefix = query.get("prefix");
  if (prefix === undefined)
    return answerRefused(reply, refuse("invalid", "query parameter prefix is missing; ?prefix= means all keys"));
  const from = toBytes(prefix);
  const range = refuseReserved(fromPrefix(from));
  if (!range.ok) return answerRefused(reply, range);
  const outcome = await desk.registry.propose(account, { kind: "delete", from: range.value, to: prefixEnd(from) });
  if (!outcome.ok) return answerRefused(reply, outcome);
  answerJson(reply, 200, { revision: outcome.value.revision, deleted: outcome.value.commit?.changes.length ?? 0 });
}

/** GET …/config?prefix= */
export function listKeys(exchange: Exchange): void {
  const { desk, account, query, reply } = exchange;
  const prefix = toBytes(query.get("prefix") ?? "");
  const begin = refuseReserved(fromPrefix(prefix));
  if (!begin.ok) return answerRefused(reply, begin);
  const page = decodePage(query);
  if (!page.ok) return answerRefused(reply, page);
  const wait = decodeWait(query);
  if (!wait.ok) return answerRefused(reply, wait);
  const { waitMs } = wait.value;
  const now = desk.registry.read((view) => view.revision);
  const answer = (): boolean => {
    answerKeys(exchange, begin.value, prefixEnd(prefix), page.value);
    return true;
  };
  const after = Math.min(wait.value.after ?? now, now);
  if (waitMs === 0) answer();
  else awaitChange(exchange, { account, keys: { from: begin.value, to: prefixEnd(prefix) } }, after, waitMs, answer);
}

/** An answer of keys ends early when their values pass this. */
const PAGE_BYTES_MAX = 8 * 1024 * 1024;

function answerKeys(exchange: Exchange, begin: Bytes, to: Bytes, { from, limit }: Page): void {
  const { desk, account } = exchange;
  // Any key may have changed since: the account's revision of keys is the tag.
  const tag = desk.registry.read((view) => view.account(account)?.keysRevision ?? 0);
  answerState(exchange, tag, () =>
    desk.registry.read((view) => {
      const start = from === "" ? begin : maxOf(begin, fromKeyCursor(from));
      const found: KeyRecord[] = [];
      let size = 0;
      let next: string | null = null;
      for (const record of view.entries(account, start, to)) {
        if (found.length >= limit || size > PAGE_BYTES_MAX) {
          next = toKeyCursor(record.key);
          break;
        }
        size += record.value.length;
        found.push(record);
      }
      return { revision: view.revision, keys: found.map(toKeyBody), next };
    }),
  );
}

function maxOf(a: string, b: string): string {
  return a > b ? a : b;
}

/** POST …/transactions */
export async function transact(exchange: Exchange, json: Json): Promise<void> {
  const { desk, account, reply } = exchange;
  const decoded = decodeTransaction(json);
  if (!decoded.ok) return answerRefused(reply, decoded);
  const outcome = await desk.registry.propose(account, decoded.value);
  if (!outcome.ok) return answerRefused(reply, outcome);
  answerJson(reply, 200, toTransactedBody(decoded.value, outcome.value));
}
