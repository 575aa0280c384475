/**
 * @live Handler of the versions of a key, those before it was deleted, too. The record that is there names the commit that
 * wrote it, whose change names the one before: a chain as far as the key was created. What was before that is searched for.
 */
import type { EventBody, KeyBody, KeyHistoryBody, KeyVersionBody } from "@rollcall/client";
import {
  type Bytes,
  type Change,
  type Commit,
  fromBytes,
  type KeyRecord,
  type Outcome,
  ok,
  type Revision,
  subjectOf,
} from "../../../core/index.ts";
import { decodeEventCursor, toEventBody, toEventId } from "../../../native/wire/commits.ts";
import { refuseReserved } from "../../../native/wire/reserved.ts";
import { ELSEWHERE } from "../../../net/routes/position.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { encodeList, GATHERED_BYTES_MAX, OF_ANOTHER, toJsonBody } from "../answers.ts";
import type { Exchange } from "../desk.ts";
import { NO_CURSOR } from "../follow/events.ts";
import { Feed } from "../follow/feed.ts";
import { decodeKey } from "../wire/keys.ts";
import { decodePage } from "../wire/query.ts";

const VERSIONS_DEFAULT = 100;

/** GET …/config-history/<key> */
export async function getKeyHistory(exchange: Exchange): Promise<Result> {
  const { desk, account, query, tail } = exchange;
  const decoded = decodeKey(tail);
  const key = decoded.ok ? refuseReserved(decoded.value) : decoded;
  if (!key.ok) return key;
  const page = decodePage(query, VERSIONS_DEFAULT);
  if (!page.ok) return page;
  const text = query.get("before");
  const before = text === undefined ? undefined : decodeEventCursor(text, desk.mark);
  if (text !== undefined && before === undefined) return NO_CURSOR;
  if (before?.revision === ELSEWHERE) return OF_ANOTHER;
  const found = await desk.readers.read(account, () =>
    versionsOf(exchange, key.value, before?.revision, page.value.limit),
  );
  if (!found.ok) return found;
  const { versions, next } = found.value;
  const oldest = await new Feed(exchange, { filter: () => false, brief: true }).oldest();
  const head: Pick<KeyHistoryBody, "key"> = { key: fromBytes(key.value) };
  return toJsonBody(encodeList(head, "versions", versions, { next, oldest }));
}

interface Versions {
  readonly versions: readonly KeyVersionBody[];
  readonly next: string | null;
}

/** Latest first: those with revisions below this. */
async function versionsOf(
  exchange: Exchange,
  key: Bytes,
  before: Revision | undefined,
  limit: number,
): Promise<Outcome<Versions>> {
  const { desk } = exchange;
  const { registry, mark } = desk;
  const at = before === undefined ? undefined : before - 1;
  if (at !== undefined && at <= registry.floor) return ok({ versions: [], next: null });
  const record = await recordAt(exchange, key, at);
  if (!record.ok) return record;
  const chain = await chainOf(exchange, key, record.value, limit);
  const { versions, left } = chain;
  if (chain.isFull) return ok({ versions, next: left === null ? null : toEventId(left, 0, mark) });
  const top = left ?? before;
  const filter = (change: Change): boolean => change.kind === "key" && subjectOf(change).key === key;
  const feed = new Feed(exchange, { filter, brief: false });
  const range = { after: undefined, since: 0, before: top === undefined ? undefined : { revision: top, index: 0 } };
  const more = await feed.read(range, limit - versions.length);
  if (!more.ok) return more;
  const searched = more.value.events.map((text) => toVersion(JSON.parse(text) as EventBody)).reverse();
  return ok({ versions: [...versions, ...searched], next: more.value.next });
}

/** As it is, or as it was: then history has to be asked. */
async function recordAt(
  { desk: { registry }, account }: Exchange,
  key: Bytes,
  at: Revision | undefined,
): Promise<Outcome<KeyRecord | undefined>> {
  const now = registry.read((view) => ({ record: view.entry(account, key), revision: view.revision }));
  if (at === undefined || at >= now.revision) return ok(now.record);
  if (now.record !== undefined && now.record.modRevision <= at) return ok(now.record);
  const past = await registry.past(account, { from: key }, at);
  return past.ok ? ok(past.value.entries[0]) : past;
}

interface Chain {
  readonly versions: readonly KeyVersionBody[];
  /** Nothing more fits, or is known. */
  readonly isFull: boolean;
  /** Below this revision nothing was looked at; null where history knows no more. */
  readonly left: Revision | null;
}

/** From a record back to the one that was created. */
async function chainOf(
  { desk: { registry, around }, account }: Exchange,
  key: Bytes,
  record: KeyRecord | undefined,
  limit: number,
): Promise<Chain> {
  const versions: KeyVersionBody[] = [];
  let bytes = 0;
  let next = record;
  let left: Revision | null = null;
  while (next !== undefined) {
    if (versions.length >= limit || bytes > GATHERED_BYTES_MAX) return { versions, isFull: true, left };
    const { modRevision } = next;
    const page = modRevision > registry.floor ? await registry.history(modRevision - 1, 1) : undefined;
    const commit: Commit | undefined = page?.ok ? page.value[0] : undefined;
    if (commit?.revision !== modRevision || commit.account !== account) return { versions, isFull: true, left: null };
    const changes = [...commit.changes.entries()].reverse();
    const found = changes.filter(([, change]) => change.kind === "key" && subjectOf(change).key === key);
    for (const [index, change] of found) {
      versions.push(toVersion(toEventBody(commit, index, around)));
      bytes += change.kind === "key" ? (change.after?.value.length ?? 0) : 0;
    }
    const first = found.at(-1)?.[1];
    if (first?.kind !== "key") return { versions, isFull: true, left: null };
    left = modRevision;
    next = first.before ?? undefined;
  }
  return { versions, isFull: versions.length >= limit, left };
}

function toVersion({ revision, at, type, reason, by, after }: EventBody): KeyVersionBody {
  const is = (after ?? null) as KeyBody | null;
  const value = is === null ? null : is.value;
  const encoded = is?.valueBase64;
  const size = encoded === undefined ? Buffer.byteLength(value ?? "") : Buffer.byteLength(encoded, "base64");
  return {
    ...{ revision, at, version: is?.version ?? 0, deleted: is === null, cause: type.slice("key.".length), reason, by },
    ...{ value, size, lease: is?.lease ?? null },
    ...(encoded !== undefined && { valueBase64: encoded }),
  };
}
