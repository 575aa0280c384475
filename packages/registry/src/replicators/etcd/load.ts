/** @live The state as it lies in etcd: all at one revision of it, the rows, and the log after the marker laid over them. */
import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type Commit,
  type Outcome,
  ok,
  type Position,
  type Restored,
  type Revision,
  refuse,
} from "../../core/index.ts";
import type { Ages } from "../../records/ageing.ts";
import { encodeMeta } from "../../records/meta.ts";
import type { DirtyRows } from "../../records/state/row-name.ts";
import { StateRows, Tail } from "../../records/state/rows.ts";
import type { Client } from "./client/client.ts";
import type { KeyValue, Operation, RangeAsked, RangeRead } from "./client/messages.ts";
import {
  encodeFloor,
  encodePosition,
  type Identity,
  type Keys,
  readAges,
  readFloor,
  readIdentity,
  readPosition,
  readTop,
  type Top,
} from "./keys.ts";
import type { LogReader } from "./log/reader.ts";
import { Damaged, EtcdRefused } from "./refused.ts";

export interface Loaded {
  /** The revision of etcd that all this is of. */
  readonly revision: number;
  readonly line: string;
  readonly top: Top;
  /** Of etcd, that wrote `top`: what the next group is guarded by. */
  readonly topRevision: number;
  readonly marker: Position;
  readonly dirty: DirtyRows;
  readonly nodes: readonly KeyValue[];
  readonly holder: KeyValue | undefined;
  readonly restored: Restored;
}

/** What is at the head of an order. */
export interface Head {
  readonly revision: number;
  readonly line: string;
  readonly top: Top;
  readonly topRevision: number;
  readonly floor: Revision;
  readonly marker: Position;
}

const PAGE_ROWS = 4000;
const RECENT_COMMITS = 2048;

/** Refused when there is no order in this etcd. */
export async function readHead(client: Client, keys: Keys): Promise<Outcome<Head>> {
  const asked = [keys.identity, keys.top, keys.floor, keys.marker].map((key) => ({ key }));
  const { revision, ranges } = await client.inspect(asked);
  const [identity, top, floor, marker] = ranges.map((range) => range.entries[0]);
  if (identity === undefined && top !== undefined)
    return refuse("not-found", "a restore into it did not come to its end: restore the backup once more");
  if (identity === undefined) return refuse("not-found", "it holds no registry");
  if (top === undefined || floor === undefined || marker === undefined) throw new Damaged("a part of it was deleted");
  return ok({
    revision,
    line: readIdentity(identity.value).line,
    top: readTop(top.value),
    topRevision: top.modRevision,
    floor: readFloor(floor.value),
    marker: readPosition(marker.value),
  });
}

/** Begins an order, unless another node does. */
export async function begin(client: Client, keys: Keys, nowMs: number): Promise<void> {
  const start = { revision: 0, orderMs: 0, nth: 0 };
  const identity: Identity = { program: "rollcall", line: randomUUID(), createdAtMs: nowMs };
  const put = (key: Buffer, value: Buffer) => ({ kind: "put", key, value }) as const;
  await client.transact({
    guards: [keys.identity, keys.top].map((key) => ({ key, modRevision: 0 })),
    then: [
      put(keys.identity, encodeMeta(identity)),
      put(keys.top, encodeMeta({ ...start, group: "" })),
      put(keys.floor, encodeFloor(0)),
      put(keys.marker, encodePosition(start)),
    ],
  });
}

export async function readStoredAges(client: Client, keys: Keys): Promise<Ages> {
  return readAges((await client.range({ key: keys.ages })).entries[0]?.value);
}

interface Page {
  readonly more: boolean;
  readonly lastKey: Buffer;
}

/** The next page is asked for before one is given: etcd reads it while this one is looked at. */
async function* inPages<P extends Page>(from: Buffer, askFor: (key: Buffer) => Promise<P>): AsyncGenerator<P> {
  const ask = (key: Buffer): Promise<P> => {
    const page = askFor(key);
    // Told when it is awaited, if ever.
    page.catch(() => {});
    return page;
  };
  for (let next: Promise<P> | undefined = ask(from); next !== undefined; ) {
    const page: P = await next;
    next = page.more ? ask(Buffer.concat([page.lastKey, Buffer.alloc(1)])) : undefined;
    // The question leaves with the turn.
    if (next !== undefined) await nextTurn();
    yield page;
  }
}

