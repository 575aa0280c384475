/**
 * @live Finds when keys changed without reading the history: rows beside the log, each of some thousand changes of keys, in
 * the order of revisions, so that what history forgets lies at the beginning. They are made from commits that are in the
 * log already and are written a little later: a start makes what is missing from the log, be it after a crash or of a
 * store from before there were such rows.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type Account,
  type Commit,
  type FirstChanges,
  type KeyRange,
  type Outcome,
  type Refused,
  type Revision,
  refuse,
} from "../../../core/index.ts";
import { ByteWriter } from "../../../records/bytes.ts";
import { decodeGroup } from "../../../records/group.ts";
import { FirstSeeker, Touches } from "../../../records/touched.ts";
import { StoreRefused } from "../refused.ts";
import { type Store, touchedKey, type Writes } from "../store/databases.ts";

/** A row is made after so many revisions, too: a start need not read more of the log again. It grows until it is full. */
const ROW_REVISIONS = 32_768;
/** Others wait no longer than this. */
const SLICE_MS = 4;
/** What one round of the housekeeping makes up for. */
const ROUND_MS = 50;
/** Revisions that a reader waits for. */
const MISSING_MAX = 100_000;
const FORGET_AT_ONCE = 64;

interface Row {
  readonly last: Revision;
  readonly bytes: Buffer;
  /** The row that this one takes the place of. */
  readonly replaces: Revision | null;
}

export interface KeyIndexOptions {
  readonly store: Store;
  /** History up to here is gone. */
  readonly floor: Revision;
  /** Where the log ends. */
  durable(): Revision;
  /** Resolves when the store can be read. */
  ready(): Promise<unknown> | null;
  write(writes: Writes): Promise<void>;
}

export class KeyIndex {
  readonly #options: KeyIndexOptions;
  readonly #out = new ByteWriter();
  /** Not in a row yet, or in one that is to be replaced. */
  #touches: Touches;
  #replaces: Revision | null = null;
  /** Rows that are made and not yet written. */
  readonly #rows: Row[] = [];
  #isCaughtUp: boolean;
  #catchingUp: Promise<void> | null = null;
  #writing: Promise<void> | null = null;
  /** Why the log could not be read. */
  #damage: string | null = null;
  #isScheduled = false;

  constructor(options: KeyIndexOptions) {
    this.#options = options;
    this.#touches = new Touches(Math.max(options.store.lastTouched() ?? 0, options.floor));
    this.#isCaughtUp = this.#touches.last >= options.durable();
  }

  /** These commits are in the log. */
  note(commits: readonly Commit[]): void {
    if (!this.#isCaughtUp) return;
    for (const commit of commits) this.#touches.add(commit);
    if (!this.#touches.isFull || this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#touches.isFull) this.#makeRow();
      // The housekeeping tries again.
      this.#writeRows().catch(() => {});
    });
  }

