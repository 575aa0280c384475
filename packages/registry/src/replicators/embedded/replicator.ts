/**
 * @live The default replicator, one node that is durable in LMDB: the core's sequencer decides, this store makes durable.
 * @rooms replicator > archive > backup > open > history > state > store > directory > file > meta > refused
 */
import type { Logger } from "pino";
import {
  type Account,
  type Clock,
  type Command,
  type Commit,
  type FirstChanges,
  type InstanceKey,
  type Outcome,
  ok,
  type Receipt,
  type Replicator,
  type Revision,
  type Rules,
  refuse,
  Sequencer,
  type SequencerOptions,
  type Sink,
} from "../../core/index.ts";
import type { Ages, RetentionLimits } from "../../records/ageing.ts";
import { ByteWriter } from "../../records/bytes.ts";
import { encodeGroup } from "../../records/group.ts";
import { encodeMeta } from "../../records/meta.ts";
import { Checkpoint } from "../../records/state/checkpoint.ts";
import { type Backup, takeBackup } from "./backup.ts";
import { writeCleanStamp } from "./directory/files.ts";
import { explainWrite } from "./directory/room.ts";
import { summarizeFile } from "./file/verify.ts";
import { findGone, goneRows, oldGone } from "./history/gone.ts";
import { KeyIndex } from "./history/key-index.ts";
import { findRevisionAt, readHistory } from "./history/log.ts";
import { Retention } from "./history/retention.ts";
import { floorRow } from "./meta.ts";
import { openStore, type Parts } from "./open.ts";
import { NoRoom, StoreRefused } from "./refused.ts";
import { checkpointWrites, type Store, type Writes } from "./store/databases.ts";

export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly origin: string;
  readonly local?: Pick<SequencerOptions, "stamps" | "isKeeper">;
  readonly retention?: Partial<RetentionLimits>;
  /** Commits in the log before the state rows are brought up to date even while writers are busy. */
  readonly checkpointCommits?: number;
  readonly log?: Pick<Logger, "info" | "warn" | "error">;
  onGroup?(commits: number, ms: number): void;
  /** A write failed on the disk: nothing can be written any more, and the process has to end. */
  onBroken?(why: string): void;
}

export interface EmbeddedReplicator extends Replicator {
  /** Takes a consistent copy while the registry runs; one after the other. */
  backup(): Promise<Outcome<Backup>>;
  /** Why writes are refused; null while they are not. */
  readonly refusing: string | null;
}

const RETENTION_DEFAULT: RetentionLimits = { ageMs: 30 * 24 * 3600 * 1000, bytesMax: 4 * 1024 ** 3 };
const CHECKPOINT_COMMITS = 200_000;
/** What a start may have to read again, beside the rows: it holds both in memory. */
const CHECKPOINT_BYTES = 32 * 1024 * 1024;
/** After this long without an append, a checkpoint is made. */
const QUIET_MS = 1000;
const HOUSEKEEPING_MS = 500;
/** A checkpoint of this many commits touches so much of the map that it is worth renewing. */
const RENEW_COMMITS = 20_000;
/** Old groups that are forgotten in the transaction of an append. */
const FORGET_WITH_APPEND = 4;
/** Old groups that the housekeeping forgets in one transaction. */
const FORGET_AT_ONCE = 64;

class Embedded implements EmbeddedReplicator {
  readonly name = "embedded";
  readonly order = "total";
  line = "";
  readonly #options: EmbeddedOptions;
  readonly #out = new ByteWriter();
  #parts: Parts | null = null;
  #durable: Revision = 0;
  #appendedAtMs = 0;
  /** Bytes that went to the log since the last checkpoint began. */
  #loggedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #keeping: Promise<void> | null = null;
  /** Set when what is on disk is not what this process believes: nothing may be written any more. */
  #broken: string | null = null;
  /** While the file is being opened anew; writes and reads wait for it. */
  #mending: Promise<void> | null = null;
  readonly #writing = new Set<Promise<void>>();
  #backingUp: Promise<unknown> = Promise.resolve();
  /** Why writes find no room; null when they do. */
  #refusing: string | null = null;

  constructor(options: EmbeddedOptions) {
    this.#options = options;
  }

