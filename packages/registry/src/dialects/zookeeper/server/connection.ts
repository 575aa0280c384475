/** @live A connection: four letters and a text, or a session and its requests. */
import type { Socket } from "node:net";
import { type Bytes, type LeaseId, type Revision, toBytes, type View } from "../../../core/index.ts";
import { openLine } from "../../../net/answers/turns.ts";
import type { RequestLog } from "../../../net/log.ts";
import type { StreamLine, StreamTalk } from "../../../net/tcp.ts";
import type { Answer, Desk, Guest } from "../desk.ts";
import { mayDo, type Who } from "../nodes/rights.ts";
import type { Realm } from "../sessions/realm.ts";
import { type Begun, newSeat } from "../sessions/sessions.ts";
import { Watched } from "../watches/board.ts";
import type { Acl } from "../wire/acl.ts";
import { ERRORS, errorName, OPS, opName, PERMS } from "../wire/codes.ts";
import { EXPIRED, type Granted, readConnect, writeConnected } from "../wire/connect.ts";
import { Frames } from "../wire/frames.ts";
import type { Numbers, Tally } from "../words/numbers.ts";
import { receive } from "./lobby.ts";
import { Outbox } from "./outbox.ts";
import { Queue } from "./queue.ts";
import { type Asked, answer, wayOf } from "./verbs.ts";

/** Who has not begun a session by then never does. */
const GREETING_MS = 30_000;
/** With more bytes that the client has not taken yet, no more requests are read. */
const UNSENT_BYTES_MAX = 256 * 1024;
const KEEP_ALIVE_MS = 60_000;
/** xid and type. */
const HEADER_BYTES = 8;

const inTurn = openLine();

function revisionOf({ revision }: View): Revision {
  return revision;
}

export interface ConnectionParts {
  readonly desk: Desk;
  readonly line: StreamLine;
  readonly requests: RequestLog;
  readonly numbers: Numbers;
  /** How a word of four letters is answered; undefined for one that is none. */
  wordOf(word: string, address: string): (() => string) | undefined;
  nowMs(): number;
  /** Gets what a handler threw: a bug. */
  failed(error: unknown): void;
}

export class Connection implements StreamTalk, Guest {
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  readonly #frames: Frames;
  readonly #queue: Queue;
  readonly #outbox: Outbox;
  readonly tally: Tally;
  readonly watched = new Watched();
  readonly at = newSeat();
  readonly address: string;
  #who: Who;
  #begun: Begun | undefined;
  #realm: Realm | undefined;
  #token: string | undefined;
  #state: "new" | "greeting" | "open" | "over" = "new";
  #bytesRead = 0;
  #ended = false;
  #isBeating = false;

