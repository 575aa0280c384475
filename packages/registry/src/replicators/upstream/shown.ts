/**
 * @live What the agent shows: the account as it was copied, the commits since, and what is held. Commits come at the
 * registry's revisions; where it has more of them than this account, a commit without changes takes their place.
 */
import {
  type Account,
  type Change,
  type Commit,
  type InstanceKey,
  type InstanceRecord,
  type KeyRecord,
  type Position,
  positionAfter,
  RecentCommits,
  type Revision,
  type Sink,
} from "../../core/index.ts";
import { findReplaced, type Held, judge, laidOver, nameOf, nameOfInstance, nameOfKey } from "./hold.ts";
import type { Own } from "./own.ts";
import type { Snapshot } from "./snapshot.ts";
import { headOf, rowsOf, type State, toRestored } from "./state.ts";

export interface ShownParts {
  readonly account: Account;
  readonly sink: Sink;
  readonly own: Pick<Own, "part">;
  /** Something is to be saved. */
  changed(): void;
}

/** From when, and until when. */
export interface HoldTimes {
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** What the registry says of its order: its end, and that of what touched the account. */
export interface Head {
  readonly revision: Revision;
  readonly accountRevision: Revision;
}

interface Waiting {
  readonly revision: Revision;
  readonly resolve: () => void;
}

export class Shown {
  readonly recent: RecentCommits;
  readonly #parts: ShownParts;
  readonly #held = new Map<string, Held>();
  #line: string;
  #last: Position;
  /** The registry told of everything up to here, though the view may not be there. */
  #toldRevision: Revision;
  #waiting: Waiting[] = [];

  /** The snapshot is what it begins with; it is not kept. */
  constructor(parts: ShownParts, { state, held }: Snapshot) {
    this.#parts = parts;
    this.#line = state.line;
    this.#toldRevision = state.revision;
    this.#last = { revision: state.revision, orderMs: 0, nth: 0 };
    this.recent = new RecentCommits(state.revision);
    for (const one of held) this.#held.set(nameOf(one), one);
    parts.sink.restore(this.#restored(state));
  }

  get revision(): Revision {
    return this.#parts.sink.view.revision;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  #restored(state: State) {
    const { account, own } = this.#parts;
    const { revision, account: head, ...rows } = state;
    return toRestored(revision, [own.part, { name: account, account: head, rows }]);
  }

  /** As it is shown now. */
  #state(): State {
    const { account, sink } = this.#parts;
    const found = sink.view.account(account);
    return { line: this.#line, revision: sink.view.revision, account: headOf(found), ...rowsOf(found) };
  }

  take(): Snapshot {
    return { state: this.#state(), held: [...this.#held.values()] };
  }

  /** The next commit of the account; one that is known is passed over. */
  commit(commit: Commit): void {
    if (commit.revision <= this.revision) return;
    const replaced = this.#held.size === 0 ? [] : this.#replacedBy(commit);
    this.#show(commit);
    if (replaced.length > 0) this.#replaceWithout(new Set(replaced.map(nameOfInstance)));
  }

  #show(commit: Commit): void {
    this.#last = positionAfter(commit);
    this.#toldRevision = Math.max(this.#toldRevision, commit.revision);
    this.recent.append([commit]);
    this.#parts.sink.committed([commit]);
    this.#parts.changed();
    this.#wake();
  }

  /** What the commit is about is held no more; told are those whose places others have taken. */
  #replacedBy({ changes }: Commit): readonly InstanceRecord[] {
    const came: InstanceRecord[] = [];
    for (const change of changes) {
      if (change.kind === "instance") {
        for (const record of [change.before, change.after])
          if (record !== null) this.#held.delete(nameOfInstance(record));
        if (change.after !== null) came.push(change.after);
      }
      if (change.kind === "key")
        for (const record of [change.before, change.after])
          if (record !== null) this.#held.delete(nameOfKey(record.key));
    }
    return came.length === 0 ? [] : findReplaced(this.#records().instances, came);
  }

  /** The records that are held. */
  #records(): { instances: InstanceRecord[]; keys: KeyRecord[] } {
    const { account, sink } = this.#parts;
    const found = { instances: [] as InstanceRecord[], keys: [] as KeyRecord[] };
    for (const one of this.#held.values())
      if (one.kind === "key") push(found.keys, sink.view.entry(account, one.key));
      else push(found.instances, sink.view.instance(account, one.service, one.id));
    return found;
  }

  /** The registry told of all that there is up to this revision. */
  passed(revision: Revision): void {
    this.#toldRevision = Math.max(this.#toldRevision, revision);
    this.#pass(revision);
  }

  #pass(revision: Revision): void {
    if (revision <= this.revision) return;
    const { orderMs, nth } = this.#last;
    this.#show({ revision, account: this.#parts.account, atMs: orderMs, orderMs, nth, changes: [] });
  }

