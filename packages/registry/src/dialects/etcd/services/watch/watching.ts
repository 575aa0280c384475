/** One watch of a stream. */
import type { KeyRange, Revision } from "../../../../core/index.ts";
import type { WatchId } from "../../wire/watch.ts";
import type { Standing } from "./places.ts";
import type { Told } from "./told.ts";

/** The stream that a watch belongs to, as those who tell it see it. */
export interface Teller {
  /** Something that concerns a live watch of it. */
  tell(told: Told, watching: Watching): void;
  /** A live watch missed what came after this revision. */
  miss(watching: Watching, after: Revision): void;
}

export class Watching implements Standing {
  readonly range: KeyRange;
  readonly id: WatchId;
  readonly stream: Teller;
  /** `NO_PUT`, `NO_DELETE`, `PREVIOUS`. */
  readonly variant: number;
  readonly isFragmented: boolean;
  readonly isNotified: boolean;
  place: unknown = undefined;
  nth = 0;
  /** It was told everything up to here, or wants to hear nothing of it. */
  after: Revision;
  /** It is told of commits as they come; else it waits for its turn to read history, or does so. */
  isLive = false;
  /** What waits to be written to it: how much, and the first revision of that. */
  waiting = 0;
  firstWaiting: Revision = 0;
  /** Something was written to it since the last time that it might have been notified. */
  wasTold = true;

  constructor(
    stream: Teller,
    id: WatchId,
    range: KeyRange,
    after: Revision,
    said: { readonly variant: number; readonly isFragmented: boolean; readonly isNotified: boolean },
  ) {
    this.stream = stream;
    this.id = id;
    this.range = range;
    this.after = after;
    this.variant = said.variant;
    this.isFragmented = said.isFragmented;
    this.isNotified = said.isNotified;
  }

  get isOpen(): boolean {
    return this.place !== undefined;
  }
}
