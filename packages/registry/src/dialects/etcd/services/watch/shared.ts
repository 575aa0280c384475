/** @live What all streams of watches share, and how much they may keep. */
import type { Account } from "../../../../core/index.ts";
import { openLine } from "../../../../net/answers/turns.ts";
import type { Call } from "../../../../net/grpc/method.ts";
import type { Visit } from "../../../../net/routes/visits.ts";
import type { Desk } from "../../desk.ts";
import { Boards } from "./board.ts";
import { Flusher } from "./flusher.ts";
import type { Watching } from "./watching.ts";

export type Parts = Pick<Desk, "registry" | "access" | "settings" | "identity" | "lasting" | "metrics">;

/** A stream of watches. */
export interface Guest extends Visit {
  /** Tells watches that want to know, one after the other, how far they have come. */
  notify(): Iterable<void>;
}

/** What the watches of all streams may take: of each its range, and so much besides. */
const BYTES_MAX = 512 * 1024 * 1024;
const WATCH_BYTES = 512;
/** What may wait to be written to all streams. With more, it is read from history later. */
const WAITING_MAX = 500_000;
/** Watches that are notified in one turn. */
const NOTIFIED_MAX = 500;

export class Shared {
  readonly registry: Parts["registry"];
  readonly access: Parts["access"];
  readonly settings: Parts["settings"];
  readonly identity: Parts["identity"];
  readonly boards: Boards;
  readonly flusher = new Flusher();
  readonly #parts: Parts;
  readonly #streams = new Set<Guest>();
  readonly #inTurn = openLine();
  readonly #notifying: NodeJS.Timeout;
  #bytes = 0;
  #waiting = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.registry = parts.registry;
    this.access = parts.access;
    this.settings = parts.settings;
    this.identity = parts.identity;
    this.boards = new Boards(parts.registry);
    this.#notifying = setInterval(() => this.#notify(), parts.settings.progressMs).unref();
  }

  enter(stream: Guest, call: Call): void {
    this.#streams.add(stream);
    this.#parts.lasting.enter(stream, call);
    this.#parts.metrics.watchers("etcd", 1);
  }

  leave(stream: Guest, account: Account | undefined): void {
    this.#streams.delete(stream);
    this.#parts.lasting.leave(stream);
    this.#parts.metrics.watchers("etcd", -1);
    if (account !== undefined) this.boards.leave(account);
  }

  /** False when there are too many. */
  admit(watching: Watching): boolean {
    const bytes = bytesOf(watching);
    if (this.#bytes + bytes > BYTES_MAX) return false;
    this.#bytes += bytes;
    return true;
  }

  release(watching: Watching): void {
    this.#bytes -= bytesOf(watching);
  }

  /** False when too much waits already. */
  mayWait(more: number): boolean {
    if (this.#waiting + more > WAITING_MAX) return false;
    this.#waiting += more;
    return true;
  }

  waits(more: number): void {
    this.#waiting += more;
  }

  #notify(): void {
    for (const stream of [...this.#streams]) this.#notifySome(stream.notify()[Symbol.iterator]());
  }

  #notifySome(steps: Iterator<void>): void {
    this.#inTurn(() => {
      for (let nth = 0; nth < NOTIFIED_MAX; nth++) if (steps.next().done === true) return;
      this.#notifySome(steps);
    });
  }

  close(): void {
    clearInterval(this.#notifying);
    this.boards.close();
  }
}

function bytesOf({ range: { from, to = "" } }: Watching): number {
  return WATCH_BYTES + from.length + to.length;
}
