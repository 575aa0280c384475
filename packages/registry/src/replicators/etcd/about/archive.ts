/** @live A whole registry out of etcd, and into it. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Commit,
  type Outcome,
  ok,
  positionAfter,
  type Revision,
  refuse,
  SYSTEM_ACCOUNT,
} from "../../../core/index.ts";
import {
  type Archive,
  type ArchivedGroup,
  type ArchivedRows,
  type Progress,
  REVISION_JUMP,
} from "../../../records/archive.ts";
import { ByteWriter } from "../../../records/bytes.ts";
import { decodeGroup, encodeGroup } from "../../../records/group.ts";
import { encodeMeta } from "../../../records/meta.ts";
import { sayFailure } from "../client/channel.ts";
import { Client, type ClientOptions, isUnknown } from "../client/client.ts";
import type { Guard, Operation, Transaction, TransactionDone } from "../client/messages.ts";
import { encodeFloor, encodePosition, type Identity, Keys, readIdentity, readTop } from "../keys.ts";
import { pages, readHead, slicesOf } from "../load.ts";
import { PART_BYTES } from "../log/appender.ts";
import { encodeEnvelope } from "../log/envelope.ts";
import { LogReader } from "../log/reader.ts";
import { readKnown } from "../memory.ts";
import { Damaged, EtcdRefused } from "../refused.ts";

/** All of it at one revision of etcd. Reading rejects when etcd forgets that meanwhile. */
export async function toArchive(client: Client, keys: Keys): Promise<Archive> {
  const head = await readHead(client, keys);
  if (!head.ok) throw new EtcdRefused(head.detail);
  const { revision: at, line, top, marker } = head.value;
  const [identity] = (await client.range({ key: keys.identity, revision: at })).entries;
  if (identity === undefined) throw new Damaged("its identity is missing");

  async function* rows(): AsyncGenerator<ArchivedRows> {
    for await (const { entries } of pages(client, { ...keys.rows, revision: at }))
      yield entries.map(({ key, value }) => [key.subarray(keys.rows.key.length), value] as const);
  }

  async function* groups(): AsyncGenerator<ArchivedGroup> {
    const out = new ByteWriter();
    for await (const { first, commits } of new LogReader(client, keys).groups(marker.revision + 1, at))
      yield { first, bytes: Buffer.from(encodeGroup(out, commits)) };
  }

  const { createdAtMs } = readIdentity(identity.value);
  return { line, createdAtMs, marker, revision: top.revision, rows: rows(), groups: groups() };
}

export interface RestoreOptions extends ClientOptions {
  readonly prefix: string;
  /** Where nodes that run here remember what they knew. */
  readonly dataDir: string;
  /** Deletes the registry that is there. */
  readonly force: boolean;
  readonly onProgress?: Progress;
  /** For the progress: about what all of it takes. */
  readonly bytes?: number;
}

/**
 * Makes this the registry in etcd, and answers the revision from which it goes on. It is none before it is whole: a start
 * meanwhile, or after a restore that broke off, is refused with a sentence. `exists` when there is one, `conflict` while
 * nodes use it.
 */
export async function restoreArchive(archive: Archive, options: RestoreOptions): Promise<Outcome<Revision>> {
  const client = new Client(options);
  try {
    return await new Restore(client, options).run(archive);
  } catch (error) {
    return refuse("unavailable", `cannot restore into etcd (${options.endpoints.join(", ")}): ${sayFailure(error)}`);
  } finally {
    client.close();
  }
}

const PATIENCE_MS = 20_000;
const RETRY_MS = 200;

class Restore {
  readonly #client: Client;
  readonly #options: RestoreOptions;
  readonly #keys: Keys;
  readonly #id = `restore-${randomUUID()}`;
  /** That nobody else is at it: the end of the order as this has set it. */
  #lock: Guard;
  #doneBytes = 0;

  constructor(client: Client, options: RestoreOptions) {
    this.#client = client;
    this.#options = options;
    this.#keys = new Keys(options.prefix);
    this.#lock = { key: this.#keys.top, modRevision: 0 };
  }

  async run(archive: Archive): Promise<Outcome<Revision>> {
    const begun = await this.#begin(archive);
    if (!begun.ok) return begun;
    for await (const rows of archive.rows) await this.#writeRows(rows);
    await this.#writeGroups(archive, begun.value);
    return begun;
  }

