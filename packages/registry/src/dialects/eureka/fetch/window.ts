/** The changes of one account in the last minutes, by instance: the newest change of each is the one that counts. */
import type { Account, Commit, InstanceRecord, View } from "../../../core/index.ts";
import { META } from "../instances/meta.ts";
import type { ActionType } from "../wire/messages.ts";
import { infoMaker, type Source } from "./application.ts";
import { Chunks, type Listed, type ToInfo } from "./chunks.ts";
import { type Form, joinApplications, type Piece } from "./piece.ts";

interface Entry {
  readonly app: string;
  readonly id: string;
  readonly atMs: number;
  readonly action: ActionType;
  /** As it was last; what is shown of an instance that is still there is what it is now. */
  readonly record: InstanceRecord;
  /** It counts no more: a newer one of the same instance does, or it was let go. */
  isOver: boolean;
}

/** The changes of one application. */
class Changed {
  /** By instance id. */
  readonly entries = new Map<string, Entry>();
  /** Their text; undefined when they have changed since it was made. */
  pieces: readonly Piece[] | undefined;
  chunks: Chunks;

  constructor(chunks: Chunks) {
    this.chunks = chunks;
  }
}

/** What the reader of the commits has missed, of all accounts. */
export interface Gap {
  /** Up to here changes are missing; Infinity while nobody knows. */
  readonly untilMs: number;
}

/** Entries that are over may make up so many of those in line, and as many as count, before they are taken out. */
const OVER_MAX = 1024;

/** Clients ask every 30 s: a window that reaches back less than this would keep things from them. */
const REACH_MS_MIN = 60_000;

export class Window {
  readonly #source: Source;
  readonly #account: Account;
  readonly #toInfo: ToInfo;
  readonly #spanMs: number;
  readonly #entriesMax: number;
  /** In the order of their time. What is before `#first` is done with. A Map would look for its first one ever longer. */
  #line: (Entry | undefined)[] = [];
  #first = 0;
  #size = 0;
  readonly #applications = new Map<string, Changed>();
  readonly #wholes = new Map<string, Buffer>();
  /** What the whole answers are of. */
  #wholesOf = "";
  #stamp = 0;
  /** Up to here changes were let go. */
  #droppedAtMs = 0;
  readonly #gap: Gap;

