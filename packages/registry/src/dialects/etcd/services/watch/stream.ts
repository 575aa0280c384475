/**
 * @live A stream of watches. What happens now is told to live watches as it comes; one that begins in the past, or missed
 * something while the client did not read, reads history until it is live: a few of them at a time.
 */
import type { Account, Refused, Revision } from "../../../../core/index.ts";
import type { Answers, Call, Talk } from "../../../../net/grpc/method.ts";
import { Status } from "../../../../net/grpc/status.ts";
import type { Visit } from "../../../../net/routes/visits.ts";
import { admit } from "../../desk.ts";
import { ERRORS } from "../../refusals.ts";
import { type CreateAsked, type StateTold, type WatchAsked, type WatchId, writeState } from "../../wire/watch.ts";
import { begin, floorOf } from "./begin.ts";
import type { Flushed } from "./flusher.ts";
import { Replay } from "./replay.ts";
import type { Shared } from "./shared.ts";
import type { Told } from "./told.ts";
import { type Teller, Watching } from "./watching.ts";

/** Watches of one stream that read history at a time. */
const REPLAYS_MAX = 64;
/** What is told in one turn. */
const TOLD_MAX = 1024;
/** What may wait until the client reads: so many responses, of commits that hold so many bytes. */
const WAITING_MAX = 128 * 1024;
const WAITING_BYTES_MAX = 1024 * 1024;
/** Where no watch is meant. */
const NO_ID: WatchId = -1;

export class WatchStream implements Talk<WatchAsked>, Teller, Visit, Flushed {
  readonly #shared: Shared;
  readonly #call: Call;
  readonly #answers: Answers<Buffer>;
  #account: Account | undefined;
  readonly #byId = new Map<WatchId, Watching>();
  #nextId = 0;
  #waiting: { readonly told: Told; readonly watching: Watching }[] = [];
  #waitingBytes = 0;
  #lastWaiting: Told | undefined;
  /** Those that have history to read, in their order. */
  readonly #behind = new Set<Watching>();
  readonly #replays = new Map<Watching, Replay>();
  #isPlanned = false;
  /** The client does not read. */
  #isFull = false;
  /** Answers that are owed to questions for the progress. */
  #owed = 0;
  /** The client is heard again when it has read. */
  #unheard: (() => void)[] = [];

