/** @live Long polls: an answer that waits for a change in scope, for its time, or for the registry's stop. */
import type { Commit, Refused, Revision, Scope, Watch, Watcher } from "../../../core/index.ts";
import type { Result } from "../../../net/routes/serve.ts";
import type { Visit } from "../../../net/routes/visits.ts";
import type { Exchange } from "../desk.ts";
import { toUnauthorized } from "../refusals.ts";

export type Woken = "changed" | "over";

/**
 * Answers, or returns undefined to go on waiting. `commits` are those that woke the poll; undefined when the time is up,
 * or when the position is too old to tell.
 */
export type Attempt = (woken: Woken, commits?: readonly Commit[]) => Result | Promise<Result> | undefined;

/**
 * Calls `attempt` with "changed" for changes in scope after `after` until it answers, or with "over" when the time is
 * up or the registry stops; then it must answer. A client that goes away is forgotten, and the promise stays open. A
 * position that history no longer holds counts as a change: the state is what the client asks for.
 */
export function awaitChange(
  exchange: Exchange,
  scope: Scope,
  after: Revision,
  waitMs: number,
  attempt: Attempt,
): Promise<Result> {
  return new Promise((resolve) => new Poll(exchange, waitMs, attempt, resolve).follow(scope, after));
}

type Resolve = (result: Result | Promise<Result>) => void;

class Poll implements Watcher, Visit {
  readonly #exchange: Exchange;
  readonly #attempt: Attempt;
  readonly #resolve: Resolve;
  readonly #timer: NodeJS.Timeout;
  readonly #leave: () => void;
  #watch: Watch | undefined;
  #done = false;

  constructor(exchange: Exchange, waitMs: number, attempt: Attempt, resolve: Resolve) {
    this.#exchange = exchange;
    this.#attempt = attempt;
    this.#resolve = resolve;
    this.#timer = setTimeout(() => this.bye(), waitMs);
    this.#leave = exchange.desk.lasting.enter(this, exchange);
    exchange.reply.onGone(() => this.#end());
  }

  follow(scope: Scope, after: Revision): void {
    const { lasting, registry } = this.#exchange.desk;
    // While the request's body came, its token may have gone.
    const revoked = lasting.findRevoked(this.#exchange);
    if (lasting.draining || revoked !== undefined) return this.bye(revoked);
    const watch = registry.follow(scope, after, this);
    if (!watch.ok) this.#wake("changed");
    else if (this.#done) watch.value.close();
    else this.#watch = watch.value;
  }

  deliver(commits: readonly Commit[]): number {
    this.#wake("changed", commits);
    return commits.length;
  }

  lost(): void {
    this.#wake("changed");
    // The watch is over: if that was no reason to answer, nothing else will be.
    this.bye();
  }

  bye(revoked?: Refused): void {
    if (revoked === undefined) this.#wake("over");
    // The client may not see the state any more.
    else this.#settle(toUnauthorized(revoked));
  }

  #wake(woken: Woken, commits?: readonly Commit[]): void {
    if (this.#done) return;
    const result = this.#try(woken, commits);
    if (result !== undefined) this.#settle(result);
  }

  #try(woken: Woken, commits?: readonly Commit[]): Result | Promise<Result> | undefined {
    try {
      return this.#attempt(woken, commits);
    } catch (error) {
      // A bug, which the request answers for.
      return Promise.reject(error);
    }
  }

  #settle(result: Result | Promise<Result>): void {
    if (this.#done) return;
    this.#end();
    this.#resolve(result);
  }

  #end(): void {
    if (this.#done) return;
    this.#done = true;
    clearTimeout(this.#timer);
    this.#leave();
    this.#watch?.close();
  }
}
