/** The changes of one account in the last minutes, by instance: the newest change of each is the one that counts. */
import type { Account, Commit, InstanceRecord, View } from "../../core/index.ts";
import type { ActionType } from "./codec-model.ts";
import { type Source, writeRecords } from "./session-fetch-application.ts";
import { type Form, joinApplications, Piece } from "./session-fetch-piece.ts";
import { META } from "./translate-meta.ts";

interface Entry {
  readonly app: string;
  readonly id: string;
  readonly atMs: number;
  readonly action: ActionType;
  /** As it was last; what is shown of an instance that is still there is what it is now. */
  readonly record: InstanceRecord;
}

/** The changes of one application. */
class Changed {
  /** By instance id. */
  readonly entries = new Map<string, Entry>();
  /** What is encoded of them; made anew when they have changed. */
  piece: Piece | undefined;
}

/** Clients ask every 30 s: a window that reaches back less than this would keep things from them. */
const REACH_MS_MIN = 60_000;

export class Window {
  readonly #source: Source;
  readonly #account: Account;
  readonly #spanMs: number;
  readonly #entriesMax: number;
  /** In the order of their time. */
  readonly #entries = new Map<string, Entry>();
  readonly #applications = new Map<string, Changed>();
  readonly #wholes = new Map<string, Buffer>();
  /** What the whole answers are of. */
  #wholesOf = "";
  #stamp = 0;
  /** Up to here changes are missing. */
  #droppedAtMs = 0;

  constructor(source: Source, account: Account, spanMs: number, entriesMax: number) {
    this.#source = source;
    this.#account = account;
    this.#spanMs = spanMs;
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    let sum = 0;
    for (const { piece } of this.#applications.values()) sum += piece?.bytes ?? 0;
    for (const whole of this.#wholes.values()) sum += whole.length;
    return sum;
  }

  /** Lets go of what is encoded; the changes stay. */
  forget(): void {
    for (const changed of this.#applications.values()) changed.piece = undefined;
    this.#wholes.clear();
  }

  learn(commit: Commit): void {
    for (const change of commit.changes) {
      if (change.kind !== "instance") continue;
      const record = change.after ?? change.before;
      if (record !== null) this.#add(record, actionOf(change), commit.atMs);
    }
    this.purge(commit.atMs);
    while (this.#entries.size > this.#entriesMax) this.dropOldest();
  }

  /** Forgets changes that are too old. */
  purge(nowMs: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.atMs > nowMs - this.#spanMs) break;
      this.#remove(key, entry);
    }
  }

  /** Forgets the oldest change although it is not too old. */
  dropOldest(): void {
    for (const [key, entry] of this.#entries) {
      this.#remove(key, entry);
      this.#droppedAtMs = Math.max(this.#droppedAtMs, entry.atMs);
      return;
    }
  }

  /** True when a client that asked half a minute ago misses nothing by asking now. */
  reaches(nowMs: number): boolean {
    return this.#droppedAtMs <= nowMs - Math.min(REACH_MS_MIN, this.#spanMs);
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
      const pieces = [...this.#applications].map(([app, changed]) => this.#pieceOf(view, app, changed));
      whole = joinApplications(form, version, hashcode, pieces);
      this.#wholes.set(key, whole);
    }
    return whole;
  }

  #pieceOf(view: View, app: string, changed: Changed): Piece {
    if (changed.piece !== undefined) return changed.piece;
    const actions = new Map<InstanceRecord, ActionType>();
    for (const entry of changed.entries.values()) {
      const { index } = this.#source;
      const now = index.find(view, this.#account, app, entry.id);
      // Another service of the same name in other letters may have the same id: then the instance is not gone.
      if (now === undefined) actions.set(entry.record, "DELETED");
      else actions.set(now, entry.action === "DELETED" ? "MODIFIED" : entry.action);
    }
    const records = [...actions.keys()];
    const piece = new Piece((format) =>
      writeRecords(this.#source, this.#account, format, app, records, (record) => actions.get(record) ?? "MODIFIED"),
    );
    changed.piece = piece;
    return piece;
  }

  #add(record: InstanceRecord, action: ActionType, atMs: number): void {
    const app = record.service.toUpperCase();
    const key = `${app}/${record.id}`;
    const entry: Entry = { app, id: record.id, atMs, action, record };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    let changed = this.#applications.get(app);
    if (changed === undefined) {
      changed = new Changed();
      this.#applications.set(app, changed);
    }
    changed.entries.set(record.id, entry);
    changed.piece = undefined;
    this.#stamp++;
  }

  #remove(key: string, { app, id }: Entry): void {
    this.#entries.delete(key);
    const changed = this.#applications.get(app);
    if (changed === undefined) return;
    changed.entries.delete(id);
    changed.piece = undefined;
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
  // An operator's UP is kept in the meta: see translate-status.ts.
  return before.meta[META.overriddenStatus] === after.meta[META.overriddenStatus] ? "ADDED" : "MODIFIED";
}
