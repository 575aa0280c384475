/** @live Streams of commits and events as server-sent events. */
import type { Commit, Revision, Scope } from "../../../core/index.ts";
import { Follower } from "../../../native/follow/follower.ts";
import type { Piece } from "../../../native/follow/pieces.ts";
import type { Streaming } from "../../../net/http/reply.ts";
import { encodePosition } from "../../../net/routes/position.ts";
import type { Exchange } from "../desk.ts";
import { encodeEvent } from "../wire/sse.ts";

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
  const { registry, lasting, mark } = exchange.desk;
  const { scope, encode, idOf = (revision: Revision) => encodePosition(revision, mark) } = options;
  const stream = exchange.reply.events();
  const follower = new Follower(registry, stream, {
    scope,
    encode,
    say(word, revision, compacted) {
      const data = word === "resync" ? { revision, compacted } : { revision };
      return Buffer.from(encodeEvent(word, idOf(revision), JSON.stringify(data)));
    },
    mayStay: () => !lasting.draining && lasting.findRevoked(exchange) === undefined,
  });
  const leave = lasting.enter(follower, exchange);
  stream.onDrain(() => follower.resume());
  stream.onClose(() => {
    leave();
    follower.close();
    options.onClose?.();
  });
  follower.start(options.after);
}
