/**
 * What keys were at an older revision. The past is undone, not kept: a key was what the first change after that revision
 * found (`before`), or is what it was when none came. Memory tells of the latest changes, the replicator of older ones.
 */
import { type Outcome, ok, type Refused, refuse } from "../../outcome.ts";
import { isInRange, prefixEnd } from "../bytes.ts";
import type { Command, CommandOf, RangeResult } from "../command.ts";
import type { Sums } from "../decide/basis.ts";
import { answerWith, limitOf, lookAt } from "../decide/key.ts";
import { LIMITS } from "../limits.ts";
import {
  type Account,
  type Bytes,
  type Commit,
  type KeyRange,
  type KeyRecord,
  type Revision,
  subjectOf,
} from "../types.ts";
import type { View } from "../view.ts";
import type { History } from "../watch/history.ts";
import type { Replicator } from "./replicator.ts";

export interface PastOptions {
  readonly view: View;
  /** The latest commits. */
  readonly recent: History;
  readonly replicator: Pick<Replicator, "firstChanges" | "floor" | "history">;
  /** Resolves when history may be read once. */
  readonly turn: () => Promise<void>;
}

export type PastRange = KeyRange & { readonly limit?: number };
/** Of all reads of one command. */
type PastSums = Pick<Sums, "rangeBytes" | "rangeKeys">;

/** What a key was: a record, nothing, or what the change of this revision found. */
type Was = KeyRecord | null | Revision;
/** A key's record, or the revision of the change that has it. */
type Found = readonly [key: Bytes, was: KeyRecord | Revision];

/** Commits that are read at once, when several of them are wanted. */
const COMMITS_AT_ONCE = 256;
/** Of the names of keys that have changed since. */
const NAME_BYTES_MAX = LIMITS.commitBytesMax;

export class Past {
  readonly #options: PastOptions;

  constructor(options: PastOptions) {
    this.#options = options;
  }

  /** The ranges of the command that are at older revisions, answered. */
  async resolve(account: Account, command: Command, signal?: AbortSignal): Promise<Command> {
    return this.#resolve(account, command, { rangeBytes: 0, rangeKeys: 0 }, signal);
  }

  async #resolve(account: Account, command: Command, sums: PastSums, signal?: AbortSignal): Promise<Command> {
    if (!readsPast(command)) return command;
    if (command.kind === "signed")
      return { ...command, command: await this.#resolve(account, command.command, sums, signal) };
    if (command.kind === "range")
      return { kind: "known", outcome: await this.#read(account, command, command.at ?? 0, sums, signal) };
    const { then, otherwise } = command as CommandOf<"when">;
    const resolveAll = async (steps: readonly Command[]): Promise<readonly Command[]> => {
      const resolved: Command[] = [];
      for (const step of steps) resolved.push(await this.#resolve(account, step, sums, signal));
      return resolved;
    };
    return { ...(command as CommandOf<"when">), then: await resolveAll(then), otherwise: await resolveAll(otherwise) };
  }

  read(account: Account, range: PastRange, at: Revision, signal?: AbortSignal): Promise<Outcome<RangeResult>> {
    return this.#read(account, range, at, { rangeBytes: 0, rangeKeys: 0 }, signal);
  }

  async #read(
    account: Account,
    range: PastRange,
    at: Revision,
    sums: PastSums,
    signal?: AbortSignal,
  ): Promise<Outcome<RangeResult>> {
    const wrong = this.#refuse(account, at, signal);
    if (wrong !== undefined) return wrong;
    const changed = await this.#findChanged(account, range, at, signal);
    if (!changed.ok) return changed;
    // Between here and the values nothing is awaited: what has not changed is that of one revision.
    const { found, count, refused } = this.#merge(account, range, changed.value, sums);
    if (refused !== undefined) return refused;
    const entries = await this.#fill(found, sums, signal);
    if (!entries.ok) return entries;
    // What was read may have been forgotten on the way.
    return (
      this.#refuse(account, at, signal) ??
      ok({ kind: "range", entries: entries.value, count, more: count > found.length })
    );
  }

  #refuse(account: Account, at: Revision, signal: AbortSignal | undefined): Refused | undefined {
    const { view, replicator } = this.#options;
    if (signal?.aborted === true) return refuse("unavailable", "the request was given up");
    if (!Number.isSafeInteger(at) || at < 0) return refuse("invalid", "a revision is a whole number");
    if (at > view.revision) return refuse("invalid", `revision ${at} is in the future; the latest is ${view.revision}`);
    const floor = Math.max(replicator.floor, view.account(account)?.keysFloor ?? 0);
    return at < floor ? refuse("compacted", `history up to revision ${floor} is gone`) : undefined;
  }

