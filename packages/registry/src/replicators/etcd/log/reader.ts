/** @live Reads the log of groups, page by page. */
import { type Commit, type Revision, sizeOfCommit } from "../../../core/index.ts";
import { decodeGroup } from "../../../records/group.ts";
import type { Client } from "../client/client.ts";
import type { KeyValue } from "../client/messages.ts";
import type { Keys } from "../keys.ts";
import { Damaged, Missed } from "../refused.ts";
import { decodeEnvelope, type Sent } from "./envelope.ts";

export interface Group {
  readonly id: string;
  /** The group before it; empty for the first one. */
  readonly after: string;
  readonly first: Revision;
  readonly commits: readonly Commit[];
  /** What it takes in etcd, about. */
  readonly bytes: number;
  readonly parts: number;
  /** Those of its commits that were decided for others. */
  readonly sent: readonly Sent[];
  /** The revision of etcd that wrote it. */
  readonly modRevision: number;
}

/** Groups take 1.5 MiB at most. */
const PAGE_GROUPS = 24;
/**
 * A group is found by ever wider ranges below a revision: where the narrow one has none the wider one has few, as a group
 * has up to 4096 commits.
 */
const WIDTHS = [16, 256, 8192, 131_072, Number.POSITIVE_INFINITY];

export class LogReader {
  readonly #client: Client;
  readonly #keys: Keys;

  constructor(client: Client, keys: Keys) {
    this.#client = client;
    this.#keys = keys;
  }

  /** The group that lies under a key. Its parts are read when it has any. */
  async open({ key, value, modRevision }: KeyValue): Promise<Group> {
    const envelope = decodeEnvelope(value);
    if (!envelope.ok) throw new Damaged(envelope.detail);
    const { id, after, parts, sent } = envelope.value;
    const body = parts === 0 ? envelope.value.body : await this.#join(id, parts);
    const commits = decodeGroup(body);
    const first = this.#keys.firstOf(key);
    if (!commits.ok) throw new Damaged(commits.detail);
    if (first === undefined || commits.value[0]?.revision !== first)
      throw new Damaged("a group is not where it belongs");
    return {
      id,
      after,
      first,
      commits: commits.value,
      bytes: value.length + (parts === 0 ? 0 : body.length),
      parts,
      sent,
      modRevision,
    };
  }

  async #join(id: string, parts: number): Promise<Buffer> {
    const bodies: Buffer[] = [];
    for (let nth = 0; nth < parts; nth++) {
      const [part] = (await this.#client.range({ key: this.#keys.part(id, nth) })).entries;
      if (part === undefined) throw new Missed(`part ${nth} of the group ${id} is missing`);
      bodies.push(part.value);
    }
    return Buffer.concat(bodies);
  }

  /** Groups that begin with `from` or later, oldest first; as they were at the revision of etcd, when one is given. */
  async *groups(from: Revision, at?: number): AsyncGenerator<Group> {
    let next = from;
    for (;;) {
      const page = await this.#client.range({
        ...this.#keys.groups(next),
        limit: PAGE_GROUPS,
        ...(at === undefined ? {} : { revision: at }),
      });
      for (const entry of page.entries) {
        const group = await this.open(entry);
        next = group.first + 1;
        yield group;
      }
      if (!page.more) return;
    }
  }

  /** The group that holds this revision, and all after it. */
  async *groupsWith(revision: Revision): AsyncGenerator<Group> {
    yield* this.groups((await this.groupBefore(revision))?.first ?? revision);
  }

  /** The last group that begins with `revision` or before. */
  async groupBefore(revision: Revision): Promise<Group | undefined> {
    for (const width of WIDTHS) {
      const from = Math.max(0, revision + 1 - width);
      const found = await this.#client.range({ ...this.#keys.groups(from, revision + 1), keysOnly: true });
      const last = found.entries.at(-1);
      if (last === undefined && from > 0) continue;
      if (last === undefined) return undefined;
      const [entry] = (await this.#client.range({ key: last.key })).entries;
      // Forgotten meanwhile: then all before it are, too.
      return entry === undefined ? undefined : this.open(entry);
    }
    return undefined;
  }

  /** Commits after `after`, as the port has it; none later than `last`. */
  async history(after: Revision, last: Revision, limit: number, bytesMax: number): Promise<readonly Commit[]> {
    const commits: Commit[] = [];
    if (after >= last) return commits;
    let bytes = 0;
    for await (const group of this.groupsWith(after + 1))
      for (const commit of group.commits) {
        if (commit.revision <= after) continue;
        if (commits.length >= limit || bytes > bytesMax || commit.revision > last) return commits;
        commits.push(commit);
        bytes += sizeOfCommit(commit);
      }
    return commits;
  }

  /** The last revision with an `orderMs` below this one; the floor when all that is left of history is younger. */
  async revisionAt(floor: Revision, last: Revision, orderMs: number): Promise<Revision> {
    let found: Group | undefined;
    let low = floor + 1;
    let high = last;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      const group = await this.groupBefore(middle);
      if (group === undefined) low = middle + 1;
      else if ((group.commits[0] as Commit).orderMs >= orderMs) high = group.first - 1;
      else {
        found = group;
        low = Math.max(middle, (group.commits.at(-1) as Commit).revision) + 1;
      }
    }
    const revision = found?.commits.findLast((commit) => commit.orderMs < orderMs)?.revision;
    return Math.max(floor, Math.min(revision ?? floor, last));
  }
}
