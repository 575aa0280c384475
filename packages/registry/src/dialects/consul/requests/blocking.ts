/**
 * @live Blocking queries: an answer that waits until what it shows is newer than the client's index, for its time, or
 * for the registry's stop. Changes of other things wake nobody.
 */
import type { AccountView, Commit, Refused, Revision, Scope, Watch, Watcher } from "../../../core/index.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { catchUp } from "../../../net/routes/catch-up.ts";
import type { Visit } from "../../../net/routes/visits.ts";
import type { Call, Desk } from "../desk.ts";
import { toAnswer } from "../refusals.ts";
import { type Shown, toRead } from "../wire/answer.ts";

/** What a query is about. */
export interface Subject {
  /** Changes that may be of it; nothing else wakes it. */
  readonly scope: Omit<Scope, "account">;
  look(account: AccountView | undefined): Seen;
  /** Of the commits in scope, those that count; all when left out. */
  concerns?(commit: Commit): boolean;
  show(account: AccountView | undefined): Shown;
}

/** When it changed, and whether it is there. */
export interface Seen {
  /** When it changed last; 0 for never. */
  readonly index: Revision;
  /** False: others of the same kind count in the index, so that a greater one need not be a change. */
  readonly exact: boolean;
  /** There is nothing. While that stays so, what else happens is nothing new. */
  readonly absent: boolean;
}

/** Some of what a client waits for comes later, so that not all ask again at once. */
const JITTER = 16;

export function answerQuery(desk: Desk, call: Call, subject: Subject): Answer | Promise<Answer> {
  const { consistency, index } = call.options;
  const { registry } = desk;
  // An index of another node says what its client has seen.
  const reached =
    consistency === "consistent"
      ? registry.barrier().then((all) => (all.ok ? catchUp(registry, index) : all))
      : catchUp(registry, index);
  if (reached === undefined) return answer(desk, call, subject);
  return reached.then((behind) => (behind === undefined ? answer(desk, call, subject) : toAnswer(behind)));
}

function answer(desk: Desk, call: Call, subject: Subject): Answer | Promise<Answer> {
  const { registry } = desk;
  const { index, waitMs } = call.options;
  const seen = look(desk, call, subject);
  if (index === 0 || (seen.exact && seen.index > index) || desk.lasting.draining)
    return finish(desk, call, subject, seen.index);
  // Others count in the index: history tells whether it was this one that changed.
  const now = registry.read((view) => view.revision);
  const after = seen.index > index ? index : now;
  const jitteredMs = waitMs + (Math.random() * waitMs) / JITTER;
  return new Promise((resolve) => new Poll(desk, call, subject, seen.absent, resolve).begin(after, jitteredMs));
}

function look({ registry }: Desk, { account }: Call, subject: Subject): Seen {
  return registry.read((view) => subject.look(view.account(account)));
}

function finish({ registry, access }: Desk, { account, options }: Call, subject: Subject, index: Revision): Answer {
  const shown = registry.read((view) => subject.show(view.account(account)));
  return toRead(shown, index, options.consistency, access.open ? "allow" : "deny");
}

class Poll implements Watcher, Visit {
  readonly #desk: Desk;
  readonly #call: Call;
  readonly #subject: Subject;
  readonly #wasAbsent: boolean;
  readonly #resolve: (answer: Answer | Promise<Answer>) => void;
  #leave: (() => void) | undefined;
  #watch: Watch | undefined;
  #done = false;

  constructor(
    desk: Desk,
    call: Call,
    subject: Subject,
    wasAbsent: boolean,
    resolve: (answer: Answer | Promise<Answer>) => void,
  ) {
    this.#desk = desk;
    this.#call = call;
    this.#subject = subject;
    this.#wasAbsent = wasAbsent;
    this.#resolve = resolve;
  }

  begin(after: Revision, waitMs: number): void {
    const { registry, lasting } = this.#desk;
    this.#leave = lasting.enter(this, this.#call, waitMs);
    this.#call.reply.onGone(() => this.#end());
    const watch = registry.follow({ ...this.#subject.scope, account: this.#call.account }, after, this);
    // History is gone: that may have been a change.
    if (!watch.ok) this.#wake(true);
    else if (this.#done) watch.value.close();
    else this.#watch = watch.value;
  }

  deliver(commits: readonly Commit[]): number {
    const { concerns } = this.#subject;
    if (concerns === undefined || commits.some(concerns)) this.#wake(false);
    return commits.length;
  }

  lost(): void {
    this.#wake(true);
  }

  bye(revoked?: Refused): void {
    // The client may not see the state any more.
    if (revoked !== undefined) return this.#settle(() => toAnswer(revoked));
    this.#settle(() => {
      const seen = look(this.#desk, this.#call, this.#subject);
      const { index } = this.#call.options;
      const now = this.#desk.registry.read((view) => view.revision);
      // Nothing of it has changed: a greater number would say that something had. One of the future is set right.
      const told = seen.index > index && index <= now ? index : seen.index;
      return finish(this.#desk, this.#call, this.#subject, told);
    });
  }

  /** `inAnyCase`: nobody can tell any more whether it has changed. */
  #wake(inAnyCase: boolean): void {
    if (this.#done) return;
    const seen = look(this.#desk, this.#call, this.#subject);
    // What was not there, and still is not, is no news; nor is what others did whom the scope takes in.
    const isOld = (this.#wasAbsent && seen.absent) || (seen.exact && seen.index <= this.#call.options.index);
    if (isOld && !inAnyCase) return;
    this.#settle(() => finish(this.#desk, this.#call, this.#subject, seen.index));
  }

  #settle(make: () => Answer): void {
    if (this.#done) return;
    this.#end();
    try {
      this.#resolve(make());
    } catch (error) {
      // A bug, which the request answers for.
      this.#resolve(Promise.reject(error));
    }
  }

  #end(): void {
    if (this.#done) return;
    this.#done = true;
    this.#leave?.();
    this.#watch?.close();
  }
}
