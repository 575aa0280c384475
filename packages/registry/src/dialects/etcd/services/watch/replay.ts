/** @live A watch that reads history until it has come to what happens now. */
import type { Account, Commit, Registry, Revision, Watch, Watcher } from "../../../../core/index.ts";
import type { Happened } from "../../wire/watch.ts";
import { readPast } from "./past.ts";
import { pieceOf, Told } from "./told.ts";
import type { Watching } from "./watching.ts";

export interface ReplayParts {
  readonly registry: Registry;
  readonly account: Account;
  readonly watching: Watching;
  /** The client takes no more now: `resume` is called when it does. */
  isFull(): boolean;
  tell(told: Told): void;
  /** All that there is was told: from now on it is live. */
  caughtUp(): void;
  /** History of the account's keys is gone up to here. */
  floor(): Revision;
  /** What it wants to hear is gone. */
  compacted(): void;
}

/** With so few revisions behind, all that is lacking is told at once. */
const PULLED_MAX = 256;

export class Replay implements Watcher {
  readonly #parts: ReplayParts;
  #watch: Watch | undefined;
  #isOver = false;

  constructor(parts: ReplayParts) {
    this.#parts = parts;
  }

  begin(): void {
    const { registry, account, watching, floor, compacted } = this.#parts;
    const { after, range } = watching;
    if (after >= 0 && after === floor() - 1) return void this.#tellFloor(floor());
    const watch = registry.follow({ account, keys: range }, after, this);
    if (watch.ok) this.#watch = watch.value;
    else if (watch.refusal === "compacted") this.#finish(() => compacted());
    // It can be nothing else; a stream that goes on without what it lacks would be worse than one that ends.
    else throw new Error(`a watch cannot be followed: ${watch.detail}`);
  }

  /**
   * The revision that history was compacted to can still be watched, as in etcd, though its commit is gone: what was
   * written with it and was there then is known.
   */
  async #tellFloor(floor: Revision): Promise<void> {
    const { registry, account, watching, tell, compacted } = this.#parts;
    const happened: Happened[] = [];
    const isWhole = await readPast(registry, account, watching.range, floor, (record) => {
      const change = { kind: "key", cause: "put", before: null, after: record } as const;
      if (record.modRevision === floor) happened.push({ change, revision: floor });
    });
    if (this.#isOver) return;
    if (!isWhole) return this.#finish(() => compacted());
    tell(new Told(floor, happened));
    this.begin();
  }

  deliver(commits: readonly Commit[]): number {
    const { watching, isFull, tell } = this.#parts;
    if (this.#isOver) return commits.length;
    if (isFull()) return 0;
    const { told, count } = pieceOf(commits, watching.range);
    tell(told);
    // Where it stands now is known once this has returned.
    queueMicrotask(() => this.#look());
    return count;
  }

  caughtUp(): void {
    queueMicrotask(() => this.#look());
  }

  #look(): void {
    const watch = this.#watch;
    if (this.#isOver || watch === undefined || this.#parts.isFull()) return;
    const head = this.#head();
    if (watch.position < head && head - watch.position <= PULLED_MAX) watch.pull();
    if (this.#isOver || watch.position < this.#head()) return;
    this.#finish(() => this.#parts.caughtUp());
  }

  #head(): Revision {
    return this.#parts.registry.read((view) => view.revision);
  }

  resume(): void {
    this.#watch?.resume();
    this.#look();
  }

  lost(): void {
    this.#watch = undefined;
    if (this.#isOver) return;
    if (this.#parts.watching.after < this.#parts.floor()) this.#finish(() => this.#parts.compacted());
    else this.begin();
  }

  #finish(then: () => void): void {
    this.close();
    then();
  }

  close(): void {
    this.#isOver = true;
    this.#watch?.close();
    this.#watch = undefined;
  }
}
