/** @live The service Config. */
import {
  type Account,
  type Bytes,
  type Command,
  fromBuffer,
  type Guard,
  type KeyRecord,
  type Outcome,
  ok,
  prefixEnd,
  type Receipt,
  refuse,
  sizeOf,
  succeeded,
  toBuffer,
} from "../../../../core/index.ts";
import { fromPrefix, refuseReserved } from "../../../../native/wire/reserved.ts";
import type { Method } from "../../../../net/grpc/method.ts";
import { encodePosition } from "../../../../net/routes/position.ts";
import { unary } from "../../calls.ts";
import type { Asker, Desk } from "../../desk.ts";
import type {
  DeleteRequest,
  GetRequest,
  ListRequest,
  PutRequest,
  TransactRequest,
} from "../../proto/generated/registry.ts";
import { toEntry } from "../../wire/changes.ts";
import { readLimit } from "../../wire/limit.ts";
import { readCurrent } from "../catalog/reads.ts";
import { readKey, readRange, readTransaction, toTransacted } from "./transaction.ts";

const PAGE_BYTES_MAX = 3 * 1024 * 1024;

async function get(desk: Desk, account: Account, { key, current }: GetRequest): Promise<Outcome<object>> {
  const name = readKey(key);
  if (!name.ok) return name;
  const found = await readCurrent(desk, current, (view) => ({
    record: view.entry(account, name.value),
    position: encodePosition(view.revision, desk.mark),
  }));
  if (!found.ok) return found;
  const { record, position } = found.value;
  return record === undefined ? refuse("not-found", "there is no such key") : ok({ entry: toEntry(record), position });
}

function list(desk: Desk, account: Account, { prefix, from, current, ...request }: ListRequest) {
  const within = bytesOf(prefix);
  const begin = refuseReserved(fromPrefix(within));
  if (!begin.ok) return begin;
  const limit = readLimit(request.limit);
  if (!limit.ok) return limit;
  const start = [begin.value, bytesOf(from)].sort().at(-1) as Bytes;
  return readCurrent(desk, current, (view) => {
    const entries: KeyRecord[] = [];
    let bytes = 0;
    let next = "";
    for (const record of view.entries(account, start, prefixEnd(within))) {
      if (entries.length >= limit.value || bytes > PAGE_BYTES_MAX) {
        next = toBuffer(record.key).toString("base64");
        break;
      }
      bytes += sizeOf(record);
      entries.push(record);
    }
    const position = encodePosition(view.revision, desk.mark);
    return { revision: view.revision, position, entries: entries.map(toEntry), next };
  });
}

function bytesOf(bytes: Uint8Array): Bytes {
  return fromBuffer(Buffer.from(bytes));
}

/** Proposes; `revision`: refused unless it is the key's, 0 for a key that is not there. */
async function proposeIf(
  asker: Asker,
  account: Account,
  key: Bytes,
  revision: bigint | undefined,
  command: Command,
): Promise<Outcome<Receipt>> {
  if (revision === undefined) return asker.propose(account, command);
  const guard: Guard = { on: "mod", key, is: "=", than: Number(revision) };
  const then = [command];
  const receipt = await asker.propose(account, { kind: "when", guards: [guard], then, otherwise: [] });
  if (!receipt.ok || succeeded(receipt.value)) return receipt;
  return revision === 0n
    ? refuse("exists", "the key already exists")
    : refuse("conflict", "the key is not at the revision that if_revision names");
}

async function put(_desk: Desk, account: Account, request: PutRequest, asker: Asker) {
  const { key, value, lease, ifRevision } = request;
  const name = readKey(key);
  if (!name.ok) return name;
  const command: Command = { kind: "put", key: name.value, value: bytesOf(value), lease: lease ?? null };
  const receipt = await proposeIf(asker, account, name.value, ifRevision, command);
  if (!receipt.ok) return receipt;
  const change = receipt.value.commit?.changes[0];
  const version = change?.kind === "key" ? (change.after?.version ?? 0) : 0;
  return ok({ revision: receipt.value.revision, version });
}

async function remove(
  _desk: Desk,
  account: Account,
  { what, ifRevision }: DeleteRequest,
  asker: Asker,
): Promise<Outcome<object>> {
  if (what.case === undefined) return refuse("invalid", "key or prefix is missing");
  const range = readRange(what);
  if (!range.ok) return range;
  if (ifRevision !== undefined && what.case !== "key") return refuse("invalid", "if_revision is of one key");
  const command: Command = { kind: "delete", ...range.value };
  const receipt = await proposeIf(asker, account, range.value.from, ifRevision, command);
  if (!receipt.ok) return receipt;
  return ok({ revision: receipt.value.revision, deleted: receipt.value.commit?.changes.length ?? 0 });
}

async function transact(_desk: Desk, account: Account, request: TransactRequest, asker: Asker) {
  const when = readTransaction(request);
  if (!when.ok) return when;
  const receipt = await asker.propose(account, when.value);
  return receipt.ok ? ok(toTransacted(when.value, receipt.value)) : receipt;
}

export const CONFIG: readonly Method<Desk>[] = [
  unary<GetRequest>("Config/Get", "reader", get),
  unary<ListRequest>("Config/List", "reader", list),
  unary<PutRequest>("Config/Put", "writer", put),
  unary<DeleteRequest>("Config/Delete", "writer", remove),
  unary<TransactRequest>("Config/Transact", "writer", transact),
];
