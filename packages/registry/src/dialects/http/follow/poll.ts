/** Long polls: an answer that waits for a change in scope, for its time, or for the registry's stop. */
import type { Commit, Refused, Revision, Scope, Watch, Watcher } from "../../../core/index.ts";
import { answerUnauthorized, type Exchange, type Lasting } from "../desk.ts";

export type Woken = "changed" | "over";

/** The commit that woke it; undefined when the time is up, or when the position is too old to tell. */
export type Attempt = (woken: Woken, commit: Commit | undefined) => boolean;

/**
 * Calls `attempt` once with "changed" for each change in scope after `after` until it answers true, or with "over" when
 * the time is up or the registry stops; then it must answer the request with what is there. A client that goes away is
 * forgotten. A position that history no longer holds counts as a change: the state is what the client asks for.
 */
export function awaitChange(exchange: Exchange, scope: Scope, after: Revision, waitMs: number, attempt: Attempt): void {
  const poll = new Poll(exchange, waitMs, attempt);
  poll.follow(scope, after);
}

class Poll implements Watcher, Lasting {
  readonly #exchange: Exchange;
  readonly #attempt: Attempt;
  readonly #timer: NodeJS.Timeout;
  readonly #leave: () => void;
  #watch: Watch | undefined;
  #done = false;

  constructor(exchange: Exchange, waitMs: number, attempt: Attempt) {
    this.#exchange = exchange;
    this.#attempt = attempt;
    this.#timer = setTimeout(() => this.bye(), waitMs);
    this.#leave = exchange.desk.enter(this, exchange);
    exchange.reply.onGone(() => this.#end());
  }

  follow(scope: Scope, after: Revision): void {
    const { desk } = this.#exchange;
    // While the request's body came, its token may have gone.
    const revoked = desk.findRevoked(this.#exchange);
    if (desk.draining || revoked !== undefined) {
      this.bye(revoked);
      return;
    }
    const watch = this.#exchange.desk.registry.follow(scope, after, this);
    if (!watch.ok) this.#wake("changed");
    else if (this.#done) watch.value.close();
    else this.#watch = watch.value;
  }

  deliver(commit: Commit): boolean {
    this.#wake("changed", commit);
    return true;
  }

  lost(): void {
    this.#wake("changed");
    // The watch is over: if that was no reason to answer, nothing else will be.
    this.bye();
  }

  bye(revoked?: Refused): void {
    if (this.#done) return;
    if (revoked === undefined) return this.#wake("over");
    // What is there is nothing for this client any more.
    answerUnauthorized(this.#exchange.reply, revoked);
    this.#end();
  }

  #wake(woken: Woken, commit?: Commit): void {
    if (this.#done) return;
    if (this.#attempt(woken, commit) || woken === "over") this.#end();
  }

  #end(): void {
    if (this.#done) return;
    this.#done = true;
    clearTimeout(this.#timer);
    this.#leave();
    this.#watch?.close();
  }
}
