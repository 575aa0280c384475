/**
 * The changes of one account in the last minutes, by instance: the newest change of each is the one that counts. Times are
 * monotonic.
 */
import { type Account, type Commit, type InstanceRecord, subjectOf, type View } from "../../../core/index.ts";
import type { Body } from "../../../net/answers/parts.ts";
import { META } from "../instances/meta.ts";
import { findInstance } from "../instances/registration.ts";
import type { ActionType } from "../wire/messages.ts";
import { infoMaker, type Source } from "./application.ts";
import { Chunks, type Listed, type Listing, type ToInfo } from "./chunks.ts";
import { Bodies, type Form, joinApplications, KEPT_BODY_BYTES_MAX } from "./piece.ts";

/** An instance that has changed. */
interface Changed {
  readonly app: string;
  readonly id: string;
  readonly atMs: number;
  readonly action: ActionType;
  /** As it was before its end; while it is there it is shown as it is now. */
  readonly gone: InstanceRecord | undefined;
  /** True when a newer change of the same instance counts instead, or it was let go. */
  isOver: boolean;
}

/** The instances of one application that have changed. */
interface ChangedApplication {
  readonly byId: Map<string, Changed>;
  /** Undefined when they have changed again since it was listed. */
  listing: Listing | undefined;
  chunks: Chunks;
}

/** The commits that were not read, of any account. */
export interface Gap {
  /** Changes before this time (monotonic ms) may be missing; Infinity while that is being found out. */
  readonly untilMs: number;
}

/** The line may hold as many changes that are over as changes that count, and so many more, before they are taken out. */
const OVER_MAX = 1024;

/** Instances and applications that are looked at in one step, about. */
const LOOKS_MAX = 1000;

/** Clients ask every 30 s: a window that reaches back less than this would keep things from them. */
const REACH_MS_MIN = 60_000;

export class Window {
  readonly #account: Account;
  readonly #toInfo: ToInfo;
  readonly #spanMs: number;
  readonly #changedMax: number;
  /** In the order of their time, from `#first` on. A Map from which the first is deleted again and again gets slow. */
  #line: (Changed | undefined)[] = [];
  #first = 0;
  #size = 0;
  readonly #applications = new Map<string, ChangedApplication>();
  readonly #bodies = new Bodies();
  /** The state that the bodies are of. */
  #bodiesOf = "";
  /** Counts what was added and removed. */
  #turn = 0;
  /** The time of the latest change that was let go before its time. */
  #droppedAtMs = Number.NEGATIVE_INFINITY;
  readonly #gap: Gap;

  constructor(source: Source, account: Account, spanMs: number, changedMax: number, gap: Gap) {
    this.#account = account;
    this.#toInfo = infoMaker(source, account);
    this.#spanMs = spanMs;
    this.#changedMax = changedMax;
    this.#gap = gap;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes kept here. */
  get bytes(): number {
    let sum = this.#bodies.bytes;
    for (const { chunks } of this.#applications.values()) sum += chunks.bytes;
    return sum;
  }

  /** Lets go of what is encoded; the changes stay. */
  forget(): void {
    for (const [app, changed] of this.#applications) {
      changed.listing = undefined;
      changed.chunks = new Chunks(app, this.#toInfo);
    }
    this.#bodies.clear();
  }

  /** `atMs`: when it was committed, not before what was learned already. */
  learn({ changes }: Commit, atMs: number): void {
    for (const change of changes) {
      if (change.kind !== "instance") continue;
      this.#add(subjectOf(change), actionOf(change), atMs);
    }
    this.purge(atMs);
    while (this.#size > this.#changedMax) this.dropOldest();
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

  /** Lists some of the applications that have changed; true when none is left. The answer is for the time after that. */
  step(view: View): boolean {
    let looks = 0;
    for (const [app, changed] of this.#applications) {
      if (changed.listing !== undefined) continue;
      if (looks >= LOOKS_MAX) return false;
      this.#list(view, app, changed);
      looks += 1 + changed.byId.size;
    }
    return true;
  }

  /** Undefined when changes are missing that clients need. */
  answer(view: View, nowMs: number, form: Form, version: string, hashcode: string): Body | undefined {
    this.purge(nowMs);
    if (!this.reaches(nowMs)) return undefined;
    const state = `${this.#turn} ${version} ${hashcode}`;
    if (state !== this.#bodiesOf) {
      this.#bodies.clear();
      this.#bodiesOf = state;
    }
    return this.#bodies.get(form, () => {
      const applications = [...this.#applications].map(([app, changed]) => this.#list(view, app, changed).pieces);
      return joinApplications(form, version, hashcode, applications, KEPT_BODY_BYTES_MAX);
    });
  }

  #list(view: View, app: string, changed: ChangedApplication): Listing {
    if (changed.listing !== undefined) return changed.listing;
    const all: Listed[] = [];
    for (const { id, gone, action } of changed.byId.values()) {
      const now = findInstance(view, this.#account, app, id);
      // Another service of the same name in other letters may have the same id: then the instance is not gone.
      if (now !== undefined) all.push({ record: now, action: action === "DELETED" ? "MODIFIED" : action });
      else if (gone !== undefined) all.push({ record: gone, action: "DELETED" });
    }
    changed.listing = changed.chunks.update(all);
    return changed.listing;
  }

  #add(record: InstanceRecord, action: ActionType, atMs: number): void {
    const app = record.service.toUpperCase();
    const gone = action === "DELETED" ? record : undefined;
    const one: Changed = { app, id: record.id, atMs, action, gone, isOver: false };
    let changed = this.#applications.get(app);
    if (changed === undefined) {
      changed = { byId: new Map(), listing: undefined, chunks: new Chunks(app, this.#toInfo) };
      this.#applications.set(app, changed);
    }
    const before = changed.byId.get(record.id);
    if (before === undefined) this.#size++;
    else before.isOver = true;
    changed.byId.set(record.id, one);
    this.#line.push(one);
    this.#tidy();
    changed.listing = undefined;
    this.#turn++;
  }

  /** The first in line that counts; those before it leave the line. */
  #oldest(): Changed | undefined {
    for (; this.#first < this.#line.length; this.#first++) {
      const one = this.#line[this.#first];
      if (one?.isOver === false) return one;
      this.#line[this.#first] = undefined;
    }
    return undefined;
  }

  /** Keeps the line in proportion to what counts. */
  #tidy(): void {
    if (this.#line.length <= 2 * this.#size + OVER_MAX) return;
    this.#line = this.#line.filter((one) => one?.isOver === false);
    this.#first = 0;
  }

  #remove(one: Changed): void {
    const { app, id } = one;
    one.isOver = true;
    this.#size--;
    const changed = this.#applications.get(app);
    if (changed === undefined) return;
    changed.byId.delete(id);
    changed.listing = undefined;
    if (changed.byId.size === 0) this.#applications.delete(app);
    this.#turn++;
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
