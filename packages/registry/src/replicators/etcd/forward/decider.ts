/** @live Decides what other nodes send, while this one has the duty. */
import {
  type Account,
  type Command,
  type Outcome,
  type Receipt,
  type Refused,
  type Revision,
  refuse,
  type Sender,
} from "../../../core/index.ts";
import type { Link } from "../../../net/link/link.ts";
import type { Members } from "../members.ts";
import {
  type AskedBatch,
  CHANNELS,
  decodeBatch,
  decodeSettling,
  ELSEWHERE,
  encodeReplies,
  encodeReply,
  type Reply,
  read,
  type Settling,
  sketchOf,
} from "../peers/messages.ts";

/** A command of another node, as it goes through the sequencer. */
export interface Forwarded extends Sender {
  readonly session: string;
  readonly number: number;
  /** The revision of etcd that gave the duty by which it is decided. */
  readonly duty: number;
}

export interface DeciderOptions {
  readonly members: Members;
  /** Null while nothing is decided here. */
  propose(account: Account, command: Command, sender: Forwarded): Promise<Outcome<Receipt>> | null;
  /** The end of the order as it is known here. */
  known(): Revision;
}

/** What is known of one life of another node. */
interface Session {
  readonly name: string;
  /** Commands up to this number that are not here yet come too late. */
  floor: number;
  /** The first number of each batch that has not come to its end. */
  readonly open: Set<number>;
  /** Called when one has. */
  readonly waiting: (() => void)[];
}

export class Decider {
  readonly #options: DeciderOptions;
  readonly #sessions = new Map<string, Session>();

  constructor(options: DeciderOptions) {
    this.#options = options;
  }

  /** Answers from now on. */
  listen(link: Link): void {
    link.on(CHANNELS.decide, (payload, from) => this.#decide(read(decodeBatch, payload), from).then(encodeReplies));
    link.on(CHANNELS.settled, (payload, from) => this.#settled(read(decodeSettling, payload), from).then(encodeReply));
  }

  #isFor(duty: number): boolean {
    const { members } = this.#options;
    return members.isOnDuty && members.duty.modRevision === duty;
  }

  /** As `SequencerOptions.refusesSender`. */
  refuses(sender: Sender): Refused | undefined {
    return this.#isFor((sender as Forwarded).duty) ? undefined : GONE;
  }

  #sessionOf(node: string, name: string): Session {
    let session = this.#sessions.get(node);
    if (session === undefined || session.name !== name) {
      session = { name, floor: 0, open: new Set(), waiting: [] };
      this.#sessions.set(node, session);
    }
    return session;
  }

  /** All of a batch is decided in this turn, and answered when the last of it has come to its end. */
  async #decide(asked: AskedBatch | undefined, from: string): Promise<readonly Reply[] | undefined> {
    if (asked === undefined || !this.#isFor(asked.duty)) return undefined;
    const { duty, session: name, first, commands } = asked;
    const session = this.#sessionOf(from, name);
    const replies = commands.map(({ account, command }, at) => {
      const number = first + at;
      if (number <= session.floor) return ELSEWHERE;
      const proposed = this.#options.propose(account, command, { node: from, session: name, number, duty });
      if (proposed === null) return ELSEWHERE;
      // What rejects is a command that only a later version knows.
      return proposed.then((outcome) => this.#replyTo(outcome)).catch(() => ELSEWHERE);
    });
    session.open.add(first);
    const all = await Promise.all(replies);
    session.open.delete(first);
    for (const look of session.waiting.splice(0)) look();
    return all;
  }

  #replyTo(outcome: Outcome<Receipt>): Reply {
    if (!outcome.ok)
      return outcome === GONE ? ELSEWHERE : { kind: "refused", revision: this.#options.known(), refused: outcome };
    const { commit, revision, result } = outcome.value;
    if (commit === null) return { kind: "same", revision, result };
    return { kind: "committed", sketch: sketchOf(result, commit.changes) };
  }

  /** Nothing of what was sent before comes later than the answer. */
  async #settled(asked: Settling | undefined, from: string): Promise<Reply> {
    if (asked === undefined || !this.#isFor(asked.duty)) return ELSEWHERE;
    const { session: name, number } = asked;
    const session = this.#sessionOf(from, name);
    session.floor = Math.max(session.floor, number);
    const isOpen = (): boolean => [...session.open].some((one) => one <= number);
    while (isOpen()) await new Promise<void>((resolve) => session.waiting.push(resolve));
    return { kind: "same", revision: this.#options.known(), result: { kind: "changed", changes: [] } };
  }
}

/** Given for a command of another node when the duty by which it was taken is over. */
const GONE: Refused = refuse("unavailable", "this node does not decide for others any more");