  /** Looks whether it may be done, takes away what is there, and answers the revision that comes next. */
  async #begin(archive: Archive): Promise<Outcome<Revision>> {
    const { identity, top, nodes, floor, marker, ages, rows, allParts } = this.#keys;
    const found = await this.#client.inspect([{ key: identity }, { key: top }, nodes]);
    const [known, end] = found.ranges.map(({ entries }) => entries[0]);
    const there = (found.ranges[2]?.entries ?? []).map(({ key }) => this.#keys.nodeOf(key));
    if (there.length > 0)
      return refuse("conflict", `it is in use by the node ${there.join(", ")}: stop all nodes first`);
    const last = end === undefined ? 0 : readTop(end.value).revision;
    const where = `${this.#options.endpoints[0]} below ${this.#options.prefix}`;
    if (known !== undefined && !this.#options.force)
      return refuse("exists", `there is a registry at ${where}, up to revision ${last}; with --force it is deleted`);
    const remembered = readKnown(this.#options.dataDir);
    const seen = remembered?.line === archive.line ? remembered.revision : 0;
    const revision = Math.max(archive.revision, last, seen) + REVISION_JUMP;
    await this.#take(end?.modRevision ?? 0, revision);
    const single = [identity, floor, marker, ages].map((key) => ({ key }));
    const all = [...single, rows, allParts, this.#keys.groups(0)];
    await this.#write(all.map((range) => ({ kind: "delete", ...range })));
    return ok(revision);
  }

  /** From here on no other restore writes anything, and no start begins an order. */
  async #take(topRevision: number, revision: Revision): Promise<void> {
    const key = this.#keys.top;
    const value = encodeMeta({ revision, orderMs: 0, nth: 0, group: this.#id });
    const done = await this.#tell({
      guards: [{ key, modRevision: topRevision }],
      then: [
        { kind: "delete", key: this.#keys.identity },
        { kind: "put", key, value },
      ],
      otherwise: [{ kind: "range", range: { key } }],
    });
    // Done by a try that had no answer.
    const mine = done.ranges[0]?.entries[0];
    const isMine = mine !== undefined && readTop(mine.value).group === this.#id;
    if (!done.succeeded && !isMine) throw new EtcdRefused("it was changed meanwhile");
    this.#lock = { key, modRevision: done.succeeded ? done.revision : (mine?.modRevision ?? 0) };
  }

  async #writeRows(rows: ArchivedRows): Promise<void> {
    const operations = rows.map(([name, value]) => ({ kind: "put", key: this.#keys.row(name), value }) as const);
    for (const slice of slicesOf(operations)) await this.#write(slice);
    this.#report(rows.reduce((sum, [name, row]) => sum + name.length + row.length, 0));
  }

  /** What the rows lack, then a commit without changes where the order goes on, and with it the order itself. */
  async #writeGroups({ line, createdAtMs, marker, groups }: Archive, revision: Revision): Promise<void> {
    let last = marker;
    let after = "";
    for await (const { first, bytes } of groups) {
      const commits = decodeGroup(bytes);
      if (!commits.ok) throw new Damaged(commits.detail);
      last = positionAfter(commits.value.at(-1) as Commit);
      after = await this.#writeGroup(first, bytes, after);
      this.#report(bytes.length);
    }
    const { orderMs, nth } = last;
    const end: Commit = { revision, account: SYSTEM_ACCOUNT, atMs: orderMs, orderMs, nth, changes: [] };
    after = await this.#writeGroup(revision, Buffer.from(encodeGroup(new ByteWriter(), [end])), after);
    const identity: Identity = { program: "rollcall", line, createdAtMs };
    const put = (key: Buffer, value: Buffer) => ({ kind: "put", key, value }) as const;
    const done = await this.#tell({
      guards: [this.#lock],
      then: [
        put(this.#keys.identity, encodeMeta(identity)),
        put(this.#keys.marker, encodePosition(marker)),
        put(this.#keys.floor, encodeFloor(revision)),
        put(this.#keys.top, encodeMeta({ ...positionAfter(end), group: after })),
      ],
      otherwise: [{ kind: "range", range: { key: this.#keys.top } }],
    });
    const top = done.ranges[0]?.entries[0];
    if (!done.succeeded && !(top !== undefined && readTop(top.value).group === after))
      throw new EtcdRefused("it was changed meanwhile");
  }

  /** Answers its id. */
  async #writeGroup(first: Revision, bytes: Buffer, after: string): Promise<string> {
    const id = `${this.#id}-${first}`;
    const parts = bytes.length <= PART_BYTES ? 0 : Math.ceil(bytes.length / PART_BYTES);
    for (let nth = 0; nth < parts; nth++) {
      const value = bytes.subarray(nth * PART_BYTES, (nth + 1) * PART_BYTES);
      await this.#write([{ kind: "put", key: this.#keys.part(id, nth), value }]);
    }
    const value = encodeEnvelope({ id, after, parts, sent: [], body: parts === 0 ? bytes : Buffer.alloc(0) });
    await this.#write([{ kind: "put", key: this.#keys.group(first), value }]);
    return id;
  }

  async #write(then: readonly Operation[]): Promise<void> {
    const done = await this.#tell({ guards: [this.#lock], then });
    if (!done.succeeded) throw new EtcdRefused("something else restores into it, or has deleted it");
  }

  /** Until there is an answer: what is told twice does the same, or finds that it is done. */
  async #tell(transaction: Transaction): Promise<TransactionDone> {
    const untilMs = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.#client.transact(transaction);
      } catch (error) {
        if (!isUnknown(error) || performance.now() > untilMs) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  #report(bytes: number): void {
    this.#doneBytes += bytes;
    this.#options.onProgress?.("copy", this.#doneBytes, this.#options.bytes ?? this.#doneBytes);
  }
}
