/**
 * @live What is asked of history by name: which commit an instance went with, and when keys changed. Held in memory, as
 * far back as the log reaches; a start makes it from the log, beside all else.
 */
import { hash } from "node:crypto";
import {
  type Account,
  type Commit,
  type FirstChanges,
  type InstanceKey,
  type KeyRange,
  Leavers,
  type Outcome,
  type Revision,
  refuse,
} from "../../../core/index.ts";
import { ByteWriter } from "../../../records/bytes.ts";
import { instanceRow } from "../../../records/state/row-name.ts";
import { FirstSeeker, Touches } from "../../../records/touched.ts";
import type { Group } from "../log/reader.ts";

const SLICE_MS = 4;
const HASH_BYTES = 9;

interface Row {
  readonly last: Revision;
  readonly bytes: Buffer;
}

export class PastIndex {
  readonly #out = new ByteWriter();
  readonly #leavers = new Leavers(nameOf);
  #rows: Row[] = [];
  #touches: Touches;
  /** Commits that came while the older ones are read. */
  #later: (readonly Commit[])[] | null = [];
  #ready: Promise<void> | null = null;
  /** Bytes that the log takes. */
  logBytes = 0;
  /** Groups that are too large for one key. */
  readonly inParts = new Set<string>();
  #start: Revision;
  readonly #read: (from: Revision) => AsyncIterable<Group>;

  /** `read`: groups that begin with a revision or later. They are needed up to `start`. */
  constructor(floor: Revision, start: Revision, read: (from: Revision) => AsyncIterable<Group>) {
    this.#touches = new Touches(floor);
    this.#start = start;
    this.#read = read;
  }

  /** All of it anew: what came after the end of what it knows is gone. */
  begin(floor: Revision, start: Revision): void {
    this.#leavers.clear();
    this.#rows = [];
    this.#touches = new Touches(floor);
    this.#later = [];
    this.#ready = null;
    this.#start = start;
    this.logBytes = 0;
  }

  note({ id, commits, bytes, parts }: Pick<Group, "id" | "commits" | "bytes" | "parts">): void {
    this.logBytes += bytes;
    if (parts > 0) this.inParts.add(id);
    if (this.#later !== null) this.#later.push(commits);
    else this.#add(commits);
  }

  #add(commits: readonly Commit[]): void {
    for (const commit of commits) {
      this.#touches.add(commit);
      this.#leavers.note(commit);
    }
    if (!this.#touches.isFull) return;
    const { last } = this.#touches;
    this.#rows.push({ last, bytes: Buffer.from(this.#touches.encode(this.#out)) });
    this.#touches = new Touches(last);
  }

  /** Resolves when it knows all that history has; rejects when that cannot be read, and tries again when next asked. */
  ready(): Promise<void> {
    this.#ready ??= this.#build().catch((error: unknown) => {
      this.#ready = null;
      throw error;
    });
    return this.#ready;
  }

  async #build(): Promise<void> {
    const later = this.#later;
    for await (const { id, commits, bytes, parts } of this.#read(this.#touches.last + 1)) {
      // Begun anew meanwhile.
      if (this.#later !== later) return this.ready();
      if (parts > 0) this.inParts.add(id);
      const missing = commits.filter(({ revision }) => revision > this.#touches.last && revision <= this.#start);
      if (missing.length === 0) continue;
      this.#add(missing);
      this.logBytes += bytes;
    }
    if (this.#later !== later) return this.ready();
    this.#later = null;
    for (const commits of later ?? []) this.#add(commits);
  }

  async goneAt(floor: Revision, account: Account, instance: InstanceKey): Promise<Revision> {
    await this.ready();
    return this.#leavers.goneAt(account, instance, floor);
  }

  async first(
    account: Account,
    range: KeyRange,
    after: Revision,
    to: Revision,
    turn: () => Promise<void>,
  ): Promise<Outcome<FirstChanges>> {
    try {
      await this.ready();
    } catch (error) {
      return refuse("unavailable", `changes of keys cannot be looked up: ${(error as Error).message}`);
    }
    const seeker = new FirstSeeker(account, range, after);
    let startMs = performance.now();
    // Rows that are made meanwhile are behind the ones that were read.
    let at = after;
    while (at < to && seeker.goesOn) {
      const row = this.#rows.find(({ last }) => last > at);
      if (row === undefined) break;
      const read = seeker.row(row.bytes);
      if (!read.ok) return refuse("unavailable", read.detail);
      at = row.last;
      if (performance.now() - startMs < SLICE_MS) continue;
      await turn();
      startMs = performance.now();
    }
    // Else rows were left out, and what comes after them would seem to be the first.
    if (at < to) seeker.touches(this.#touches);
    return seeker.end();
  }

  /** History up to here is gone. */
  forget(floor: Revision): void {
    while ((this.#rows[0]?.last ?? Number.POSITIVE_INFINITY) <= floor) this.#rows.shift();
    this.#leavers.forget(floor);
  }
}

function nameOf(account: Account, { service, id }: InstanceKey): string {
  return hash("sha1", instanceRow(account, service, id), "buffer").toString("latin1", 0, HASH_BYTES);
}
