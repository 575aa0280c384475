/** @live `GET /v2/keys/…?wait=true`: the first event after an index, or all of them as they come. */
import type { Account, Commit, Refused, Revision, Scope, Watch, Watcher } from "../../../../core/index.ts";
import type { Stream, Streaming } from "../../../../net/http/reply.ts";
import { type Answer, give } from "../../../../net/routes/answer.ts";
import type { Visit } from "../../../../net/routes/visits.ts";
import type { Desk } from "../../desk.ts";
import { headAt, toError } from "./answers.ts";
import { concerns, type Event, eventsOf } from "./changes/event.ts";
import { livesAt, livesEnded } from "./lives.ts";
import { eventText } from "./shown.ts";
import type { Wish } from "./wish.ts";

/** All keys that v2 can name, and what it keeps beside them. */
const KEYS: NonNullable<Scope["keys"]> = { from: "\0etcd/", to: "0" };

/** Many watchers are told the same. */
const texts = new WeakMap<Event, Buffer>();

export class KeyWatch implements Watcher, Visit {
  readonly #desk: Desk;
  readonly #account: Account;
  readonly #wish: Wish;
  readonly #left: () => void;
  #stream: Stream | undefined;
  #watch: Watch | undefined;
  #isOver = false;

  /** `left` is called once, when it is over. */
  constructor(desk: Desk, account: Account, wish: Wish, left: () => void) {
    this.#desk = desk;
    this.#account = account;
    this.#wish = wish;
    this.#left = left;
  }

  begin(reply: Streaming): void {
    const { registry } = this.#desk;
    const now = registry.read((view) => view.revision);
    const { waitIndex } = this.#wish;
    const after = waitIndex === 0 ? now : Math.min(waitIndex - 1, now);
    const watch = registry.follow({ account: this.#account, keys: KEYS }, after, this);
    if (!watch.ok) {
      give(reply, this.#cleared(now));
      return this.#end();
    }
    this.#watch = watch.value;
    const stream = reply.events({ headers: headAt(this.#desk, now), comments: false });
    this.#stream = stream;
    stream.onDrain(() => this.#watch?.resume());
    stream.onClose(() => this.#end());
  }

  #cleared(now: Revision): Answer {
    const { registry } = this.#desk;
    const floor = registry.read((view) => view.account(this.#account)?.keysFloor ?? 0);
    const start = Math.max(registry.floor, floor) + 1;
    const cause = `the requested history has been cleared [${start}/${this.#wish.waitIndex}]`;
    return toError(this.#desk, { code: 401, cause }, now);
  }

  deliver(commits: readonly Commit[]): number {
    let taken = 0;
    for (const commit of commits) {
      taken++;
      if (commit.revision >= this.#wish.waitIndex && !this.#take(commit)) break;
    }
    return this.#isOver ? commits.length : taken;
  }

  /** False when no more is to be taken now. */
  #take(commit: Commit): boolean {
    const { path, isRecursive, streams } = this.#wish;
    let isTaken = true;
    for (const event of eventsOf(commit)) {
      if (!concerns(event, path, isRecursive)) continue;
      const text = this.#text(event, commit);
      if (!streams) {
        this.#stream?.end(text);
        return false;
      }
      isTaken = this.#stream?.write(text) ?? false;
    }
    return isTaken;
  }

  #text(event: Event, commit: Commit): Buffer {
    let text = texts.get(event);
    if (text === undefined) {
      text = Buffer.from(`${eventText(event, livesAt(this.#desk, this.#account, commit), livesEnded(commit))}\n`);
      texts.set(event, text);
    }
    return text;
  }

  /** The client asks again, and reads the state when it is told that history is gone. */
  lost(): void {
    this.#stream?.end();
  }

  bye(_revoked?: Refused): void {
    this.#stream?.end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watch?.close();
    this.#left();
  }
}