  /** Resolves when all of the account is shown, and the view is at the head; to false after `waitMs`. */
  async reached(head: Head, waitMs: number): Promise<boolean> {
    if (!(await this.told(head, waitMs))) return false;
    // Nothing of the account lies between the two.
    this.#pass(head.revision);
    return true;
  }

  /** Resolves when all of the account is shown; to false after `waitMs`. */
  told({ accountRevision: revision }: Head, waitMs: number): Promise<boolean> {
    if (this.#toldRevision >= revision) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting);
        resolve(false);
      }, waitMs);
      const waiting: Waiting = {
        revision,
        resolve: () => {
          clearTimeout(timer);
          resolve(true);
        },
      };
      this.#waiting.push(waiting);
    });
  }

  #wake(): void {
    const isThere = ({ revision }: Waiting): boolean => revision <= this.#toldRevision;
    const there = this.#waiting.filter(isThere);
    if (there.length === 0) return;
    this.#waiting = this.#waiting.filter((one) => !isThere(one));
    for (const { resolve } of there) resolve();
  }

  /** The agent's own part is another one. */
  again(): void {
    this.#parts.sink.replace(this.#restored(this.#state()));
  }

  /** The state was read anew, in the same order. Says how much is kept though it was not found, and why. */
  replace(state: State, times: HoldTimes): { readonly count: number; readonly reason: string } {
    if (state.revision === this.revision) return { count: 0, reason: "" };
    const reason = "the registry lost it without a word, and much else with it";
    const { snapshot, count } = this.#over(state, times, false, reason);
    this.#held.clear();
    for (const one of snapshot.held) this.#held.set(nameOf(one), one);
    this.#last = { ...this.#last, revision: state.revision };
    this.#toldRevision = state.revision;
    this.recent.compact(state.revision);
    this.#parts.sink.replace(this.#restored(snapshot.state));
    this.#parts.changed();
    this.#wake();
    return { count, reason };
  }

  /** The state of another order, with all that is known laid over it. */
  under(state: State, times: HoldTimes, reason: string): { readonly snapshot: Snapshot; readonly count: number } {
    return this.#over(state, times, true, reason);
  }

  #over(state: State, times: HoldTimes, forgot: boolean, reason: string) {
    const kept = judge({ known: this.#state(), found: state, forgot });
    const names: Held[] = [
      ...kept.instances.map(({ service, id }): Held => ({ kind: "instance", service, id, untilMs: times.untilMs })),
      ...kept.keys.map(({ key }): Held => ({ kind: "key", key, untilMs: times.untilMs })),
    ];
    // One that was held before is held no longer for it.
    const held = names.map((one) => this.#held.get(nameOf(one)) ?? one);
    const rows = laidOver(state, kept, state.revision, { ...times, reason });
    return { snapshot: { state: { ...state, ...rows }, held }, count: held.length };
  }

  isDue(nowMs: number): boolean {
    for (const { untilMs } of this.#held.values()) if (untilMs <= nowMs) return true;
    return false;
  }

  /** All of the account is shown. Where the head is beyond it, watchers are told what goes; else they have to look. */
  letGo(nowMs: number, { revision }: Head): void {
    const names = new Set([...this.#held].flatMap(([name, { untilMs }]) => (untilMs <= nowMs ? name : [])));
    if (names.size === 0) return;
    if (revision <= this.revision) return this.#replaceWithout(names);
    const { instances, keys } = this.#records();
    for (const name of names) this.#held.delete(name);
    const changes: Change[] = [
      ...instances
        .filter((one) => names.has(nameOfInstance(one)))
        .map((before): Change => ({ kind: "instance", cause: "expired", before, after: null })),
      ...keys
        .filter(({ key }) => names.has(nameOfKey(key)))
        .map((before): Change => ({ kind: "key", cause: "deleted", before, after: null })),
    ];
    const { orderMs, nth } = this.#last;
    this.#show({ revision, account: this.#parts.account, atMs: orderMs, orderMs, nth, changes });
  }

  /** Somebody took it out, and the registry does not know it anyway. */
  drop(instance: InstanceKey): void {
    const name = nameOfInstance(instance);
    if (this.#held.has(name)) this.#replaceWithout(new Set([name]));
  }

  /** The view without these, which are held: no commit of the registry says so, and so nobody is told a revision of it. */
  #replaceWithout(names: ReadonlySet<string>): void {
    const state = this.#state();
    for (const name of names) this.#held.delete(name);
    const instances = state.instances.filter((one) => !names.has(nameOfInstance(one)));
    const keys = state.keys.filter(({ key }) => !names.has(nameOfKey(key)));
    this.#parts.sink.replace(this.#restored({ ...state, instances, keys }));
    this.#parts.changed();
  }
}

function push<T>(list: T[], one: T | undefined): void {
  if (one !== undefined) list.push(one);
}
