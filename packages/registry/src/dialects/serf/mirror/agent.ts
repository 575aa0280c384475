/** @live A client of a real agent: its members, again and again, and its events as they come. */
import { connect, type Socket } from "node:net";
import { fromAddress, type Member, type MemberStatus } from "../members/member.ts";
import { bytesOf, type Fields, Frames, isMap, numberOf, textMapOf, textOf } from "../wire/frames.ts";
import { type Read, type Write, write } from "../wire/msgpack.ts";

/** An agent tells of all members at once. */
const LIMITS = { bytesMax: 32 * 1024 * 1024, depthMax: 8, valuesMax: 2_000_000 };
/** Events that an agent drops are found by this. */
const RESYNC_MS = 30_000;
/** An agent that answers nothing for so long is gone. */
const SILENCE_MS = RESYNC_MS + 15_000;
const EVENTS = "member-join,member-leave,member-failed,member-update,member-reap,user";

/** What an agent says of a member. */
export interface Seen extends Pick<Member, "name" | "port" | "tags"> {
  readonly address: string;
  readonly status: MemberStatus | string;
}

export interface Follower {
  /** All members: what is not among them is gone. */
  onMembers(members: readonly Seen[]): void;
  onEvent(event: string, members: readonly Seen[]): void;
  onUserEvent(name: string, payload: Buffer): void;
  /** Called once. */
  onEnd(why: string): void;
}

export interface AgentAddress {
  readonly host: string;
  readonly port: number;
  readonly authKey: string | undefined;
}

type Expected = "nothing" | "members" | "stream";

/** Follows an agent until either side ends it. */
export class Agent {
  readonly #socket: Socket;
  readonly #follower: Follower;
  readonly #frames = new Frames(LIMITS);
  /** What belongs to an answer, by its number. */
  readonly #expected = new Map<number, Expected>();
  readonly #timer: NodeJS.Timeout;
  #seq = 0;
  #header: Fields | undefined;
  #hasEnded = false;

  constructor({ host, port, authKey }: AgentAddress, follower: Follower) {
    this.#follower = follower;
    const socket = connect({ host, port, noDelay: true });
    this.#socket = socket;
    socket.setTimeout(SILENCE_MS, () => this.close("the agent is silent"));
    socket.on("error", (error) => this.close(error.message));
    socket.on("close", () => this.close("the agent closed the connection"));
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#timer = setInterval(() => this.#say("members", "members"), RESYNC_MS);
    this.#say("handshake", "nothing", { Version: 1 });
    if (authKey !== undefined) this.#say("auth", "nothing", { AuthKey: authKey });
    // First the events, then the state: nothing falls between.
    this.#say("stream", "nothing", { Type: EVENTS });
    this.#say("members", "members");
  }

  close(why: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearInterval(this.#timer);
    this.#socket.destroy();
    this.#follower.onEnd(why);
  }

  #say(Command: string, expected: Expected, ...body: readonly Write[]): void {
    const Seq = ++this.#seq;
    this.#expected.set(Seq, expected);
    this.#socket.write(write({ Command, Seq }, ...body));
    if (Command === "stream") this.#streamSeq = Seq;
  }

  #streamSeq = 0;

  #take(chunk: Buffer): void {
    this.#frames.push(chunk);
    while (!this.#hasEnded) {
      const found = this.#frames.next();
      if (found === "more") return;
      if (found === "wrong" || !isMap(found.value)) return this.close("the agent said what nobody understands");
      this.#takeMap(found.value);
    }
  }

  #takeMap(fields: Fields): void {
    const header = this.#header;
    if (header === undefined) {
      const [seq, error] = [numberOf(fields, "Seq"), textOf(fields, "Error")];
      const expected = this.#expected.get(seq);
      if (error !== "") this.close(error);
      else if (expected === "nothing" && seq === this.#streamSeq) this.#expected.set(seq, "stream");
      else if (expected === "nothing") this.#expected.delete(seq);
      else if (expected !== undefined) this.#header = fields;
      else this.close("the agent answered what was not asked");
      return;
    }
    this.#header = undefined;
    const seq = numberOf(header, "Seq");
    if (seq === this.#streamSeq) return this.#takeRecord(fields);
    this.#expected.delete(seq);
    this.#follower.onMembers(toSeen(fields.get("Members")));
  }

  #takeRecord(fields: Fields): void {
    const event = textOf(fields, "Event");
    if (event === "user") this.#follower.onUserEvent(textOf(fields, "Name"), bytesOf(fields, "Payload"));
    else this.#follower.onEvent(event, toSeen(fields.get("Members")));
  }
}

function toSeen(value: Read | undefined): readonly Seen[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly Read[]).filter(isMap).map((fields) => ({
    name: textOf(fields, "Name"),
    address: fromAddress(bytesOf(fields, "Addr")),
    port: numberOf(fields, "Port"),
    tags: Object.fromEntries(textMapOf(fields, "Tags")),
    status: textOf(fields, "Status"),
  }));
}