  /** Makes up for a part of what is missing, and forgets what history has forgotten. */
  async keep(floor: Revision): Promise<void> {
    const untilMs = performance.now() + ROUND_MS;
    await this.#catchUp(() => performance.now() < untilMs);
    if (this.#touches.last - (this.#replaces ?? this.#touches.after) >= ROW_REVISIONS) this.#makeRow();
    await this.#writeRows();
    const old = this.#options.store.touchedUpTo(floor, FORGET_AT_ONCE);
    if (old.length > 0) await this.#options.write({ gone: old.map((key) => [key, null] as const) });
  }

  /** Writes what is not written yet. */
  async end(): Promise<void> {
    this.#makeRow();
    await this.#writeRows();
  }

  /** Waits for a `turn` before each slice of its work. */
  async first(
    account: Account,
    range: KeyRange,
    after: Revision,
    to: Revision,
    turn: () => Promise<void>,
  ): Promise<Outcome<FirstChanges>> {
    const refused = await this.#refuseWhileMissing();
    if (refused !== undefined) return refused;
    const seeker = new FirstSeeker(account, range, after);
    const visitRow = (bytes: Buffer): boolean => {
      const read = seeker.row(bytes);
      if (!read.ok) throw new StoreRefused(`the stored history is damaged: ${read.detail}`);
      return seeker.goesOn;
    };
    let at = await this.#readStored(after, to, turn, visitRow);
    for (const { bytes, last } of this.#rows) {
      // What comes after `to` is passed over as a whole: else its changes would seem to be the first.
      if (at >= to) break;
      visitRow(bytes);
      at = Math.max(at, last);
    }
    if (at < to) seeker.touches(this.#touches);
    return seeker.end();
  }

  /** Waits for what little is missing. */
  async #refuseWhileMissing(): Promise<Refused | undefined> {
    const missing = (): Revision => this.#options.durable() - this.#touches.last;
    try {
      while (!this.#isCaughtUp && this.#damage === null && missing() <= MISSING_MAX) await this.#catchUp(() => true);
    } catch {
      // Nothing can be written; it was said where that was found.
    }
    if (this.#damage !== null) return refuse("unavailable", this.#damage);
    if (this.#isCaughtUp) return undefined;
    return refuse("unavailable", `changes of keys are being indexed, ${missing()} revisions are left; try again later`);
  }

  /**
   * The rows that are written, up to `to` and as long as `visit` wants more. Resolves in the turn in which the last one was
   * read, with where it ends.
   */
  async #readStored(
    after: Revision,
    to: Revision,
    turn: () => Promise<void>,
    visit: (bytes: Buffer) => boolean,
  ): Promise<Revision> {
    let at = after;
    for (;;) {
      await turn();
      await this.#options.ready();
      const untilMs = performance.now() + SLICE_MS;
      let isAll = true;
      for (const { last, bytes } of this.#options.store.touched(at)) {
        at = last;
        if (!visit(bytes) || at >= to) return Math.max(at, to);
        isAll = performance.now() < untilMs;
        if (!isAll) break;
      }
      if (isAll) return at;
    }
  }

  #makeRow(): void {
    const { last, after } = this.#touches;
    if (last <= (this.#replaces ?? after)) return;
    const bytes = Buffer.from(this.#touches.encode(this.#out));
    this.#rows.push({ last, bytes, replaces: this.#replaces });
    this.#replaces = this.#touches.isFull ? null : last;
    if (this.#replaces === null) this.#touches = new Touches(last);
  }

  #writeRows(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#rows.length > 0) {
      const rows = [...this.#rows];
      const gone: [Buffer, Buffer | null][] = [];
      for (const { last, bytes, replaces } of rows) {
        gone.push([touchedKey(last), bytes]);
        if (replaces !== null) gone.push([touchedKey(replaces), null]);
      }
      await this.#options.write({ gone });
      // Until then somebody may be reading the store as it was before.
      await nextTurn();
      this.#rows.splice(0, rows.length);
    }
  }

  /** Takes in the log from where the rows end; in slices, as long as `goesOn`. */
  #catchUp(goesOn: () => boolean): Promise<void> {
    if (this.#isCaughtUp || this.#damage !== null) return Promise.resolve();
    this.#catchingUp ??= this.#takeLog(goesOn).finally(() => {
      this.#catchingUp = null;
    });
    return this.#catchingUp;
  }

  async #takeLog(goesOn: () => boolean): Promise<void> {
    while (!this.#isCaughtUp && this.#damage === null && goesOn()) {
      await this.#options.ready();
      const untilMs = performance.now() + SLICE_MS;
      let isAll = true;
      for (const { bytes } of this.#options.store.groups(this.#touches.last + 1)) {
        if (!this.#takeGroup(bytes)) break;
        if (this.#touches.isFull) this.#makeRow();
        isAll = performance.now() < untilMs;
        if (!isAll) break;
      }
      // All that was in the log in this turn: what comes is noted.
      if (isAll && this.#damage === null) this.#isCaughtUp = true;
      if (this.#rows.length > 0) await this.#writeRows();
      else await nextTurn();
    }
  }

  #takeGroup(bytes: Buffer): boolean {
    const group = decodeGroup(bytes);
    if (!group.ok) this.#damage = `the stored history is damaged: ${group.detail}`;
    else
      for (const commit of group.value)
        if (commit.revision > this.#touches.last && commit.revision <= this.#options.durable())
          this.#touches.add(commit);
    return group.ok;
  }
}
