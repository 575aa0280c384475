/** @live Which groups of the oldest history are to be forgotten: a few with each append, or on a timer without one. */
import type { Clock, Revision } from "../../../core/index.ts";
import { Ageing, type Ages, type RetentionLimits } from "../../../records/ageing.ts";
import { summarizeGroup } from "../../../records/group.ts";
import { PAGE_BYTES } from "../file/pages.ts";
import type { Store } from "../store/databases.ts";

interface OldGroup {
  readonly first: Revision;
  readonly last: Revision;
  readonly bytes: number;
}

const LOOK_AHEAD_GROUPS = 16;
const PAGE_HEAD_BYTES = 24;

/** What a value takes on disk: whole pages when it does not fit into half of one. */
export function diskBytes(valueBytes: number): number {
  if (valueBytes < PAGE_BYTES / 2 - 64) return valueBytes + 32;
  return Math.ceil((valueBytes + PAGE_HEAD_BYTES) / PAGE_BYTES) * PAGE_BYTES;
}

export class Retention {
  /** History up to here is gone, or about to be. */
  floor: Revision;
  readonly #store: Store;
  readonly #limits: RetentionLimits;
  readonly #clock: Clock;
  readonly #ageing: Ageing;
  #logBytes: number;
  #oldest: OldGroup[] = [];
  #next: Revision = 0;

  constructor(options: { store: Store; limits: RetentionLimits; clock: Clock; floor: Revision; ages: Ages }) {
    const { store, limits, clock, floor, ages } = options;
    this.#store = store;
    this.#limits = limits;
    this.#clock = clock;
    this.#ageing = new Ageing(ages, limits.ageMs, clock.monotonic());
    this.floor = floor;
    this.#logBytes = store.logBytes;
  }

  /** What is to be written of how old history is, if anything. `last`: the latest revision. */
  note(last: Revision): Ages | undefined {
    return this.#ageing.note(last, this.floor, this.#clock.monotonic());
  }

  /** The same at a stop. */
  end(last: Revision): Ages | undefined {
    return this.#ageing.end(last, this.floor, this.#clock.monotonic());
  }

  added(valueBytes: number): void {
    this.#logBytes += diskBytes(valueBytes);
  }

  /** The next groups to forget, at most `max`, none of them newer than the checkpoint. They count as gone from now on. */
  take(max: number, checkpoint: Revision): readonly OldGroup[] {
    const taken: OldGroup[] = [];
    while (taken.length < max && this.#isDue(checkpoint)) {
      const group = this.#oldest.shift() as OldGroup;
      taken.push(group);
      this.#logBytes -= group.bytes;
      if (group.last > this.floor) this.floor = group.last;
    }
    return taken;
  }

  /** These groups could not be removed: they are first in line again. */
  putBack(groups: readonly OldGroup[]): void {
    this.#oldest.unshift(...groups);
    for (const { bytes } of groups) this.#logBytes += bytes;
  }

  #isDue(checkpoint: Revision): boolean {
    if (this.#oldest.length === 0) this.#lookAhead();
    const group = this.#oldest[0];
    if (group === undefined || group.last > checkpoint) return false;
    return (
      group.last <= this.floor ||
      this.#logBytes > this.#limits.bytesMax ||
      group.last <= this.#ageing.dueAt(this.#clock.monotonic())
    );
  }

  #lookAhead(): void {
    for (const { first, bytes } of this.#store.groups(this.#next)) {
      if (first < this.#next) continue;
      const summary = summarizeGroup(bytes);
      // A damaged group is forgotten like any other; only its end is unknown.
      const last = summary.ok ? summary.value.last : first;
      this.#oldest.push({ first, last, bytes: diskBytes(bytes.length) });
      this.#next = first + 1;
      if (this.#oldest.length >= LOOK_AHEAD_GROUPS) return;
    }
  }
}