  /** What the keys were that have changed since; ends with what memory has, in the turn in which it resolves. */
  async #findChanged(
    account: Account,
    range: KeyRange,
    at: Revision,
    signal: AbortSignal | undefined,
  ): Promise<Outcome<Map<Bytes, Was>>> {
    const { view, recent, replicator } = this.#options;
    const changed = new Map<Bytes, Was>();
    let bytes = 0;
    let upTo = at;
    while (!recent.covers(upTo)) {
      const head = view.revision;
      const last = this.#lastChange(account, range);
      const from = upTo;
      upTo = head;
      // Mostly nothing has changed there for long, and nobody need be asked.
      if (last <= from) continue;
      const first = await replicator.firstChanges(account, range, from, last, this.#options.turn);
      if (!first.ok) return first;
      // What it had to look into may have been forgotten meanwhile.
      const wrong = this.#refuse(account, at, signal);
      if (wrong !== undefined) return wrong;
      for (const [key, { revision, existed }] of first.value) {
        if (changed.has(key)) continue;
        changed.set(key, existed ? revision : null);
        bytes += key.length;
      }
      if (changed.size > LIMITS.rangeKeysMax || bytes > NAME_BYTES_MAX) return this.#tooMany();
    }
    for (const commit of recent.since(upTo)) {
      if (commit.account !== account) continue;
      for (const change of commit.changes) {
        if (change.kind !== "key") continue;
        const { key } = subjectOf(change);
        if (isInRange(range, key) && !changed.has(key)) changed.set(key, change.before);
      }
    }
    return ok(changed);
  }

  /** No key of the range has changed after this. */
  #lastChange(account: Account, range: KeyRange): Revision {
    const { view } = this.#options;
    const record = range.to === undefined ? view.entry(account, range.from) : undefined;
    return record?.modRevision ?? view.account(account)?.under(prefixOf(range)).revision ?? 0;
  }

  #tooMany(): Refused {
    return refuse("too-large", `more than ${LIMITS.rangeKeysMax} keys have changed since, or their names are too long`);
  }

  /** The keys of the range, sorted: those that have not changed are what they are now. */
  #merge(
    account: Account,
    range: PastRange,
    changed: ReadonlyMap<Bytes, Was>,
    sums: PastSums,
  ): { found: Found[]; count: number; refused?: Refused } {
    const limit = limitOf(range.limit);
    const found: Found[] = [];
    let count = 0;
    for (const [key, was] of this.#each(account, range, changed)) {
      const refused =
        lookAt(sums, 1) ?? (++count > limit || typeof was === "number" ? undefined : answerWith(sums, was));
      if (refused !== undefined) return { found, count, refused };
      if (count <= limit) found.push([key, was]);
    }
    return { found, count };
  }

  *#each(account: Account, range: KeyRange, changed: ReadonlyMap<Bytes, Was>): Iterable<Found> {
    const names = [...changed.keys()].sort();
    let next = 0;
    for (const record of this.#present(account, range)) {
      while (next < names.length && (names[next] as Bytes) < record.key)
        yield* present(names[next++] as Bytes, changed);
      if (!changed.has(record.key)) yield [record.key, record];
    }
    while (next < names.length) yield* present(names[next++] as Bytes, changed);
  }

  #present(account: Account, { from, to }: KeyRange): Iterable<KeyRecord> {
    const { view } = this.#options;
    if (to !== undefined) return view.entries(account, from, to);
    const record = view.entry(account, from);
    return record === undefined ? [] : [record];
  }

  /** Reads what changes found, from the oldest to the latest, so that each part of history is read once. */
  async #fill(
    found: readonly Found[],
    sums: PastSums,
    signal: AbortSignal | undefined,
  ): Promise<Outcome<readonly KeyRecord[]>> {
    const records = found.map(([, was]) => was);
    const wanted = [...found.keys()].filter((i) => typeof records[i] === "number");
    wanted.sort((a, b) => (records[a] as Revision) - (records[b] as Revision));
    const revisions = wanted.map((i) => records[i] as Revision);
    for (let i = 0; i < wanted.length; ) {
      const commits = await this.#commitsFrom(revisions, i);
      if (signal?.aborted === true) return refuse("unavailable", "the request was given up");
      const from = i;
      for (const commit of commits)
        for (; revisions[i] === commit.revision; i++) {
          const place = wanted[i] as number;
          const record = foundBy(commit, (found[place] as Found)[0]);
          if (record === null) return refuse("unavailable", `commit ${commit.revision} is not what its index says`);
          records[place] = record;
          const refused = answerWith(sums, record);
          if (refused !== undefined) return refused;
        }
      if (i === from) return refuse("compacted", `history up to revision ${this.#options.replicator.floor} is gone`);
    }
    return ok(records as readonly KeyRecord[]);
  }

  /** The commit of the revision at this index, and more when the next ones are near. */
  async #commitsFrom(revisions: readonly Revision[], index: number): Promise<readonly Commit[]> {
    const { recent, replicator } = this.#options;
    const first = revisions[index] as Revision;
    if (recent.covers(first - 1)) return until(recent.since(first - 1), first);
    let last = index;
    while ((revisions[last + 1] ?? Number.POSITIVE_INFINITY) < first + COMMITS_AT_ONCE) last++;
    await this.#options.turn();
    return replicator.history(first - 1, (revisions[last] as Revision) - first + 1, LIMITS.historyBytesMax);
  }
}

/** Whether the command has ranges at older revisions, as far as it shows before it is decided. */
export function readsPast(command: Command): boolean {
  if (command.kind === "range") return command.at !== undefined;
  if (command.kind === "signed") return readsPast(command.command);
  return command.kind === "when" && (command.then.some(readsPast) || command.otherwise.some(readsPast));
}

/** What all keys of the range begin with. */
function prefixOf({ from, to }: KeyRange): Bytes {
  if (to === undefined || to === prefixEnd(from)) return from;
  let length = 0;
  while (length < from.length && from[length] === to[length]) length++;
  return from.slice(0, length);
}

function* present(key: Bytes, changed: ReadonlyMap<Bytes, Was>): Iterable<Found> {
  const was = changed.get(key) ?? null;
  if (was !== null) yield [key, was];
}

function until(commits: Iterable<Commit>, last: Revision): readonly Commit[] {
  const some: Commit[] = [];
  for (const commit of commits) {
    some.push(commit);
    if (commit.revision >= last) break;
  }
  return some;
}

/** The key as the commit found it. */
function foundBy({ changes }: Commit, key: Bytes): KeyRecord | null {
  for (const change of changes) if (change.kind === "key" && subjectOf(change).key === key) return change.before;
  return null;
}
