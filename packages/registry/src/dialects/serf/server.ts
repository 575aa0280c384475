/** @live The front door: a header, perhaps a body, an answer; and records of what is followed, as they come. */
import type { Socket } from "node:net";
import { type Account, type Outcome, ok } from "../../core/index.ts";
import type { RequestLog } from "../../net/log.ts";
import { enter } from "../../net/routes/entry.ts";
import type { StreamLine, StreamTalk } from "../../net/tcp.ts";
import type { Desk, Reply, Subscription, Talk } from "./desk.ts";
import { ERRORS, toText } from "./refusals.ts";
import { COMMANDS, type Command } from "./verbs.ts";
import { type Fields, Frames, isMap, numberOf, textOf } from "./wire/frames.ts";
import { type Write, write } from "./wire/msgpack.ts";

/** The only version of the protocol. */
const VERSION = 1;
/** After so many commands of a connection others have their turn. */
const AT_ONCE = 256;
/** With more bytes that the client has not taken yet, no more of it is read. */
const UNSENT_BYTES_MAX = 256 * 1024;
/** A client that lets more of what it follows pile up is cut off: it would miss some, and not know. */
const RECORD_BYTES_MAX = 4 * 1024 * 1024;
const KEEP_ALIVE_MS = 60_000;
const NO_FIELDS: Fields = new Map();

export interface TalkParts {
  readonly desk: Desk;
  readonly line: StreamLine;
  readonly requests: RequestLog;
  failed(error: unknown): void;
}

let talks = 0;

/** Answers the commands of a connection, one after the other, until the client ends it. */
export function serveTalk(socket: Socket, parts: TalkParts): StreamTalk {
  const session = new Session(socket, parts);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.on("data", (chunk: Buffer) => session.take(chunk));
  socket.on("drain", () => session.pump());
  socket.on("end", () => session.end());
  socket.on("close", () => session.close());
  return session;
}

interface Header {
  readonly name: string;
  readonly seq: number;
}

class Session implements StreamTalk, Talk {
  readonly name: string;
  readonly subscriptions = new Map<number, Subscription>();
  readonly pending = new Map<number, { readonly id: string; readonly untilMs: number }>();
  monitor: number | undefined;
  lastQuery = 0;
  readonly #socket: Socket;
  readonly #parts: TalkParts;
  readonly #frames = new Frames();
  #bytesRead = 0;
  #header: Header | undefined;
  #isBusy = false;
  #hasShaken = false;
  #hasEnded = false;
  #taken = 0;
  #rests = false;
  #token: string | undefined;

  constructor(socket: Socket, parts: TalkParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.name = `${parts.desk.node}-${++talks}`;
  }

  get isWorking(): boolean {
    return this.#isBusy || this.subscriptions.size > 0;
  }

  take(chunk: Buffer): void {
    this.#bytesRead += chunk.length;
    this.#frames.push(chunk);
    this.pump();
  }

  /** One command at a time, while the client takes its answers. */
  pump(): void {
    const socket = this.#socket;
    while (!this.#isFull() && !socket.destroyed) {
      const found = this.#frames.next();
      if (found === "more") break;
      if (found === "wrong" || !isMap(found.value)) return this.#cut();
      if (++this.#taken % AT_ONCE === 0) this.#rest();
      this.#takeMap(found.value);
    }
    if (socket.destroyed) return;
    if (this.#isFull()) socket.pause();
    else if (socket.isPaused()) socket.resume();
    if (this.#hasEnded && !this.#isFull()) socket.end();
  }

  end(): void {
    this.#hasEnded = true;
    this.pump();
  }

  close(): void {
    for (const subscription of this.subscriptions.values()) subscription.close();
    this.subscriptions.clear();
    this.pending.clear();
  }

  send(seq: number, error: string, ...body: readonly Write[]): void {
    const socket = this.#socket;
    if (socket.destroyed || !socket.writable) return;
    if (socket.writableLength > RECORD_BYTES_MAX) {
      this.#parts.desk.log.warn({ address: socket.remoteAddress }, "a client of serf does not read what it follows");
      socket.destroy();
      return;
    }
    socket.write(write({ Error: error, Seq: seq }, ...body));
    this.#parts.line.wrote();
  }

  #rest(): void {
    this.#rests = true;
    setImmediate(() => {
      this.#rests = false;
      this.pump();
    });
  }

  #isFull(): boolean {
    return this.#rests || this.#isBusy || this.#socket.writableLength > UNSENT_BYTES_MAX;
  }

  #cut(): void {
    this.#socket.destroy();
  }