  constructor(source: Source, account: Account, spanMs: number, entriesMax: number, gap: Gap) {
    this.#source = source;
    this.#account = account;
    this.#toInfo = infoMaker(source, account);
    this.#spanMs = spanMs;
    this.#entriesMax = entriesMax;
    this.#gap = gap;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    let sum = 0;
    for (const { pieces } of this.#applications.values()) for (const piece of pieces ?? []) sum += piece.bytes;
    for (const whole of this.#wholes.values()) sum += whole.length;
    return sum;
  }

  /** Lets go of what is encoded; the changes stay. */
  forget(): void {
    for (const [app, changed] of this.#applications) {
      changed.pieces = undefined;
      changed.chunks = new Chunks(app, this.#toInfo);
    }
    this.#wholes.clear();
  }

  learn(commit: Commit): void {
    for (const change of commit.changes) {
      if (change.kind !== "instance") continue;
      const record = change.after ?? change.before;
      if (record !== null) this.#add(record, actionOf(change), commit.atMs);
    }
    this.purge(commit.atMs);
    while (this.#size > this.#entriesMax) this.dropOldest();
  }

  /** Forgets changes that are too old. */
  purge(nowMs: number): void {
    for (;;) {
      const oldest = this.#oldest();
      if (oldest === undefined || oldest.atMs > nowMs - this.#spanMs) return;
      this.#remove(oldest);
    }
  }

  /** Forgets the oldest change although it is not too old. */
  dropOldest(): void {
    const oldest = this.#oldest();
    if (oldest === undefined) return;
    this.#remove(oldest);
    this.#droppedAtMs = Math.max(this.#droppedAtMs, oldest.atMs);
  }

  /** True when a client that asked half a minute ago misses nothing by asking now. */
  reaches(nowMs: number): boolean {
    return Math.max(this.#droppedAtMs, this.#gap.untilMs) <= nowMs - Math.min(REACH_MS_MIN, this.#spanMs);
  }

  /** Undefined when changes are missing that clients need. */
  answer(view: View, nowMs: number, form: Form, version: string, hashcode: string): Buffer | undefined {
    this.purge(nowMs);
    if (!this.reaches(nowMs)) return undefined;
    const stamp = `${this.#stamp} ${version} ${hashcode}`;
    if (stamp !== this.#wholesOf) {
      this.#wholes.clear();
      this.#wholesOf = stamp;
    }
    const key = `${form.format} ${form.gzip}`;
    let whole = this.#wholes.get(key);
    if (whole === undefined) {
      const applications = [...this.#applications].map(([app, changed]) => this.#piecesOf(view, app, changed));
      whole = joinApplications(form, version, hashcode, applications);
      this.#wholes.set(key, whole);
    }
    return whole;
  }

  #piecesOf(view: View, app: string, changed: Changed): readonly Piece[] {
    if (changed.pieces !== undefined) return changed.pieces;
    const all: Listed[] = [];
    for (const { id, record, action } of changed.entries.values()) {
      const now = this.#source.spellings.find(view, this.#account, app, id);
      // Another service of the same name in other letters may have the same id: then the instance is not gone.
      if (now === undefined) all.push({ record, action: "DELETED" });
      else all.push({ record: now, action: action === "DELETED" ? "MODIFIED" : action });
    }
    changed.pieces = changed.chunks.update(all).pieces;
    return changed.pieces;
  }

  #add(record: InstanceRecord, action: ActionType, atMs: number): void {
    const app = record.service.toUpperCase();
    const entry: Entry = { app, id: record.id, atMs, action, record, isOver: false };
    let changed = this.#applications.get(app);
    if (changed === undefined) {
      changed = new Changed(new Chunks(app, this.#toInfo));
      this.#applications.set(app, changed);
    }
    const before = changed.entries.get(record.id);
    if (before === undefined) this.#size++;
    else before.isOver = true;
    changed.entries.set(record.id, entry);
    this.#line.push(entry);
    this.#tidy();
    changed.pieces = undefined;
    this.#stamp++;
  }

  /** The first in line that counts; those before it leave the line. */
  #oldest(): Entry | undefined {
    for (; this.#first < this.#line.length; this.#first++) {
      const entry = this.#line[this.#first];
      if (entry?.isOver === false) return entry;
      this.#line[this.#first] = undefined;
    }
    return undefined;
  }

  /** Keeps the line in proportion to what counts. */
  #tidy(): void {
    if (this.#line.length <= 2 * this.#size + OVER_MAX) return;
    this.#line = this.#line.filter((entry) => entry?.isOver === false);
    this.#first = 0;
  }

  #remove(entry: Entry): void {
    const { app, id } = entry;
    entry.isOver = true;
    this.#size--;
    const changed = this.#applications.get(app);
    if (changed === undefined) return;
    changed.entries.delete(id);
    changed.pieces = undefined;
    if (changed.entries.size === 0) this.#applications.delete(app);
    this.#stamp++;
  }
}

type InstanceChange = Extract<Commit["changes"][number], { kind: "instance" }>;

/** A registration, the first or another, is ADDED; an operator's word, a check's result and protection MODIFY. */
function actionOf({ cause, before, after }: InstanceChange): ActionType {
  if (after === null) return "DELETED";
  if (before === null || cause === "registered") return "ADDED";
  if (cause !== "updated") return "MODIFIED";
  // An operator's UP is kept in the meta: see instances/status.ts.
  return before.meta[META.overriddenStatus] === after.meta[META.overriddenStatus] ? "ADDED" : "MODIFIED";
}
