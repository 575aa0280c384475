/**
 * How old history is, in time that really passed while a registry ran on the store. Clocks may jump, and when they do
 * nobody knows how long a stop was: stops do not count.
 */
import type { Revision } from "../core/index.ts";
import { type Meta, wholeNumber } from "./meta.ts";

/** How much of the history is kept. */
export interface RetentionLimits {
  /** History older than this is forgotten, in time that really passed while a registry ran. */
  readonly ageMs: number;
  /** And so is the oldest, when the log takes more than this in its store. */
  readonly bytesMax: number;
}

/** How old history is, in time that registries on this store ran: no clock that may be wrong has a part in it. */
export interface Ages {
  /** How long they ran, ms. */
  readonly ranMs: number;
  /** Everything up to this revision was there when they had run so long; oldest first. */
  readonly marks: readonly (readonly [revision: Revision, ranMs: number])[];
}

const NO_AGES: Ages = { ranMs: 0, marks: [] };

/** As they are stored; undefined when they are not yet. */
export function toAges(meta: Meta | undefined): Ages {
  if (meta === undefined) return NO_AGES;
  const marks = Array.isArray(meta.marks) ? (meta.marks as [Revision, number][]) : [];
  return { ranMs: Math.max(0, wholeNumber(meta, "ranMs")), marks };
}

/** So many marks stand for the whole age: history is forgotten later than it might be by that part of it, at most. */
const MARKS = 64;
/** How often what has passed is written down: at least and at most. */
const WRITE_MS_MIN = 1000;
const WRITE_MS_MAX = 600_000;

export class Ageing {
  readonly #ageMs: number;
  readonly #stepMs: number;
  readonly #originMs: number;
  #marks: Ages["marks"];
  #writtenMs: number;
  #writtenMarks: Ages["marks"];

  /** `ages`: as stored, at this monotonic time. */
  constructor(ages: Ages, ageMs: number, monotonicMs: number) {
    this.#ageMs = ageMs;
    this.#stepMs = Math.max(WRITE_MS_MIN, ageMs / MARKS);
    this.#originMs = monotonicMs - ages.ranMs;
    this.#marks = ages.marks;
    this.#writtenMs = ages.ranMs;
    this.#writtenMarks = ages.marks;
  }

  /** History up to here is older than its age; 0 when none is. */
  dueAt(monotonicMs: number): Revision {
    const bornMs = monotonicMs - this.#originMs - this.#ageMs;
    if ((this.#marks[0]?.[1] ?? Number.POSITIVE_INFINITY) > bornMs) return 0;
    return this.#marks.findLast(([, ranMs]) => ranMs <= bornMs)?.[0] ?? 0;
  }

  /** What is to be written, if anything: `last` is the latest revision, and history up to `floor` is gone. */
  note(last: Revision, floor: Revision, monotonicMs: number): Ages | undefined {
    const ages = this.end(last, floor, monotonicMs);
    const isDue = ages !== undefined && ages.ranMs - this.#writtenMs >= Math.min(this.#stepMs, WRITE_MS_MAX);
    if (ages === undefined || (ages.marks === this.#writtenMarks && !isDue)) return undefined;
    this.#writtenMs = ages.ranMs;
    this.#writtenMarks = ages.marks;
    return ages;
  }

  /** The same at a stop. */
  end(last: Revision, floor: Revision, monotonicMs: number): Ages | undefined {
    if (last <= floor) return undefined;
    const ranMs = Math.floor(monotonicMs - this.#originMs);
    const [latest, markedMs] = this.#marks.at(-1) ?? [0, Number.NEGATIVE_INFINITY];
    if (last > latest && ranMs - markedMs >= this.#stepMs)
      this.#marks = [...this.#marks.filter(([revision]) => revision > floor), [last, ranMs]];
    return { ranMs, marks: this.#marks };
  }
}
