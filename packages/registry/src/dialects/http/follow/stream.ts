/** @live A stream of commits or events that follows the registry: replay, live, parked while the client is slow. */
import type { Commit, Revision, Scope, Watch, Watcher } from "../../../core/index.ts";
import type { Stream, Streaming } from "../../../net/http/reply.ts";
import { catchUp } from "../../../net/routes/catch-up.ts";
import { ELSEWHERE, encodePosition } from "../../../net/routes/position.ts";
import type { Visit } from "../../../net/routes/visits.ts";
import type { Exchange } from "../desk.ts";
import { encodeEvent } from "../wire/sse.ts";
import type { Piece } from "./pieces.ts";

export interface FollowOptions {
  readonly scope: Scope;
  /** Undefined: from now on. `ELSEWHERE`: after a position of another order. */
  readonly after: Revision | undefined;
  /** Encodes the first of these commits, one at least. */
  readonly encode: (commits: readonly Commit[]) => Piece;
  /** The id of a message after which all commits up to this revision have been sent. */
  readonly idOf?: (revision: Revision) => string;
  readonly onClose?: () => void;
}

/** Answers with an endless stream. */
export function followCommits(exchange: Exchange<Streaming>, options: FollowOptions): void {
  new Follower(exchange, options).start(options.after);
}

class Follower implements Watcher, Visit {
  readonly #exchange: Exchange;
  readonly #options: FollowOptions;
  readonly #idOf: (revision: Revision) => string;
  readonly #stream: Stream;
  readonly #leave: () => void;
  #watch: Watch | undefined;
  #parked = false;
  #last: Revision = 0;

  constructor(exchange: Exchange<Streaming>, options: FollowOptions) {
    this.#exchange = exchange;
    this.#options = options;
    const { mark } = exchange.desk;
    this.#idOf = options.idOf ?? ((revision) => encodePosition(revision, mark));
    this.#stream = exchange.reply.events();
    this.#leave = exchange.desk.lasting.enter(this, exchange);
    this.#stream.onDrain(() => this.#resume());
    this.#stream.onClose(() => this.#end());
  }

  start(after: Revision | undefined): void {
    const { registry, lasting } = this.#exchange.desk;
    this.#last = after ?? registry.read((view) => view.revision);
    // While the request's body came, its token may have gone.
    if (lasting.draining || lasting.findRevoked(this.#exchange) !== undefined) return this.bye();
    const late = catchUp(registry, this.#last);
    if (late === undefined) return this.#begin();
    // One that is away for long does better at another node, with the position that it has.
    void late.then((refused) => (refused === undefined ? this.#begin() : this.bye()));
  }

  #begin(): void {
    if (!this.#stream.open) return;
    const now = this.#exchange.desk.registry.read((view) => view.revision);
    // A position from the future belongs to another history: a store that was put back to an older state.
    if (this.#last === ELSEWHERE || this.#last > now) this.#resync();
    else this.#follow(this.#last);
  }

  #follow(after: Revision): void {
    if (!this.#stream.open) return;
    const { scope } = this.#options;
    const watch = this.#exchange.desk.registry.follow(scope, after, this);
    if (!watch.ok) {
      if (watch.refusal === "compacted") this.#resync();
      else this.bye();
      return;
    }
    if (!this.#stream.open) return watch.value.close();
    this.#watch = watch.value;
  }

  /** The client has to read the state again; the stream goes on after it. */
  #resync(): void {
    this.#sayResync();
    this.#follow(this.#last);
  }

  #sayResync(): void {
    const { registry } = this.#exchange.desk;
    const compacted = registry.floor;
    const now = registry.read((view) => view.revision);
    this.#last = now;
    this.#send("resync", now, { revision: now, compacted });
  }

  #send(event: string, revision: Revision, data: unknown): void {
    this.#stream.write(Buffer.from(encodeEvent(event, this.#idOf(revision), JSON.stringify(data))));
  }

  deliver(commits: readonly Commit[]): number {
    if (!this.#stream.open) return commits.length;
    if (this.#parked) return 0;
    const { bytes, count, last } = this.#encode(commits);
    this.#last = last;
    // Taken all the same: `write` keeps the bytes, and what comes next is what waits.
    if (bytes.length > 0 && !this.#stream.write(bytes)) this.#parked = true;
    return count;
  }

  #encode(commits: readonly Commit[]): Piece {
    try {
      return this.#options.encode(commits);
    } catch (error) {
      // A bug. An end is better than a stream that stays open and leaves something out.
      this.#stream.end();
      throw error;
    }
  }

  #resume(): void {
    if (!this.#parked) return;
    this.#parked = false;
    this.#watch?.resume();
  }

  lost(): void {
    this.#watch = undefined;
    if (!this.#stream.open) return;
    this.#parked = false;
    this.#resync();
  }

  caughtUp(): void {
    if (!this.#stream.open || this.#watch === undefined) return;
    const { position } = this.#watch;
    this.#last = Math.max(this.#last, position);
    this.#send("ready", position, { revision: position });
  }

  bye(): void {
    if (!this.#stream.open) return;
    // Of a position of another order none can be made here.
    if (this.#last === ELSEWHERE) this.#sayResync();
    // The watch has also passed commits outside of the scope: its position may be later than the last commit sent.
    const revision = Math.max(this.#watch?.position ?? 0, this.#last);
    this.#stream.end(Buffer.from(encodeEvent("bye", this.#idOf(revision), JSON.stringify({ revision }))));
  }

  #end(): void {
    this.#leave();
    this.#watch?.close();
    this.#watch = undefined;
    this.#options.onClose?.();
  }
}
