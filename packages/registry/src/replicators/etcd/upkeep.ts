/**
 * @live What one node does for all, the one that has the duty: brings the state rows up to date, forgets old history, and
 * has etcd forget what was overwritten. Each write is guarded by the duty, so that a node that slept writes nothing old.
 */
import { type Clock, type Commit, positionAfter, type Revision, type View } from "../../core/index.ts";
import { Ageing, type RetentionLimits } from "../../records/ageing.ts";
import { encodeMeta } from "../../records/meta.ts";
import { Checkpoint, type CheckpointPart } from "../../records/state/checkpoint.ts";
import { addRows, type DirtyRows } from "../../records/state/row-name.ts";
import type { Client } from "./client/client.ts";
import type { Operation } from "./client/messages.ts";
import type { PastIndex } from "./history/past-index.ts";
import { encodeFloor, encodePosition, type Keys } from "./keys.ts";
import { readHead, readStoredAges, slicesOf } from "./load.ts";
import type { LogReader } from "./log/reader.ts";
import type { Members } from "./members.ts";

export interface UpkeepOptions {
  readonly client: Client;
  readonly keys: Keys;
  readonly reader: LogReader;
  readonly clock: Clock;
  readonly view: View;
  readonly members: Members;
  readonly limits: RetentionLimits;
  readonly index: PastIndex;
  /** The end of the order as it is known here. */
  known(): Revision;
  /** The last revision of etcd that was followed. */
  etcdRevision(): number;
  floor(): Revision;
  failed(error: unknown): void;
}

const ROUND_MS = 500;
const QUIET_MS = 1000;
/** Commits, or bytes of them, that a start would have to read beside the rows. */
const CHECKPOINT_COMMITS = 200_000;
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
/** Groups whose parts are forgotten in one transaction. */
const SLICE_PARTS = 120;
const COMPACT_MS = 5 * 60_000;

/** What the node on duty knows beside. */
interface Term {
  /** The revision of etcd that gave it the duty. */
  readonly since: number;
  readonly checkpoint: Checkpoint;
  readonly ageing: Ageing;
}

