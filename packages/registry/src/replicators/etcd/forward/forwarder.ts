/**
 * @live Sends commands to the node that decides for all, and finds out what came of each. What is committed stands in the
 * log with the number that the command was given here; what is not there when the holder has lost its duty, or says that
 * all has come to an end, was not done, and is decided anew. Whoever cannot reach the holder decides by itself.
 */
import { randomUUID } from "node:crypto";
import {
  type Account,
  type Command,
  type Commit,
  type Outcome,
  ok,
  onAbort,
  type Receipt,
  type Refused,
  type Revision,
  refuse,
} from "../../../core/index.ts";
import type { Sent } from "../log/envelope.ts";
import type { Group } from "../log/reader.ts";
import type { Holder, Members } from "../members.ts";
import {
  BatchWriter,
  CHANNELS,
  decodeReplies,
  decodeReply,
  encodeSettling,
  type Reply,
  read,
  resultOfSketch,
} from "../peers/messages.ts";
import type { Roster } from "../peers/roster.ts";

export interface ForwarderOptions {
  /** This node's name. */
  readonly name: string;
  readonly members: Members;
  readonly roster: Roster;
  /** After so long nobody is told to wait any more. */
  readonly patienceMs: number;
  /** Decides here. */
  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>>;
  /** Resolves when this revision of the order is shown here; false when it was not in time. */
  shown(revision: Revision): Promise<boolean>;
  /** Resolves when all is handed on up to a revision of etcd. */
  handed(revision: number): Promise<void>;
}

const WAITING_MAX = 100_000;
/** What is sent in a turn goes in one message, or in several that are about this long. */
const BATCH_BYTES = 256 * 1024;
const SETTLED_MS = 2000;
const LOOK_MS = 25;
/** So long a holder that broke off may be unreachable before it is deposed for the sake of what was sent to it. */
const DEPOSE_MS = 250;

/** A command that was sent, and whose end is not known. */
interface Way {
  readonly account: Account;
  readonly command: Command;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (outcome: Outcome<Receipt>) => void;
  readonly untilMs: number;
  /** The revision of etcd that gave the duty to the node it was sent to. */
  readonly duty: number;
  /** No answer to it will come. */
  isLost: boolean;
  commit: Commit | undefined;
  sketch: string | undefined;
}

