/**
 * @live Follows what all nodes write, in its order, over whichever member answers. Before each beginning it looks whether
 * this is still the order that it knew; what etcd has forgotten meanwhile is read from the log.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Outcome, Revision } from "../../../core/index.ts";
import type { OpenCall } from "../client/channel.ts";
import type { Client } from "../client/client.ts";
import type { WatchEvent, WatchTold } from "../client/messages.ts";
import type { Keys } from "../keys.ts";
import { type Head, judgeHead, readHead } from "../load.ts";
import { Damaged, EtcdRefused, Missed } from "../refused.ts";
import type { Group, LogReader } from "./reader.ts";

export interface FollowerOptions {
  readonly client: Client;
  readonly keys: Keys;
  readonly reader: LogReader;
  readonly line: string;
  /** The end of the order as it is known here. */
  known(): Revision;
  /** The next group; throws `Missed` when it is not. */
  group(group: Group): void;
  /** Another key was written, or deleted. */
  event(event: WatchEvent): void;
  /** All that is followed is to be read again; the state, too, when groups are missing. */
  resync(head: Head, isMissing: boolean): Promise<void>;
  /** Null when it follows, else why it does not. */
  state(error: unknown): void;
  /** This is not, or not any more, an order to be used. */
  broken(error: EtcdRefused | Damaged): void;
}

const RETRY_MS = 200;

export class Follower {
  readonly #options: FollowerOptions;
  #call: Pick<OpenCall, "close"> | null = null;
  #isClosed = false;
  /** The revision of etcd that comes next. */
  #next: number;
  /** What was told and not handed on yet; one after the other, as parts of a group are read in between. */
  #handing: Promise<void> = Promise.resolve();
  /** Revisions of etcd up to here were handed on. */
  #handed: number;
  #awaited: { readonly revision: number; readonly resolve: () => void }[] = [];

  constructor(options: FollowerOptions, revision: number) {
    this.#options = options;
    this.#next = revision + 1;
    this.#handed = revision;
  }

  start(): void {
    void this.#run();
  }

  /** Revisions of etcd up to here were handed on, or are being. */
  get revision(): number {
    return this.#next - 1;
  }

  /** Resolves when all is handed on up to a revision of etcd that wrote something that is followed. */
  reached(revision: number): Promise<void> {
    if (this.#handed >= revision) return Promise.resolve();
    return new Promise((resolve) => this.#awaited.push({ revision, resolve }));
  }

  #note(handed: number): void {
    if (handed <= this.#handed) return;
    this.#handed = handed;
    const isThere = ({ revision }: { readonly revision: number }): boolean => revision <= handed;
    for (const { resolve } of this.#awaited.filter(isThere)) resolve();
    this.#awaited = this.#awaited.filter((one) => !isThere(one));
  }

  async #run(): Promise<void> {
    const { state, broken } = this.#options;
    for (let isFirst = true; !this.#isClosed; isFirst = false) {
      try {
        if (!isFirst) await this.#look();
        const error = await this.#watch();
        if (this.#isClosed) return;
        state(error);
      } catch (error) {
        if (this.#isClosed) return;
        if (error instanceof EtcdRefused || error instanceof Damaged) return broken(error);
        // Then it is read again, whatever was told.
        if (error instanceof Missed) this.#next = 0;
        state(error);
      }
      await delay(RETRY_MS);
    }
  }

  /** Whether this is the order that was known, and all of it that etcd does not tell any more. */
  async #look(): Promise<void> {
    const { client, keys, line, known, resync, reader, group } = this.#options;
    // More may be known by the time of the answer.
    const before = known();
    const head: Outcome<Head> = await readHead(client, keys);
    const refused = judgeHead(head, line, before);
    if (refused !== undefined) throw refused;
    if (!head.ok || head.value.revision < this.#next) return;
    let isMissing = false;
    try {
      for await (const one of reader.groups(known() + 1)) group(one);
    } catch (error) {
      if (!(error instanceof Missed)) throw error;
      isMissing = true;
    }
    await resync(head.value, isMissing || known() < head.value.top.revision);
    this.#next = head.value.revision + 1;
    this.#note(head.value.revision);
  }

  /** Resolves with why it ended, once all that was told is handed on. */
  #watch(): Promise<unknown> {
    const { client, keys, state } = this.#options;
    return new Promise((resolve, reject) => {
      const end = (error: unknown): void => {
        this.#call?.close();
        this.#handing.then(() => resolve(error), reject);
      };
      this.#call = client.watch(keys.followed.key, keys.followed.end, this.#next, {
        told: (told) => {
          if (told.canceled) return end(new Error(told.reason || "etcd has forgotten what this node lacks"));
          // Its revision is that of etcd at that moment: what was asked for is still to come.
          if (told.created) return state(null);
          this.#take(told);
          this.#handing.catch(end);
        },
        ended: end,
      });
    });
  }

  #take({ events, revision }: WatchTold): void {
    for (const event of events) {
      this.#handing = this.#handing.then(() => this.#hand(event));
      // Told of by the watch.
      this.#handing.catch(() => {});
    }
    // A long past is told in portions, each with the revision of now.
    const upTo = events.at(-1)?.modRevision ?? revision;
    if (upTo < this.#next) return;
    this.#next = upTo + 1;
    this.#handing = this.#handing.then(() => this.#note(upTo));
    this.#handing.catch(() => {});
  }

  async #hand(event: WatchEvent): Promise<void> {
    const { keys, reader, group, event: other, known } = this.#options;
    const first = keys.firstOf(event.key);
    if (first === undefined) {
      if (event.isDelete && event.key.equals(keys.identity)) throw new EtcdRefused("it was emptied");
      other(event);
    } else if (!event.isDelete && first > known()) group(await reader.open(event));
  }

  close(): void {
    this.#isClosed = true;
    this.#call?.close();
  }
}
