/**
 * @live Tells one hook what happens, event by event in order: reads the feed from where the hook has come to, and goes on when
 * the receiver has taken what it was sent. What it has come to is stored, so that nothing is lost over a restart or by a
 * change of the node on duty; what was told after the latest note is told again then.
 */
import type { Outcome, Revision } from "../../../../core/index.ts";
import { decodeEventCursor, type EventCursor, toEventFilter } from "../../../../native/wire/commits.ts";
import { ELSEWHERE } from "../../../../net/routes/position.ts";
import type { Called } from "../../../contract.ts";
import type { Desk } from "../../desk.ts";
import { endOf, Feed, type Found } from "../feed.ts";
import { signed } from "./sign.ts";
import { type Failing, noting, progressOf, type StoredHook } from "./stored.ts";

/** In one post. */
const EVENTS_MAX = 100;
const BYTES_MAX = 256 * 1024;
/** A receiver that has not answered by then is asked again. */
const POST_MS_MAX = 10_000;
/** A store that does not answer holds up no stop. */
const NOTE_MS_MAX = 5000;
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 300_000;
/** What was told is noted so often at most; */
const NOTE_MS = 1000;
/** and what was passed over, as nothing of it was to be told. */
const NOTE_PASSED_MS = 600_000;
/** Of Node's timers. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** In another order a hook begins so long before it was noted. */
const OVERLAP_MS = 60_000;
const REASON_LENGTH_MAX = 200;

/** What comes of a post, as it is counted. */
export const RESULTS = ["taken", "refused", "unreached"] as const;

/** One post. */
interface Post {
  readonly id: string;
  readonly body: string;
}

export class Delivery {
  readonly hook: StoredHook;
  readonly #desk: Desk;
  /** By result. */
  readonly #posts: Float64Array;
  readonly #feed: Feed;
  readonly #abort = new AbortController();
  #cursor = "";
  #failing: Failing | null = null;
  /** Of the note: 0 before the first. */
  #modRevision = 0;
  #notedMs: number;
  #isTold = false;
  #hasPassed = false;
  #wake: (() => void) | undefined;
  #isWoken = false;
  /** Wall-clock ms of the oldest event of the post that is under way. */
  #underWayMs: number | undefined;
  #isOver = false;
  readonly #over: Promise<void>;

