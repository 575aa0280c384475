/** @live Queries that wait until what they show is another than the one that the client knows, by a mark that does not grow. */
import type { Refused } from "../../../core/index.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Visit } from "../../../net/routes/visits.ts";
import type { Call, Desk } from "../desk.ts";
import { toAnswer } from "../refusals.ts";

/** What is shown, and its mark. */
export interface Marked {
  readonly mark: string;
  readonly answer: Answer;
}

/** `known`: undefined for an answer at once. `follow` calls whenever it may be another, and returns what ends the calls. */
export function answerChanged(
  desk: Desk,
  call: Call,
  known: string | undefined,
  show: () => Marked,
  follow: (stir: () => void) => () => void,
): Answer | Promise<Answer> {
  const { mark, answer } = show();
  if (known !== mark || desk.lasting.draining) return answer;
  return new Promise((resolve) => new Waiting(mark, show, resolve).begin(desk, call, follow));
}

class Waiting implements Visit {
  readonly #mark: string;
  readonly #show: () => Marked;
  readonly #resolve: (answer: Answer) => void;
  readonly #ends: (() => void)[] = [];
  #isDone = false;

  constructor(mark: string, show: () => Marked, resolve: (answer: Answer) => void) {
    this.#mark = mark;
    this.#show = show;
    this.#resolve = resolve;
  }

  begin({ lasting }: Desk, call: Call, follow: (stir: () => void) => () => void): void {
    this.#add(lasting.enter(this, call, call.options.waitMs));
    call.reply.onGone(() => this.#end());
    this.#add(follow(() => this.#look()));
  }

  /** Whatever was begun after the end ends at once. */
  #add(end: () => void): void {
    if (this.#isDone) end();
    else this.#ends.push(end);
  }

  #look(): void {
    if (this.#isDone) return;
    const { mark, answer } = this.#show();
    if (mark !== this.#mark) this.#settle(answer);
  }

  bye(revoked?: Refused): void {
    this.#settle(revoked === undefined ? this.#show().answer : toAnswer(revoked));
  }

  #settle(answer: Answer): void {
    this.#end();
    this.#resolve(answer);
  }

  #end(): void {
    this.#isDone = true;
    for (const end of this.#ends.splice(0)) end();
  }
}
