/**
 * @live Brings the state rows up to date, now and then, so that a start need not read the whole log. Rows are what
 * the latest durable changes of them told; what they did not tell is taken from the view as it is when it is written:
 * nothing in it is not yet durable.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type Account,
  type Bytes,
  type Commit,
  type InstanceKey,
  type InstanceRecord,
  type LeaseRecord,
  ownLease,
  type Position,
  positionAfter,
  prefixEnd,
  type View,
} from "../../core/index.ts";
import { ByteWriter } from "../bytes.ts";
import { encodeRow, type StateRow } from "./row.ts";
import {
  addAccountRows,
  addDirectoryRows,
  addOlderRows,
  addRows,
  type Dirty,
  type DirtyRows,
  emptyPart,
  leaseRow,
  parseRow,
  toStoreKey,
} from "./row-name.ts";

/** A part of a checkpoint: rows, where null is for one that goes, or at last how far they go. */
export type CheckpointPart =
  | { readonly rows: readonly (readonly [name: Buffer, row: Buffer | null])[] }
  | { readonly marker: Position };

/** The size of one transaction: writers wait for it, so it is small. */
const SLICE_ROWS = 500;
const SLICE_BYTES = 1024 * 1024;

function addRowsOfGone(rows: Set<string>, name: string): void {
  const row = parseRow(name);
  if (row.kind === "key") addDirectoryRows(rows, row.account, row.key);
}

function toInstanceRow(account: Account, instance: InstanceRecord | null, lease: LeaseRecord | null): StateRow | null {
  return instance === null && lease === null ? null : { kind: "instance", account, instance, lease };
}

export class Checkpoint {
  /** Everything up to here is in the state rows. */
  marker: Position;
  readonly #view: View;
  readonly #write: (part: CheckpointPart) => Promise<void>;
  readonly #out = new ByteWriter();
  #dirty: DirtyRows;
  #last: Position;
  #running: Promise<void> | null = null;

  constructor(options: {
    view: View;
    marker: Position;
    last: Position;
    dirty: DirtyRows;
    write: (part: CheckpointPart) => Promise<void>;
  }) {
    this.#view = options.view;
    this.marker = options.marker;
    this.#last = options.last;
    this.#dirty = options.dirty;
    this.#write = options.write;
  }

  /** Commits that a start would have to read again. */
  get behind(): number {
    return this.#last.revision - this.marker.revision;
  }

  /** These commits became durable. */
  note(commits: readonly Commit[]): void {
    for (const commit of commits) addRows(this.#dirty, commit.account, commit.changes);
    const last = commits[commits.length - 1];
    if (last !== undefined) this.#last = positionAfter(last);
  }

  /** One checkpoint at a time: a call meanwhile waits for the one under way. Rejects when a write fails. */
  run(): Promise<void> {
    this.#running ??= this.#runOnce().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #runOnce(): Promise<void> {
    // What was noted in this turn is in the view in the next.
    await nextTurn();
    if (this.behind === 0) return;
    const target = this.#last;
    const rows = this.#dirty;
    this.#dirty = new Map();
    const touched = new Set<string>();
    try {
      await this.#writeRows(rows.keys(), rows, touched);
      await this.#writeRows(touched);
      await this.#write({ marker: target });
      this.marker = target;
    } catch (error) {
      addOlderRows(this.#dirty, rows);
      throw error;
    }
  }

  /** In slices, with turns for others between them. Gathers the rows of accounts and services that go along. */
  async #writeRows(names: Iterable<string>, known?: DirtyRows, touched?: Set<string>): Promise<void> {
    let rows: [Buffer, Buffer | null][] = [];
    let bytes = 0;
    for (const name of names) {
      const row = this.#take(name, known?.get(name));
      const value = row === null ? null : Buffer.from(encodeRow(this.#out, row));
      rows.push([toStoreKey(name), value]);
      bytes += value?.length ?? 0;
      if (touched !== undefined) {
        addAccountRows(touched, name);
        if (row === null) addRowsOfGone(touched, name);
      }
      if (rows.length < SLICE_ROWS && bytes < SLICE_BYTES) continue;
      await this.#write({ rows });
      [rows, bytes] = [[], 0];
      await nextTurn();
    }
    if (rows.length > 0) await this.#write({ rows });
  }

  /** The row as it is now; null when there is nothing to keep. */
  #take(name: string, known: Dirty | undefined): StateRow | null {
    if (known !== undefined) return this.#takeKnown(name, known);
    if (name.startsWith("a")) return this.#takeAccount(name.slice(2));
    if (name.startsWith("s")) return this.#takeService(name);
    const row = parseRow(name);
    switch (row.kind) {
      case "directory":
        return this.#takeDirectory(row.account, row.directory);
      case "empty": {
        const empty = [...(this.#view.account(row.account)?.directories.empty() ?? [])];
        const directories = empty.filter(({ name }) => emptyPart(name) === row.part);
        return directories.length === 0 ? null : { kind: "empty", account: row.account, directories };
      }
      default:
        return null;
    }
  }

  #takeKnown(name: string, { account, instance, lease, entry }: Dirty): StateRow | null {
    if (entry !== undefined) return entry && { kind: "key", account, entry };
    if (name.startsWith("l")) return lease ? { kind: "lease", account, lease } : null;
    if (instance !== undefined && lease !== undefined) return toInstanceRow(account, instance, lease);
    // One of the two did not change.
    const key = parseRow(name) as InstanceKey;
    const own = lease ?? this.#view.lease(account, ownLease(key));
    const isOwn = own !== undefined && leaseRow(account, own) === name;
    return toInstanceRow(
      account,
      instance ?? this.#view.instance(account, key.service, key.id) ?? null,
      isOwn ? own : null,
    );
  }

  #takeAccount(name: string): StateRow | null {
    const account = this.#view.account(name);
    if (account === undefined) return null;
    const { createdAtMs, revision, catalogRevision, keysRevision } = account;
    const { forgotten, since } = account.directories;
    return {
      kind: "account",
      account: name,
      createdAtMs,
      revision,
      catalogRevision,
      keysRevision,
      forgottenDirectories: forgotten,
      directoriesSince: since,
    };
  }

  /** A directory with keys; the others lie together in rows of their own. */
  #takeDirectory(name: Account, directory: Bytes): StateRow | null {
    const account = this.#view.account(name);
    if (account === undefined) return null;
    const [key] = account.entries(directory, prefixEnd(directory));
    if (key === undefined && directory !== "") return null;
    return { kind: "directory", account: name, directory: { name: directory, ...account.under(directory) } };
  }

  #takeService(name: string): StateRow | null {
    const end = name.indexOf("\0", 2);
    const account = name.slice(2, end);
    const service = this.#view.account(account)?.service(name.slice(end + 1));
    if (service === undefined) return null;
    const { name: called, revision, changedAtMs, lostAtMs } = service;
    return { kind: "service", account, service: { name: called, revision, changedAtMs, lostAtMs } };
  }
}
