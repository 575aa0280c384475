/**
 * @live A session with another registry, for the mirror of it: kept by the node on duty, and begun anew when it ends, later
 * each time.
 */
import type { Nodes } from "../core/index.ts";

const WAIT_MS_MIN = 1000;
const WAIT_MS_MAX = 30_000;

/** What talks with the other registry until either side ends it. */
export interface Session {
  /** Its `ended` is called, then or before. */
  close(why: string): void;
}

export interface SessionsParts {
  readonly nodes: Nodes;
  /** `ended` is called once, and not before this returns. */
  open(ended: (why: string) => void): Session;
  /** Told at the first of several losses in a row. */
  lost(why: string): void;
}

export class Sessions {
  readonly #parts: SessionsParts;
  #session: Session | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = WAIT_MS_MIN;
  #isLost = false;
  #stop: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  begin(): void {
    this.#stop = this.#parts.nodes.onDuty(() => this.#open());
    this.#open();
  }

  /** The other registry answers as it should: the next loss is told, and tried again soon. */
  wentWell(): void {
    this.#waitMs = 0;
    this.#isLost = false;
  }

  /** False, and the session ends, once another node has the duty. */
  holds(): boolean {
    if (this.#parts.nodes.isOnDuty()) return true;
    this.#session?.close("another node mirrors it now");
    return false;
  }

  close(): void {
    this.#isClosed = true;
    this.#stop?.();
    clearTimeout(this.#timer);
    this.#session?.close("the registry stops");
  }

  #open(): void {
    clearTimeout(this.#timer);
    const { nodes, open } = this.#parts;
    if (this.#isClosed || this.#session !== undefined || !nodes.isOnDuty()) return;
    this.#session = open((why) => this.#ended(why));
  }

  #ended(why: string): void {
    this.#session = undefined;
    if (this.#isClosed || !this.#parts.nodes.isOnDuty()) return;
    if (!this.#isLost) this.#parts.lost(why);
    this.#isLost = true;
    this.#waitMs = Math.min(Math.max(2 * this.#waitMs, WAIT_MS_MIN), WAIT_MS_MAX);
    this.#timer = setTimeout(() => this.#open(), this.#waitMs);
  }
}