export function pages(client: Client, asked: RangeAsked): AsyncGenerator<RangeRead> {
  return inPages(asked.key, async (key) => {
    const page = await client.range({ ...asked, key, limit: PAGE_ROWS });
    return { ...page, lastKey: page.entries.at(-1)?.key ?? key };
  });
}

/** Of an order that is there (`head`). Rejects when etcd forgets that revision meanwhile: then it is to be tried again. */
export async function load(client: Client, keys: Keys, reader: LogReader, head: Head): Promise<Loaded> {
  const { revision, marker, floor, top } = head;
  const rows = new StateRows();
  const after = Math.max(floor, top.revision - RECENT_COMMITS);
  const older = readOlder(reader, after, marker.revision);
  const ask = (key: Buffer) => client.values({ ...keys.rows, key, revision, limit: PAGE_ROWS });
  for await (const { bytes, spans } of inPages(keys.rows.key, ask))
    for (let at = 0; at < spans.length; at += 2) {
      const added = rows.add(bytes, spans[at], spans[at + 1]);
      if (!added.ok) throw new Damaged(added.detail);
    }
  const commits: Commit[] = [];
  for await (const group of reader.groups(marker.revision + 1, revision)) commits.push(...group.commits);
  const tail = new Tail(commits, marker, rows);
  if (tail.last.revision !== top.revision) throw new Damaged("the end of its log is missing");
  const recent = [...(await older), ...commits.slice(-RECENT_COMMITS)].filter((commit) => commit.revision > after);
  const nodes = await client.range({ ...keys.nodes, revision });
  const holder = await client.range({ key: keys.holder, revision });
  return {
    ...head,
    nodes: nodes.entries,
    holder: holder.entries[0],
    dirty: tail.dirty,
    restored: {
      ...tail.last,
      floor,
      accounts: tail.accounts.values(),
      leases: rows.leasesUnder(tail),
      instances: rows.instancesUnder(tail),
      keys: rows.keysUnder(tail),
      recent,
    },
  };
}

/** etcd takes 128 operations in one transaction, and requests of 1.5 MiB. */
const SLICE_OPERATIONS = 120;
const SLICE_BYTES = 512 * 1024;

/** So many writes at a time as fit into one transaction. */
export function* slicesOf(writes: Iterable<Operation>): Iterable<readonly Operation[]> {
  let slice: Operation[] = [];
  let bytes = 0;
  for (const write of writes) {
    const length = write.kind === "put" ? write.value.length : 0;
    if (slice.length > 0 && (slice.length >= SLICE_OPERATIONS || bytes + length > SLICE_BYTES)) {
      yield slice;
      [slice, bytes] = [[], 0];
    }
    slice.push(write);
    bytes += length;
  }
  if (slice.length > 0) yield slice;
}

/** Commits after `after` that the rows hold; read beside them. */
function readOlder(reader: LogReader, after: Revision, marker: Revision): Promise<readonly Commit[]> {
  if (after >= marker) return Promise.resolve([]);
  const older = reader.history(after, marker, RECENT_COMMITS, Number.POSITIVE_INFINITY);
  // Told when it is awaited, if ever.
  older.catch(() => {});
  return older;
}

/** Whether this is the order that a node knew up to `known`; a sentence when it is not. */
export function judgeHead(head: Outcome<Head>, line: string, known: Revision): EtcdRefused | undefined {
  if (!head.ok)
    return new EtcdRefused(
      `it was emptied: ${head.detail}, and this node knew it up to revision ${known}. Fill it from a backup: rollcall restore <backup file> --replicator etcd, with the --etcd of the nodes`,
    );
  if (head.value.line !== line) return new EtcdRefused("it holds another registry than the one that this node knew");
  if (head.value.top.revision < known)
    return new EtcdRefused(
      `it was set back: it ends with revision ${head.value.top.revision}, and this node knew it up to ${known}`,
    );
  return undefined;
}