  constructor(socket: Socket, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#frames = new Frames(parts.desk.settings.requestBytesMax);
    this.#outbox = new Outbox(socket, parts.line);
    this.address = toPlain(socket.remoteAddress ?? "");
    this.#who = { digests: [], address: this.address, isSuper: false };
    this.tally = parts.numbers.open(this.address, socket.remotePort ?? 0);
    this.#queue = new Queue({
      next: () => this.#next(),
      wayOf,
      answer: (asked) => this.#answer(asked),
      send: (asked, told) => this.#send(asked, told),
      settled: () => this.#settle(),
      failed: (error) => this.#fail(error),
    });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setTimeout(GREETING_MS, () => socket.destroy());
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("drain", () => this.#pump());
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#close());
  }

  get isWorking(): boolean {
    return !this.#queue.isIdle || this.#state === "greeting";
  }

  get session(): LeaseId {
    return this.begun.session;
  }

  get begun(): Begun {
    if (this.#begun === undefined) throw new Error("there is no session yet");
    return this.#begun;
  }

  get who(): Who {
    return this.#who;
  }

  get token(): string | undefined {
    return this.#token;
  }

  get realm(): Realm | undefined {
    return this.#realm;
  }

  show(digest: Bytes, isSuper: boolean): void {
    const digests = this.#who.digests.includes(digest) ? this.#who.digests : [...this.#who.digests, digest];
    this.#who = { ...this.#who, digests, isSuper: this.#who.isSuper || isSuper };
  }

  settle(realm: Realm, token: string | undefined): void {
    this.#token = token;
    if (realm === this.#realm) return;
    this.rise();
    this.#realm = realm;
    realm.seats.get(this.session)?.leave();
    realm.seats.set(this.session, this);
  }

  mayRead(acl: readonly Acl[] | null): boolean {
    return mayDo(acl, PERMS.read, this.#who);
  }

  tell(frame: Buffer): void {
    this.#outbox.event(frame);
  }

  leave(): void {
    this.#state = "over";
    this.rise();
    this.#socket.destroy();
  }

  rise(): void {
    if (this.#realm === undefined) return;
    this.#realm.board.forget(this);
    if (this.#realm.seats.get(this.session) === this) this.#realm.seats.delete(this.session);
  }

  #take(chunk: Buffer): void {
    this.#bytesRead += chunk.length;
    this.#frames.push(chunk);
    if (this.#state === "open") this.#beat();
    this.#pump();
  }

  /** Whatever comes keeps the session alive. */
  #beat(): void {
    if (this.#realm === undefined || this.#isBeating) return;
    this.#isBeating = true;
    const { account } = this.#realm;
    void this.#parts.desk.registry.renew(account, this.session).then(
      (renewed) => {
        this.#isBeating = false;
        if (!renewed.ok && renewed.refusal === "not-found" && account === this.#realm?.account) this.leave();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #pump(): void {
    if (this.#socket.destroyed) return;
    if (this.#state === "new") this.#greet();
    if (this.#state === "open") this.#queue.pump();
    else this.#settle();
  }

  #settle(): void {
    if (this.#socket.destroyed) return;
    if (this.#state !== "new") this.#parts.line.used(this.#bytesRead - this.#frames.waiting);
    const isFull = this.#isFull();
    if (isFull && !this.#socket.isPaused()) this.#socket.pause();
    else if (!isFull && this.#socket.isPaused()) this.#socket.resume();
    if (this.#ended && this.#queue.isIdle && this.#state !== "greeting") this.#socket.end();
  }

  /** What it says meanwhile waits in the socket, and so in the client. */
  #isFull(): boolean {
    if (this.#outbox.unsent > UNSENT_BYTES_MAX) return true;
    return this.#frames.waiting > this.#parts.desk.settings.requestBytesMax + HEADER_BYTES;
  }

  #greet(): void {
    const word = this.#frames.word();
    if (word === undefined) return;
    const tell = this.#parts.wordOf(word, this.address);
    if (tell !== undefined) {
      this.#state = "over";
      // Some go over all that there is.
      inTurn(() => this.#socket.end(tell()));
      return;
    }
    const frame = this.#frames.next();
    if (frame === undefined) return;
    const asked = frame === "wrong" ? undefined : readConnect(frame);
    if (asked === undefined) return void this.#socket.destroy();
    this.#state = "greeting";
    receive(this.#parts.desk, this, asked).then(
      (granted) => {
        if (granted === "unfit") this.#socket.destroy();
        else if (!this.#socket.destroyed) this.#open(granted, writeConnected(asked, granted ?? EXPIRED));
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Called by the lobby once the session is there. */
  begin(begun: Begun, realm: Realm | undefined): void {
    this.#begun = begun;
    // The client may have gone meanwhile: its session is there until its time is over.
    if (realm !== undefined && !this.#socket.destroyed) this.settle(realm, undefined);
  }

  #open(granted: Granted | undefined, frame: Buffer): void {
    this.#socket.write(frame);
    if (granted === undefined) {
      this.#state = "over";
      this.#socket.end();
      return;
    }
    this.#state = "open";
    this.tally.greeted(this.session, granted.timeoutMs);
    // The session's own time sees to clients that are gone; one without a session has as long.
    this.#socket.setTimeout(this.#realm === undefined ? granted.timeoutMs : 0);
    this.#pump();
  }

  #next(): Asked | undefined {
    for (;;) {
      if (this.#state !== "open" || this.#outbox.unsent > UNSENT_BYTES_MAX) return undefined;
      const reader = this.#frames.next();
      if (reader === undefined) return undefined;
      if (reader === "wrong" || reader.left < HEADER_BYTES) {
        this.#socket.destroy();
        return undefined;
      }
      this.tally.received();
      const bytes = reader.left;
      const asked: Asked = { xid: reader.int(), type: reader.int(), reader, bytes };
      // Out of turn, as clients know it by its xid: no other work makes it late.
      if (asked.type !== OPS.ping) return asked;
      this.#send(asked, { error: ERRORS.ok });
    }
  }

  #answer(asked: Asked): Answer | Promise<Answer> {
    const { requests } = this.#parts;
    const startMs = this.#parts.nowMs();
    const told = answer(this.#parts.desk, this, asked);
    const isPicked = requests.picks();
    if (!(told instanceof Promise)) {
      if (isPicked) this.#log(asked, told, startMs);
      this.tally.answered(this.#parts.nowMs() - startMs);
      return told;
    }
    return told.then((value) => {
      if (isPicked) this.#log(asked, value, startMs);
      this.tally.answered(this.#parts.nowMs() - startMs);
      return value;
    });
  }

  #send({ xid }: Asked, { error, zxid, body, isLast }: Answer): void {
    const writer = this.#outbox.begin();
    writer
      .int(xid)
      .long(zxid ?? this.#parts.desk.registry.read(revisionOf))
      .int(error);
    if (error === ERRORS.ok) body?.(writer);
    this.#outbox.end();
    this.tally.sent();
    if (isLast !== true) return;
    this.#state = "over";
    this.rise();
    this.#outbox.send();
    this.#socket.end();
  }

  /** A line for the log. What is asked for stands in bodies, and may be secret: its name is enough. */
  #log({ type }: Asked, { error }: Answer, startMs: number): void {
    this.#parts.requests.write({
      dialect: "zookeeper",
      account: this.#realm?.account ?? "",
      who: this.#who.digests[0]?.split(":")[0] ?? "",
      from: this.address,
      asked: opName(type) ?? `type ${type}`,
      outcome: errorName(error),
      ms: this.#parts.nowMs() - startMs,
    });
  }

  /** The client sends no more, but gets what is worked at. */
  #end(): void {
    this.#ended = true;
    this.#pump();
  }

  #close(): void {
    this.#state = "over";
    this.rise();
    this.tally.close();
  }

  #fail(error: unknown): void {
    this.#parts.failed(error);
    this.#socket.destroy();
  }
}

/** IPv4 addresses within IPv6 as what they are. */
function toPlain(address: string): Bytes {
  return toBytes(address.replace(/^::ffff:(?=\d+\.)/, ""));
}