  constructor(shared: Shared, call: Call, answers: Answers<Buffer>) {
    this.#shared = shared;
    this.#call = call;
    this.#answers = answers;
    answers.onDrain(() => this.#resume());
    shared.enter(this, call);
  }

  get size(): number {
    return this.#byId.size;
  }

  message(asked: WatchAsked): void | Promise<void> {
    if (this.#isFull) return this.#untilRead().then(() => this.message(asked));
    const admitted = admit(this.#shared, this.#call, "reader");
    if (admitted instanceof Promise) return admitted.then((one) => this.#carryOut(asked, one));
    this.#carryOut(asked, admitted);
  }

  #untilRead(): Promise<void> {
    return new Promise((resolve) => this.#unheard.push(resolve));
  }

  #carryOut(asked: WatchAsked, admitted: Account | Status): void {
    if (!this.#answers.isOpen) return;
    if (asked.kind === "cancel") this.#cancel(asked.id);
    else if (asked.kind === "progress") {
      this.#owed++;
      this.#payProgress();
    } else if (asked.kind === "create") {
      if (admitted instanceof Status) this.#refuse(sentenceOf(admitted));
      else this.#create(asked, admitted);
    }
  }

  #create(asked: CreateAsked, account: Account): void {
    // A token that is another account's now finds none of the watches that are there.
    this.#account ??= account;
    const { registry, boards } = this.#shared;
    const begun = begin(registry, this.#account, this.#floor(), asked);
    if (begun.kind === "refused") return this.#refuse(begun.reason);
    const id = this.#idFor(asked.id);
    if (id === undefined) return this.#refuse("mvcc: duplicate watch ID provided on the WatchStream");
    const watching = new Watching(this, id, begun.range, begun.after, asked);
    if (!this.#shared.admit(watching)) return this.#refuse("etcdserver: too many requests");
    this.#byId.set(id, watching);
    boards.of(this.#account).add(watching);
    this.#say({ id, revision: this.#revision(), isCreated: true });
    if (begun.kind === "compacted") this.#loseHistory(watching);
    else if (begun.kind === "live") watching.isLive = true;
    else this.#putBehind(watching);
  }

  /** Undefined when it is taken. */
  #idFor(wanted: WatchId): WatchId | undefined {
    if (wanted !== 0) return this.#byId.has(wanted) ? undefined : wanted;
    while (this.#byId.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #refuse(reason: string): void {
    this.#say({ id: NO_ID, revision: this.#revision(), isCreated: true, isCanceled: true, reason });
  }

  #cancel(id: WatchId): void {
    const watching = this.#byId.get(id);
    if (watching === undefined) return;
    this.#remove(watching);
    this.#say({ id, revision: this.#revision(), isCanceled: true });
    this.#payProgress();
  }

  #loseHistory(watching: Watching): void {
    this.#remove(watching);
    this.#say({ id: watching.id, isCanceled: true, compacted: this.#floor() });
    this.#payProgress();
  }

  #remove(watching: Watching): void {
    this.#byId.delete(watching.id);
    this.#shared.boards.of(this.#account as Account).remove(watching);
    this.#shared.release(watching);
    this.#behind.delete(watching);
    this.#replays.get(watching)?.close();
    if (this.#replays.delete(watching) && this.#behind.size > 0) this.#plan();
  }

  tell(told: Told, watching: Watching): void {
    if (!watching.isLive || told.revision <= watching.after) return;
    if (!this.#mayWait(told)) return this.miss(watching, told.revision - 1);
    if (watching.waiting++ === 0) watching.firstWaiting = told.revision;
    this.#waiting.push({ told, watching });
    this.#plan();
  }

  #mayWait(told: Told): boolean {
    const isFull = this.#waiting.length >= WAITING_MAX || this.#waitingBytes > WAITING_BYTES_MAX;
    if (isFull || !this.#shared.mayWait(1)) return false;
    if (told !== this.#lastWaiting) this.#waitingBytes += told.bytes;
    this.#lastWaiting = told;
    return true;
  }

  /** What waits to be told to it is among what it reads then. */
  miss(watching: Watching, after: Revision): void {
    if (!watching.isLive) return;
    watching.isLive = false;
    watching.after = Math.max(watching.after, watching.waiting > 0 ? watching.firstWaiting - 1 : after);
    this.#putBehind(watching);
  }

  #putBehind(watching: Watching): void {
    this.#behind.add(watching);
    this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned || this.#isFull) return;
    this.#isPlanned = true;
    this.#shared.flusher.add(this);
  }

  flush(): void {
    this.#isPlanned = false;
    let count = 0;
    for (; count < TOLD_MAX && count < this.#waiting.length && !this.#isFull; count++) {
      const { told, watching } = this.#waiting[count] as { told: Told; watching: Watching };
      watching.waiting--;
      if (watching.isOpen && watching.isLive && told.revision > watching.after) this.#write(told, watching);
    }
    this.#forget(count);
    if (this.#waiting.length > 0) this.#plan();
    this.#replaySome();
    this.#payProgress();
  }

  /** The first so many do not wait any more. */
  #forget(count: number): void {
    this.#waiting.splice(0, count);
    this.#shared.waits(-count);
    if (this.#waiting.length > 0) return;
    this.#waitingBytes = 0;
    this.#lastWaiting = undefined;
  }

  #replaySome(): void {
    for (const watching of this.#behind) {
      if (this.#isFull || this.#replays.size >= REPLAYS_MAX) return;
      this.#behind.delete(watching);
      this.#replay(watching);
    }
  }

  #replay(watching: Watching): void {
    const replay = new Replay({
      registry: this.#shared.registry,
      account: this.#account as Account,
      watching,
      isFull: () => this.#isFull,
      floor: () => this.#floor(),
      tell: (told) => this.#write(told, watching),
      compacted: () => this.#loseHistory(watching),
      caughtUp: () => this.#join(watching),
    });
    this.#replays.set(watching, replay);
    replay.begin();
  }

  /** It has all up to now. */
  #join(watching: Watching): void {
    this.#replays.delete(watching);
    watching.after = Math.max(watching.after, this.#revision());
    watching.isLive = true;
    if (this.#behind.size > 0) this.#plan();
    this.#payProgress();
  }

  #write(told: Told, watching: Watching): void {
    watching.after = told.revision;
    for (const frame of told.framesFor(watching, this.#shared.identity)) {
      watching.wasTold = true;
      this.#send(frame);
    }
  }

  /** Only once all that was before has been told. */
  #payProgress(): void {
    if (this.#owed === 0 || this.#isFull || this.#waiting.length + this.#behind.size + this.#replays.size > 0) return;
    for (; this.#owed > 0; this.#owed--) this.#say({ id: NO_ID, revision: this.#revision() });
  }

  /** Tells each watch that wants to know, and had nothing to hear since the last time, how far it has come. */
  *notify(): Iterable<void> {
    for (const watching of [...this.#byId.values()]) {
      if (!watching.isNotified) continue;
      const isIdle = !watching.wasTold && watching.isLive && watching.isOpen && this.#waiting.length === 0;
      watching.wasTold = false;
      if (isIdle && !this.#isFull && watching.after <= this.#revision())
        this.#say({ id: watching.id, revision: this.#revision() });
      yield;
    }
  }

  #revision(): Revision {
    return this.#shared.registry.read((view) => view.revision);
  }

  #floor(): Revision {
    return floorOf(this.#shared.registry, this.#account as Account);
  }

  #say(state: StateTold): void {
    this.#send(writeState(this.#shared.identity, state));
  }

  #send(frame: Buffer): void {
    if (!this.#answers.writeEncoded(frame)) this.#isFull = true;
  }

  #resume(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    for (const resolve of this.#unheard.splice(0)) resolve();
    for (const replay of [...this.#replays.values()]) replay.resume();
    if (this.#waiting.length + this.#behind.size > 0) this.#plan();
    this.#payProgress();
  }

  /** Clients begin their watches anew elsewhere, or with another token. */
  bye(revoked?: Refused): void {
    this.#answers.end(revoked === undefined ? ERRORS.stopped : ERRORS.invalidToken);
  }

  /** It hears on: that is how the JSON gateway and others ask for one watch. */
  ended(): void {}

  closed(): void {
    const board = this.#account === undefined ? undefined : this.#shared.boards.of(this.#account);
    for (const watching of this.#byId.values()) {
      board?.remove(watching);
      this.#shared.release(watching);
    }
    for (const replay of this.#replays.values()) replay.close();
    this.#byId.clear();
    this.#behind.clear();
    this.#replays.clear();
    this.#forget(this.#waiting.length);
    for (const resolve of this.#unheard.splice(0)) resolve();
    this.#shared.leave(this, this.#account);
  }
}

/** As etcd has it in reasons of cancellation: an error of gRPC in words of Go. */
function sentenceOf({ code, message }: Status): string {
  return `rpc error: code = ${CODE_NAMES[code] ?? code} desc = ${message}`;
}

const CODE_NAMES: Readonly<Record<number, string>> = {
  7: "PermissionDenied",
  14: "Unavailable",
  16: "Unauthenticated",
};