  /** What was said is sent, and nothing more is heard. */
  #endWith(seq: number, error: string): void {
    this.send(seq, error);
    this.#isBusy = true;
    this.close();
    this.#socket.end();
  }

  #takeMap(fields: Fields): void {
    const header = this.#header;
    if (header !== undefined) {
      this.#header = undefined;
      this.#run(header, fields);
      return;
    }
    const next = { name: textOf(fields, "Command"), seq: numberOf(fields, "Seq") };
    const command = Object.hasOwn(COMMANDS, next.name) ? COMMANDS[next.name] : undefined;
    const isFirst = next.name === "handshake" || next.name === "auth";
    if (!this.#hasShaken && next.name !== "handshake") this.#endWith(next.seq, ERRORS.handshake);
    else if (command === undefined && !isFirst) this.#endWith(next.seq, ERRORS.unknown);
    else if (isFirst || command?.hasBody === true) this.#header = next;
    else this.#run(next, NO_FIELDS);
  }

  #run({ name, seq }: Header, fields: Fields): void {
    if (name === "handshake") return this.#shake(seq, numberOf(fields, "Version"));
    if (name === "auth") return this.#authenticate(seq, textOf(fields, "AuthKey"));
    const command = COMMANDS[name] as Command;
    const tell = this.#parts.requests.picks() ? this.#tellOf(name) : undefined;
    const account = this.#admit(command.need);
    if (!account.ok) {
      const error = account.refusal === "forbidden" && this.#isStranger() ? ERRORS.auth : toText(account);
      // A client that has to say who it is waits for no body.
      this.#answer(seq, command, error === ERRORS.auth ? { error, body: NOTHING } : { error });
      tell?.(error);
      return;
    }
    const reply = command.run(this.#parts.desk, { seq, fields, account: account.value, talk: this });
    const done = (given: Reply): void => {
      this.#answer(seq, command, given);
      tell?.(given.error ?? "");
    };
    if (!(reply instanceof Promise)) return done(reply);
    this.#isBusy = true;
    void reply
      .then(done, (error: unknown) => {
        this.#parts.failed(error);
        this.#cut();
      })
      .finally(() => {
        this.#isBusy = false;
        this.pump();
      });
  }

  #answer(seq: number, command: Command, { error = "", body, afterwards }: Reply): void {
    const last = body ?? (error === "" ? undefined : command.bodyOfError);
    this.send(seq, error, ...(last === undefined || last === NOTHING ? [] : [last]));
    this.#parts.line.used(this.#bytesRead - this.#frames.waiting);
    if (error === "") afterwards?.();
  }

  #shake(seq: number, version: number): void {
    if (version !== VERSION) return this.#endWith(seq, ERRORS.version);
    this.send(seq, this.#hasShaken ? ERRORS.handshakeTwice : "");
    this.#hasShaken = true;
  }

  /** The key is a token of the registry. */
  #authenticate(seq: number, key: string): void {
    const principal = this.#parts.desk.access.authenticate(key === "" ? undefined : key);
    if (principal.ok) this.#token = key === "" ? undefined : key;
    this.send(seq, principal.ok ? "" : ERRORS.authWrong);
  }

  #isStranger(): boolean {
    return !this.#parts.desk.access.authenticate(this.#token).ok;
  }

  #admit(need: "reader" | "writer"): Outcome<Account> {
    const { access, settings } = this.#parts.desk;
    const principal = access.authenticate(this.#token);
    if (!principal.ok) return principal;
    const entered = enter(access, principal.value, principal.value.account ?? settings.account, need);
    return entered.ok ? ok(entered.value) : entered;
  }

  #tellOf(name: string): (error: string) => void {
    const { requests, desk } = this.#parts;
    const startMs = desk.clock.monotonic();
    const principal = desk.access.authenticate(this.#token);
    const who = principal.ok ? principal.value : undefined;
    return (error) =>
      requests.write({
        dialect: "serf",
        account: who === undefined ? "" : (who.account ?? desk.settings.account),
        who: who?.name ?? "",
        from: this.#socket.remoteAddress ?? "",
        asked: name,
        outcome: error === "" ? "OK" : error,
        ms: desk.clock.monotonic() - startMs,
      });
  }
}

/** No body, whatever belongs to the answer. */
const NOTHING: Write = {};