/** Commands of this turn, for one holder; their numbers follow each other. */
interface Batch {
  readonly holder: Holder;
  readonly first: number;
  readonly ways: Way[];
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  /** Names this life of the node. */
  readonly #session = randomUUID().slice(0, 13);
  #last = 0;
  readonly #ways = new Map<number, Way>();
  readonly #writer = new BatchWriter();
  #batch: Batch | null = null;
  #recovering = false;
  #isClosed = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    options.members.onHolder(() => this.#holderMoved());
    options.roster.onChanged((_node, isUp) => {
      if (isUp) this.#recover();
    });
  }

  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>> {
    const { patienceMs } = this.#options;
    const holder = this.#target();
    if (holder === undefined) return this.#options.propose(account, command, signal);
    if (this.#isClosed) return Promise.resolve(refuse("unavailable", "the registry is stopping"));
    if (signal?.aborted === true) return Promise.resolve(refuse("unavailable", "the request was given up"));
    if (this.#ways.size >= WAITING_MAX)
      return Promise.resolve(refuse("unavailable", "too many changes are waiting for the node that decides"));
    return new Promise((resolve) =>
      this.#send(holder, { account, command, signal, resolve, untilMs: performance.now() + patienceMs }),
    );
  }

  /** Who decides for this node; undefined when it does by itself. */
  #target(): Holder | undefined {
    const { members, roster, name } = this.#options;
    const { holder } = members;
    return holder !== null && holder.node !== name && roster.isUp(holder.node) ? holder : undefined;
  }

  /** With all others of this turn. Throws when the command is no plain data. */
  #send(holder: Holder, wish: Pick<Way, "account" | "command" | "signal" | "resolve" | "untilMs">): void {
    if (this.#batch !== null && this.#batch.holder.revision !== holder.revision) this.#sendBatch(this.#batch);
    const batch = this.#batch ?? this.#beginBatch(holder);
    this.#writer.add(wish);
    const number = ++this.#last;
    const forget = onAbort(wish.signal, () => this.#end(number, unknownOf("the request was given up")));
    const resolve: Way["resolve"] = (outcome) => {
      forget();
      wish.resolve(outcome);
    };
    const way: Way = { ...wish, resolve, duty: holder.revision, isLost: false, commit: undefined, sketch: undefined };
    this.#ways.set(number, way);
    batch.ways.push(way);
    if (this.#writer.length >= BATCH_BYTES) this.#sendBatch(batch);
  }

  #beginBatch(holder: Holder): Batch {
    const batch = { holder, first: this.#last + 1, ways: [] };
    this.#batch = batch;
    this.#writer.begin({ duty: holder.revision, session: this.#session, first: batch.first });
    setImmediate(() => this.#sendBatch(batch));
    return batch;
  }

  #sendBatch(batch: Batch): void {
    if (this.#batch !== batch) return;
    this.#batch = null;
    const { holder, first, ways } = batch;
    if (ways.length === 0) return;
    const untilMs = Math.min(...ways.map((way) => way.untilMs));
    const timeoutMs = Math.max(1, untilMs - performance.now());
    void this.#options.roster.ask(holder.node, CHANNELS.decide, this.#writer.bytes(), timeoutMs).then((answer) => {
      const replyAt = answer.ok ? read(decodeReplies, answer.value) : undefined;
      const isUndone = !answer.ok && answer.refusal === "unavailable";
      for (const [at, way] of ways.entries()) {
        const number = first + at;
        if (this.#ways.get(number) !== way) continue;
        if (replyAt !== undefined) this.#answered(number, way, replyAt(at));
        else if (isUndone) this.#decideHere(number, way);
        else this.#lose(way);
      }
    });
  }

  #answered(number: number, way: Way, reply: Reply): void {
    switch (reply.kind) {
      case "elsewhere":
        return this.#decideHere(number, way);
      case "committed":
        way.sketch = reply.sketch;
        return this.#finish(number, way);
      case "same": {
        const { revision, result } = reply;
        return this.#endAt(number, revision, ok({ commit: null, revision, result }));
      }
      case "refused":
        // Nobody there knows: the log will tell.
        if (reply.refused.refusal === "unknown") this.#lose(way);
        // A plan of a dialect that is not open there, or of a later version.
        else if (reply.refused.refusal === "unsupported" && way.command.kind === "plan") this.#decideHere(number, way);
        else this.#endAt(number, reply.revision, reply.refused);
    }
  }

  /** Nothing was done at the other node. */
  #decideHere(number: number, way: Way): void {
    this.#ways.delete(number);
    void this.#options.propose(way.account, way.command, way.signal).then(way.resolve);
  }

  /** Sends it again, or decides here: it was not done. */
  #again(number: number, way: Way): void {
    this.#ways.delete(number);
    const holder = this.#target();
    if (performance.now() > way.untilMs) way.resolve(refuse("unavailable", "the node that decided is gone; try again"));
    else if (holder !== undefined) this.#send(holder, way);
    else void this.#options.propose(way.account, way.command, way.signal).then(way.resolve);
  }

  /** Once this node shows what the answer rests on. */
  #endAt(number: number, revision: Revision, outcome: Outcome<Receipt>): void {
    const way = this.#ways.get(number);
    this.#ways.delete(number);
    void this.#options
      .shown(revision)
      .then((isShown) =>
        way?.resolve(isShown ? outcome : refuse("unavailable", "this node lags behind the others; try again")),
      );
  }

  #end(number: number, outcome: Outcome<Receipt>): void {
    const way = this.#ways.get(number);
    this.#ways.delete(number);
    way?.resolve(outcome);
  }

  /** A group is shown that another node wrote. */
  heard({ sent, commits }: Pick<Group, "sent" | "commits">): void {
    for (const one of sent) if (one.session === this.#session) this.#take(one, commits[one.at] as Commit);
  }

  #take({ number, sketch }: Sent, commit: Commit): void {
    const way = this.#ways.get(number);
    if (way === undefined) return;
    way.commit = commit;
    if (sketch !== undefined) way.sketch = sketch;
    this.#finish(number, way);
  }

  /** Once both are here, whichever comes first. */
  #finish(number: number, { commit, sketch }: Way): void {
    if (commit === undefined || sketch === undefined) return;
    const { revision, changes } = commit;
    this.#end(number, ok({ commit, revision, result: resultOfSketch(sketch, changes) }));
  }

  /** The state was read anew, and with it perhaps what was sent. */
  forget(): void {
    for (const number of [...this.#ways.keys()]) this.#end(number, unknownOf("this node was away for too long"));
  }

  #lose(way: Way): void {
    way.isLost = true;
    this.#recover();
  }

  /** What the holder before has not written by now it never will. */
  #holderMoved(): void {
    const { members, handed } = this.#options;
    if (this.#ways.size === 0) return;
    const since = members.duty.modRevision;
    void handed(since).then(() => {
      for (const [number, way] of [...this.#ways]) if (way.duty < since) this.#settle(number, way);
    });
  }

  /** It is in the log, or will never be. */
  #settle(number: number, way: Way): void {
    if (way.commit === undefined) this.#again(number, way);
    else this.#end(number, unknownOf(`it was done with revision ${way.commit.revision}, but what it answers is lost`));
  }

  #recover(): void {
    if (this.#recovering) return;
    this.#recovering = true;
    void this.#recoverAll().finally(() => {
      this.#recovering = false;
    });
  }

  async #recoverAll(): Promise<void> {
    let sinceMs = performance.now();
    for (;;) {
      const lost = [...this.#ways].filter(([, { isLost }]) => isLost);
      if (lost.length === 0) return;
      const nowMs = performance.now();
      for (const [number, { untilMs }] of lost)
        if (nowMs > untilMs) this.#end(number, unknownOf("the node that decides does not answer"));
      const holder = this.#options.members.holder;
      const theirs = lost.filter(([, { duty }]) => duty === holder?.revision);
      if (holder !== null && theirs.length > 0) {
        const upTo = Math.max(...theirs.map(([number]) => number));
        const isUp = this.#options.roster.isUp(holder.node);
        // Another process may have its name by now, which knows nothing of that duty.
        if (isUp && (await this.#askSettled(holder, upTo))) sinceMs = nowMs;
        else if (nowMs - sinceMs > DEPOSE_MS) await this.#options.members.depose(holder).catch(() => {});
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Asks the holder to bring what was sent up to this number to an end; what is not in the log then was not done. */
  async #askSettled({ node, revision: duty }: Holder, upTo: number): Promise<boolean> {
    const asked = encodeSettling({ duty, session: this.#session, number: upTo });
    const answer = await this.#options.roster.ask(node, CHANNELS.settled, asked, SETTLED_MS);
    const reply = answer.ok ? read(decodeReply, answer.value) : undefined;
    if (reply?.kind !== "same" || !(await this.#options.shown(reply.revision))) return false;
    for (const [number, way] of [...this.#ways])
      if (way.isLost && way.duty === duty && number <= upTo) this.#settle(number, way);
    return true;
  }

  /** Refuses what comes from now on, and resolves when what was sent has come to its end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#ways.size > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function unknownOf(detail: string): Refused {
  return refuse("unknown", `${detail}: it may have been done`);
}