  constructor(desk: Desk, hook: StoredHook, posts: Float64Array) {
    this.#desk = desk;
    this.#posts = posts;
    this.hook = hook;
    this.#feed = new Feed({ desk, account: hook.account }, { filter: toEventFilter(hook), brief: false });
    this.#notedMs = desk.clock.monotonic();
    this.#over = this.#run().finally(() => {
      this.#isOver = true;
    });
  }

  get isTelling(): boolean {
    return !this.#isOver;
  }

  get isFailing(): boolean {
    return this.#failing !== null;
  }

  /** How long ago that happened which is to be taken next: 0 when nothing is under way. */
  get behindMs(): number {
    return this.#underWayMs === undefined ? 0 : Math.max(0, this.#desk.clock.now() - this.#underWayMs);
  }

  /** Something happened in the account. */
  wake(): void {
    this.#isWoken = true;
    this.#hasPassed = true;
    this.#wake?.();
  }

  /** Breaks off what is under way. `last`: notes what was told since the latest note. */
  async stop(last: boolean): Promise<void> {
    this.#abort.abort();
    await this.#over;
    if (last && this.#isTold) await this.#note();
  }

  get #isWanted(): boolean {
    return !this.#abort.signal.aborted && this.#desk.house.nodes.isOnDuty();
  }

  async #run(): Promise<void> {
    // Not within the commit that told of it.
    await new Promise((resolve) => setImmediate(resolve));
    for (let isOurs = false; this.#isWanted; ) {
      try {
        if (!isOurs) await this.#begin();
        isOurs = await this.#goOn();
      } catch (error) {
        isOurs = false;
        const { account, name } = this.hook;
        this.#desk.house.log.error({ err: error, account, hook: name }, "a hook begins anew where it was noted");
      }
      if (!isOurs && this.#isWanted) await this.#pause(RETRY_MS_MIN);
    }
  }

  /** Tells what there is. False when it is to begin where it was noted, as somebody else tells it, or history cannot be read. */
  async #goOn(): Promise<boolean> {
    this.#isWoken = false;
    const found = await this.#read();
    if (found.ok) return this.#take(found.value);
    return found.refusal === "compacted" && (await this.#tellGap());
  }

  /** Tells what was found, and waits when that is all there is. False when somebody else tells it. */
  async #take({ events, cursor, complete }: Found): Promise<boolean> {
    if (events.length > 0 && !(await this.#deliver(this.#toPost(events, cursor), timeOf(events)))) return false;
    this.#isTold ||= events.length > 0;
    this.#cursor = cursor;
    if (this.#noteInMs <= 0 && !(await this.#note())) return false;
    // Until something happens in the account, or there is something to note.
    if (complete && events.length === 0 && !this.#isWoken && this.#isWanted)
      await this.#pause(Math.min(this.#noteInMs, TIMER_MS_MAX), true);
    return true;
  }

  /** From what is noted; a new hook from where it was made. */
  async #begin(): Promise<void> {
    const { registry, mark } = this.#desk;
    const { account, name, createRevision } = this.hook;
    const noted = registry.read((view) => progressOf(view, account, name));
    this.#cursor = noted?.cursor ?? endOf(createRevision, mark);
    this.#failing = noted?.failing ?? null;
    this.#modRevision = noted?.modRevision ?? 0;
    this.#isTold = false;
    this.#hasPassed = true;
    if (noted !== undefined && this.#after.revision === ELSEWHERE)
      this.#cursor = endOf(await registry.revisionAt(noted.atMs - OVERLAP_MS), mark);
  }

  get #after(): EventCursor {
    return decodeEventCursor(this.#cursor, this.#desk.mark) ?? { revision: ELSEWHERE, index: 0 };
  }

  #read(): Promise<Outcome<Found>> {
    return this.#feed.read({ after: this.#after, since: 0, before: undefined }, EVENTS_MAX, BYTES_MAX);
  }

  #toPost(events: readonly string[], cursor: string): Post {
    return { id: cursor, body: `${this.#head}"events":[${events.join(",")}],"cursor":${JSON.stringify(cursor)}}` };
  }

  get #head(): string {
    const { account, name } = this.hook;
    return `${JSON.stringify({ account, hook: name }).slice(0, -1)},`;
  }

  /** History does not reach back to where the hook was: it is told so, as a watch is, and goes on from now. */
  async #tellGap(): Promise<boolean> {
    const { registry, mark } = this.#desk;
    const revision = registry.read((view): Revision => view.revision);
    const cursor = endOf(revision, mark);
    const resync = JSON.stringify({ after: this.#cursor, revision });
    const body = `${this.#head}"events":[],"resync":${resync},"cursor":${JSON.stringify(cursor)}}`;
    if (!(await this.#deliver({ id: cursor, body }, this.#desk.clock.now()))) return false;
    this.#cursor = cursor;
    this.#isTold = true;
    return true;
  }

  /** Until the receiver has taken it; false when that is not wanted any more. */
  async #deliver(post: Post, atMs: number): Promise<boolean> {
    this.#underWayMs = atMs;
    try {
      return await this.#insist(post);
    } finally {
      this.#underWayMs = undefined;
    }
  }

  async #insist(post: Post): Promise<boolean> {
    for (let failures = 0; ; failures++) {
      if (!this.#isWanted) return false;
      const called = await this.#post(post, failures > 0 || this.#failing !== null);
      this.#count(called);
      if (isTaken(called)) {
        this.#recover();
        return true;
      }
      if (!this.#isWanted) return false;
      if (this.#failing === null && !(await this.#fail(sayWhy(called)))) return false;
      const pauseMs = Math.min(RETRY_MS_MIN * 2 ** Math.min(failures, 20), RETRY_MS_MAX);
      // Many that failed together do not come back together.
      await this.#pause(pauseMs * (0.75 + Math.random() / 4));
    }
  }

  #post({ id, body }: Post, again: boolean): Promise<Called> {
    const { clock, house } = this.#desk;
    const { account, secret } = this.hook;
    const url = new URL(this.hook.url);
    const headers = { "Content-Type": "application/json", ...signed(secret, id, clock.now(), body) };
    const turn = `${account} ${url.origin}`;
    const call = { method: "POST", url, headers, body, turn, again, timeoutMs: POST_MS_MAX };
    return house.calls.make(call, this.#abort.signal);
  }

  #count(called: Called): void {
    if (called.kind === "dropped") return;
    const result = isTaken(called) ? "taken" : called.kind === "answered" ? "refused" : "unreached";
    const at = RESULTS.indexOf(result);
    this.#posts[at] = (this.#posts[at] as number) + 1;
  }

  async #fail(reason: string): Promise<boolean> {
    const { account, name, url } = this.hook;
    const { log } = this.#desk.house;
    // The rest of a URL may be a secret.
    const { origin } = new URL(url);
    this.#failing = { sinceMs: this.#desk.clock.now(), reason: reason.slice(0, REASON_LENGTH_MAX) };
    log.warn({ account, hook: name, origin, why: reason }, "a hook is not taken; it is tried again");
    return this.#note();
  }

  /** It was taken: what was wrong is over. */
  #recover(): void {
    if (this.#failing === null) return;
    const { account, name } = this.hook;
    this.#failing = null;
    this.#desk.house.log.info({ account, hook: name }, "a hook is taken again");
    // Noted with what was taken, at once.
    this.#notedMs = Number.NEGATIVE_INFINITY;
  }

  get #noteInMs(): number {
    const everyMs = this.#isTold ? NOTE_MS : this.#hasPassed ? NOTE_PASSED_MS : Number.POSITIVE_INFINITY;
    return this.#notedMs + everyMs - this.#desk.clock.monotonic();
  }

  /** False when somebody else has noted it, or the hook is another one. */
  async #note(): Promise<boolean> {
    const { registry, clock } = this.#desk;
    const progress = { cursor: this.#cursor, atMs: clock.now(), failing: this.#failing };
    const command = noting(this.hook, progress, this.#modRevision);
    const outcome = await registry.propose(this.hook.account, command, AbortSignal.timeout(NOTE_MS_MAX));
    this.#notedMs = clock.monotonic();
    // What could not be stored is stored next time.
    if (!outcome.ok) return true;
    const { commit, revision } = outcome.value;
    if (commit === null) return false;
    this.#modRevision = revision;
    this.#isTold = false;
    this.#hasPassed = false;
    return true;
  }

  /** Ends early by the stop, and when it may be woken by that. */
  #pause(ms: number, canWake = false): Promise<void> {
    const { signal } = this.#abort;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(end, Math.max(0, ms)).unref();
      signal.addEventListener("abort", end, { once: true });
      if (canWake) this.#wake = end;
    });
  }
}

/** Wall-clock ms of the first of some events. */
function timeOf([first = "{}"]: readonly string[]): number {
  const { at } = JSON.parse(first) as { at?: string };
  return Date.parse(at ?? "");
}

function isTaken(called: Called): boolean {
  return called.kind === "answered" && called.status >= 200 && called.status < 300;
}

function sayWhy(called: Called): string {
  return called.kind === "answered" ? `it answered ${called.status}` : called.why;
}