export class Upkeep {
  readonly #options: UpkeepOptions;
  #term: Term | null = null;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> | null = null;
  #appendedMs = 0;
  #appendedBytes = 0;
  /** Commits that came while the term began. */
  #early: Commit[] | null = null;
  #compactedMs: number;
  /** Where etcd was at the last look: what is older nobody lacks. */
  #compactTo = 0;
  #logStart: Revision = 0;
  /** Groups of which parts lay there at the last look, and no group. */
  #orphans: ReadonlySet<string> = new Set();

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#compactedMs = options.clock.monotonic();
  }

  start(): void {
    this.#timer = setInterval(() => this.#round(), ROUND_MS).unref();
  }

  note(commits: readonly Commit[], bytes: number): void {
    this.#appendedMs = performance.now();
    this.#appendedBytes += bytes;
    this.#early?.push(...commits);
    this.#term?.checkpoint.note(commits);
  }

  #round(): void {
    this.#working ??= this.#work()
      .catch((error: unknown) => this.#options.failed(error))
      .finally(() => {
        this.#working = null;
      });
  }

  async #work(): Promise<void> {
    const { members, index, known, floor, clock } = this.#options;
    await index.ready();
    index.forget(floor());
    if (!members.isOnDuty) {
      this.#term = null;
      return;
    }
    if (this.#term?.since !== members.duty.modRevision) this.#term = await this.#begin();
    const { checkpoint, ageing } = this.#term;
    const isQuiet = performance.now() - this.#appendedMs >= QUIET_MS;
    const isLong = checkpoint.behind >= CHECKPOINT_COMMITS || this.#appendedBytes >= CHECKPOINT_BYTES;
    if (checkpoint.behind > 0 && (isQuiet || isLong)) {
      this.#appendedBytes = 0;
      await checkpoint.run();
    }
    await this.#forget(this.#term);
    const ages = ageing.note(known(), floor(), clock.monotonic());
    if (ages !== undefined) await this.#write([{ kind: "put", key: this.#options.keys.ages, value: encodeMeta(ages) }]);
    await this.#compact();
  }

  /** What is dirty since the marker is in the log. */
  async #begin(): Promise<Term> {
    const { client, keys, reader, view, members, limits, clock } = this.#options;
    const since = members.duty.modRevision;
    const early: Commit[] = [];
    this.#early = early;
    try {
      const head = await readHead(client, keys);
      if (!head.ok) throw new Error(head.detail);
      const { marker, revision } = head.value;
      const dirty: DirtyRows = new Map();
      let last = marker;
      const fold = (commits: readonly Commit[]): void => {
        for (const commit of commits) {
          if (commit.revision <= last.revision) continue;
          addRows(dirty, commit.account, commit.changes);
          last = positionAfter(commit);
        }
      };
      for await (const { commits } of reader.groups(marker.revision + 1, revision)) fold(commits);
      const ages = await readStoredAges(client, keys);
      fold(early);
      const write = (part: CheckpointPart) => this.#writePart(part);
      return {
        since,
        checkpoint: new Checkpoint({ view, marker, last, dirty, write }),
        ageing: new Ageing(ages, limits.ageMs, clock.monotonic()),
      };
    } finally {
      this.#early = null;
    }
  }

  async #writePart(part: CheckpointPart): Promise<void> {
    const { keys } = this.#options;
    if ("marker" in part) return this.#write([{ kind: "put", key: keys.marker, value: encodePosition(part.marker) }]);
    const writes = part.rows.map(([name, value]): Operation => {
      const key = keys.row(name);
      return value === null ? { kind: "delete", key } : { kind: "put", key, value };
    });
    for (const slice of slicesOf(writes)) await this.#write(slice);
  }

  /** Rejects when it was not done, or nobody knows: all of this may be done again. */
  async #write(then: readonly Operation[]): Promise<void> {
    const { client, members } = this.#options;
    if (!members.isOnDuty || members.duty.modRevision !== this.#term?.since) throw new LostDuty();
    const done = await client.transact({ guards: [members.duty], then });
    if (!done.succeeded) throw new LostDuty();
  }

  /** The floor first, then the groups: none that history shows is missing. */
  async #forget({ checkpoint, ageing }: Term): Promise<void> {
    const { keys, limits, index, floor, clock, reader } = this.#options;
    const due = Math.min(checkpoint.marker.revision, ageing.dueAt(clock.monotonic()));
    let to = Math.max(due, floor());
    const isFull = index.logBytes > limits.bytesMax;
    if (!isFull && to <= this.#logStart) return;
    const old: { id: string; parts: number; bytes: number; last: Revision }[] = [];
    let excess = index.logBytes - limits.bytesMax;
    for await (const { id, parts, bytes, commits } of reader.groups(0)) {
      const last = (commits.at(-1) as Commit).revision;
      if (last > checkpoint.marker.revision || (last > to && excess <= 0)) break;
      old.push({ id, parts, bytes, last });
      excess -= bytes;
      to = Math.max(to, last);
    }
    this.#logStart = to;
    const end = old.at(-1)?.last;
    if (end === undefined) return;
    if (to > floor()) await this.#write([{ kind: "put", key: keys.floor, value: encodeFloor(to) }]);
    await this.#write([
      { kind: "delete", ...keys.groups(0, end + 1) },
      ...old
        .filter(({ parts }) => parts > 0)
        .slice(-SLICE_PARTS)
        .map(({ id }) => ({ kind: "delete", ...keys.parts(id) }) as const),
    ]);
    for (const { bytes } of old) index.logBytes -= bytes;
  }

  /** What everybody had five minutes to follow. */
  async #compact(): Promise<void> {
    const { client, clock, etcdRevision } = this.#options;
    if (clock.monotonic() - this.#compactedMs < COMPACT_MS) return;
    this.#compactedMs = clock.monotonic();
    const to = this.#compactTo;
    this.#compactTo = etcdRevision();
    await this.#sweep();
    // Somebody else may have gone further.
    if (to > 0) await client.compact(to).catch(() => {});
  }

  /** Parts of groups that were given up: whoever writes one takes seconds, so they were there without it twice. */
  async #sweep(): Promise<void> {
    const { client, keys, index } = this.#options;
    const { entries } = await client.range({ ...keys.allParts, keysOnly: true });
    const found = new Set(entries.map(({ key }) => keys.groupOf(key)).filter((group) => !index.inParts.has(group)));
    for (const group of found)
      if (this.#orphans.has(group)) await this.#write([{ kind: "delete", ...keys.parts(group) }]);
    this.#orphans = found;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#working;
    const term = this.#term;
    if (term === null || !this.#options.members.isOnDuty) return;
    await term.checkpoint.run();
    const { known, floor, clock, keys } = this.#options;
    const ages = term.ageing.end(known(), floor(), clock.monotonic());
    if (ages !== undefined) await this.#write([{ kind: "put", key: keys.ages, value: encodeMeta(ages) }]);
  }
}

/** Another node does it now. */
export class LostDuty extends Error {}