  async open(sink: Sink): Promise<void> {
    const { dataDir, clock, rules, origin, local, retention, onGroup, log } = this.#options;
    const opened = await openStore(dataDir, clock.now(), ({ restored }) => sink.restore(restored));
    // Nothing may go on holding what was recovered: it is as large as the log after the checkpoint.
    const { recovered, ...kept } = opened;
    const { store, verified } = kept;
    const { restored, marker, dirty, ages } = recovered;
    this.line = recovered.line;
    const last = { revision: restored.revision, orderMs: restored.orderMs, nth: restored.nth };
    this.#durable = last.revision;
    const write = (writes: Writes) => this.#write(writes);
    this.#parts = {
      ...kept,
      checkpoint: new Checkpoint({
        view: sink.view,
        marker,
        last,
        dirty,
        write: (part) => write(checkpointWrites(part)),
      }),
      keyIndex: new KeyIndex({
        ...{ store, floor: restored.floor },
        durable: () => this.#durable,
        ready: () => this.#mending,
        write,
      }),
      retention: new Retention({
        store,
        limits: { ...RETENTION_DEFAULT, ...retention },
        clock,
        floor: restored.floor,
        ages,
      }),
      sequencer: new Sequencer({
        ...local,
        sink,
        clock,
        rules,
        origin,
        last,
        append: (commits, settle) => void this.#append(commits).then(settle.delivered, settle.failed),
        explain: (error) => this.#broken ?? explainWrite(error, dataDir),
        ...(onGroup === undefined ? {} : { onGroup }),
      }),
    };
    if (verified !== null) log?.info({ reason: verified }, "every page of the store was verified");
    this.#timer = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS).unref();
  }

  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>> {
    if (this.#parts === null) return Promise.resolve(refuse("unavailable", "the store is not open"));
    return this.#parts.sequencer.propose(account, command, signal);
  }

  async #append(commits: readonly Commit[]): Promise<void> {
    const { checkpoint, retention, keyIndex } = this.#open();
    const first = commits[0] as Commit;
    const bytes = encodeGroup(this.#out, commits);
    const old = retention.take(FORGET_WITH_APPEND, checkpoint.marker.revision);
    const group = { first: first.revision, bytes };
    const gone = goneRows(commits);
    try {
      if (old.length === 0) await this.#write({ group, gone });
      else await this.#write({ group, gone, meta: [floorRow(retention.floor)], forget: old.map((one) => one.first) });
    } catch (error) {
      retention.putBack(old);
      throw error;
    }
    this.#durable = (commits[commits.length - 1] as Commit).revision;
    this.#appendedAtMs = this.#options.clock.monotonic();
    this.#loggedBytes += bytes.length;
    retention.added(bytes.length);
    checkpoint.note(commits);
    keyIndex.note(commits);
  }

  /** Every write goes through here. After one that failed on the disk, the library's memory is not to be trusted. */
  async #write(writes: Writes): Promise<void> {
    if (this.#mending !== null) await this.#mending;
    if (this.#broken !== null) throw new Error(this.#broken);
    const { store } = this.#open();
    const writing = store.write(writes);
    this.#writing.add(writing);
    try {
      await writing;
      if (!store.isFull) this.#accepted();
    } catch (error) {
      if (error instanceof NoRoom) this.#refused(error);
      else this.#end(error);
      throw error;
    } finally {
      this.#writing.delete(writing);
    }
  }

  #accepted(): void {
    if (this.#refusing === null) return;
    this.#refusing = null;
    this.#options.log?.info("writes work again");
  }

  /** Logged once, not for each of many writes that fail the same way. */
  #refused(error: unknown): void {
    const why = explainWrite(error, this.#options.dataDir);
    if (this.#refusing === null) this.#options.log?.error({ err: error }, why);
    this.#refusing = why;
  }

  /** Refuses what is open and all that comes. What is on disk is found out by the next start. */
  #end(error: unknown): void {
    if (this.#broken !== null) return;
    const why = explainWrite(error, this.#options.dataDir);
    this.#broken = `${why}; this registry ends: restart Rollcall, the start verifies the store`;
    this.#options.log?.error({ err: error }, this.#broken);
    this.#parts?.sequencer.stop(this.#broken);
    this.#options.onBroken?.(this.#broken);
  }

  /** Whether a small write would find its room again: nobody writes to a registry that is not ready. */
  async #probe(store: Store): Promise<void> {
    try {
      await store.probe();
      this.#accepted();
    } catch {
      // As before.
    }
  }

  get refusing(): string | null {
    return this.#broken ?? this.#refusing;
  }

  /**
   * Writing many rows touches much of the map, and touched pages count as this process's memory: a new map has none.
   * Takes some milliseconds, in which writes wait.
   */
  async #renewMap(store: Store): Promise<void> {
    if (store.copying || this.#mending !== null || this.#broken !== null) return;
    // A process out of descriptors goes on with the map that it has.
    store.checkReopen();
    const renewed = Promise.allSettled([...this.#writing]).then(() => store.reopen());
    this.#mending = renewed
      .catch((error: unknown) => this.#end(error))
      .finally(() => {
        this.#mending = null;
      });
    await this.#mending;
  }

  /** Checkpoints in quiet moments or when the log has grown long, and forgets old history. */
  #keepHouse(): void {
    if (this.#parts === null || this.#keeping !== null || this.#broken !== null) return;
    const { checkpoint, retention, keyIndex } = this.#parts;
    const quiet = this.#options.clock.monotonic() - this.#appendedAtMs >= QUIET_MS;
    const isFat = this.#loggedBytes >= CHECKPOINT_BYTES;
    const long = isFat || checkpoint.behind >= (this.#options.checkpointCommits ?? CHECKPOINT_COMMITS);
    const work = async (): Promise<void> => {
      if (this.#refusing !== null) await this.#probe(this.#open().store);
      const { behind } = checkpoint;
      if (long || (quiet && behind > 0)) {
        this.#loggedBytes = 0;
        await checkpoint.run();
      }
      if (quiet && behind >= RENEW_COMMITS) await this.#renewMap(this.#open().store);
      await this.#forget(retention, checkpoint);
      const gone = oldGone(this.#open().store, retention.floor);
      if (gone.length > 0) await this.#write({ gone });
      await keyIndex.keep(retention.floor);
      await this.#writeAges(retention.note(this.#durable));
    };
    this.#keeping = work()
      .catch((error: unknown) => this.#onHousekeepingFailed(error))
      .finally(() => {
        this.#keeping = null;
      });
  }

  #onHousekeepingFailed(error: unknown): void {
    // A failed write was logged when it failed.
    if (this.refusing === null)
      this.#options.log?.error({ err: error }, "the store's housekeeping failed; it is tried again");
  }

  async #forget(retention: Retention, checkpoint: Checkpoint): Promise<void> {
    for (;;) {
      const old = retention.take(FORGET_AT_ONCE, checkpoint.marker.revision);
      if (old.length === 0) return;
      try {
        await this.#write({ meta: [floorRow(retention.floor)], forget: old.map((one) => one.first) });
      } catch (error) {
        retention.putBack(old);
        throw error;
      }
    }
  }

  async #writeAges(ages: Ages | undefined): Promise<void> {
    if (ages !== undefined) await this.#write({ meta: [["ages", encodeMeta(ages)]] });
  }

  async history(after: Revision, limit: number, bytesMax = Number.POSITIVE_INFINITY): Promise<readonly Commit[]> {
    await this.#mending;
    // What was not acknowledged is not shown, even if it is on disk.
    return readHistory(this.#open().store, after, this.#durable, limit, bytesMax);
  }

  async revisionAt(orderMs: number): Promise<Revision> {
    await this.#mending;
    return findRevisionAt(this.#open().store, this.floor, this.#durable, orderMs);
  }

  async goneAt(account: Account, instance: InstanceKey): Promise<Revision> {
    await this.#mending;
    return findGone(this.#open().store, this.floor, account, instance);
  }

  async firstChanges(...asked: Parameters<KeyIndex["first"]>): Promise<Outcome<FirstChanges>> {
    return this.#open().keyIndex.first(...asked);
  }

  get floor(): Revision {
    return this.#parts?.retention.floor ?? 0;
  }

  async compact(revision: Revision): Promise<Outcome<Revision>> {
    const { checkpoint, retention } = this.#open();
    if (revision > this.#durable)
      return refuse("invalid", `revision ${revision} is in the future; the latest is ${this.#durable}`);
    if (revision <= retention.floor) return ok(retention.floor);
    try {
      // The log is needed from the checkpoint on, so the checkpoint moves first.
      if (revision > checkpoint.marker.revision) await checkpoint.run();
      if (revision > checkpoint.marker.revision) await checkpoint.run();
      await this.#write({ meta: [floorRow(revision)] });
    } catch (error) {
      return refuse("unavailable", this.#broken ?? explainWrite(error, this.#options.dataDir));
    }
    retention.floor = Math.max(retention.floor, revision);
    return ok(retention.floor);
  }

  async backup(): Promise<Outcome<Backup>> {
    const before = this.#backingUp;
    const taking = before.then(() => this.#takeBackup());
    this.#backingUp = taking.catch(() => {});
    return taking;
  }

  async #takeBackup(): Promise<Outcome<Backup>> {
    await this.#mending;
    if (this.#parts === null || this.#broken !== null)
      return refuse("unavailable", this.#broken ?? "the store is not open");
    const { dataDir, clock, log } = this.#options;
    const taken = await takeBackup(this.#parts.store, dataDir, clock.now());
    if (taken.ok) log?.info({ revision: taken.value.revision, bytes: taken.value.bytes }, "a backup was taken");
    else log?.error(taken.detail);
    return taken;
  }

  async close(): Promise<void> {
    const parts = this.#parts;
    if (parts === null) return;
    clearInterval(this.#timer);
    await parts.sequencer.close();
    await this.#keeping;
    if (this.#broken === null)
      await this.#settle(parts).catch((error: unknown) => {
        // The log has it all; the next start reads it from there.
        this.#options.log?.warn({ err: error }, "no checkpoint at the stop");
      });
    await this.#mending;
    this.#parts = null;
    await parts.store.close();
    if (this.#broken === null) this.#stamp(parts.store.path);
    await parts.owner.release();
  }

  async #settle({ checkpoint, retention, keyIndex }: Parts): Promise<void> {
    await checkpoint.run();
    await keyIndex.end();
    await this.#writeAges(retention.end(this.#durable));
  }

  #stamp(path: string): void {
    try {
      writeCleanStamp(this.#options.dataDir, summarizeFile(path).txnId);
    } catch (error) {
      const why = "the stop could not be marked as clean; the next start will verify the store";
      this.#options.log?.warn({ err: error }, why);
    }
  }

  #open(): Parts {
    if (this.#parts === null) throw new StoreRefused("the store is not open");
    return this.#parts;
  }
}

/** One node's registry on disk in `dataDir`. */
export function createEmbedded(options: EmbeddedOptions): EmbeddedReplicator {
  return new Embedded(options);
}
