/** @live One connection: commands one after the other, each with its answer. It lasts as long as its producer. */
import type { Socket } from "node:net";
import type { Logger } from "pino";
import { byPlan, type Clock, type Outcome, ok, type Refused, type Registry, refuse } from "../../../core/index.ts";
import type { StreamLine, StreamTalk } from "../../../net/tcp.ts";
import { REGISTER, UNREGISTER } from "../changes.ts";
import type { Source } from "../producers.ts";
import { toLastWord } from "../refusals.ts";
import { plainAddress, type Settings } from "../settings.ts";
import { isLegal } from "../wire/names.ts";
import { type Peer, readPeer } from "../wire/peer.ts";
import { BODY_BYTES_MAX, frame, Reader, type Said } from "../wire/stream.ts";

/** With more bytes that are not looked at yet, no more are read. */
const HELD_BYTES_MAX = 2 * BODY_BYTES_MAX;
/** After so long without a byte the kernel asks whether the other side is still there. */
const PROBE_MS = 60_000;

/** Commands of which several may be decided in any order. */
const TOGETHER: ReadonlySet<string> = new Set(["PING", "REGISTER", "UNREGISTER"]);
const TOGETHER_MAX = 256;
/** After so many others have their turn: a client that says much holds up itself alone. */
const AT_ONCE = 512;

/** An error in the protocol's words, after which the connection ends. */
function wrong(error: string): Refused & { readonly error: string } {
  return { ...refuse("invalid", error), error };
}

/** What keeps all connections. */
export interface Host {
  readonly parts: {
    readonly registry: Registry;
    readonly clock: Clock;
    readonly log: Logger;
    readonly settings: Settings;
  };
  /** A connection has said who it is, and from where. */
  begin(connection: Connection, peer: Peer, address: string): Promise<Outcome<true>>;
  /** Shows what it registered, or shows it no more. */
  mark(connection: Connection, isActive: boolean): Promise<Outcome<unknown>>;
  ended(connection: Connection): void;
  /** What an nsqd is told of this server. */
  toWelcome(localAddress: string): object;
}

export class Connection implements StreamTalk {
  /** Undefined until it has said who it is. */
  source: Source | undefined;
  /** By the clock that only goes on. */
  heardMs: number;
  /** What it registered is shown to nobody, as it was silent for long. */
  isHidden = false;
  readonly #socket: Socket;
  readonly #line: StreamLine;
  readonly #all: Host;
  readonly #reader = new Reader();
  #bytesRead = 0;
  #isBusy = false;
  #isOver = false;

  constructor(socket: Socket, line: StreamLine, all: Host) {
    this.#socket = socket;
    this.#line = line;
    this.#all = all;
    this.heardMs = all.parts.clock.monotonic();
    socket.setKeepAlive(true, PROBE_MS);
    socket.on("data", (chunk: Buffer) => {
      this.#bytesRead += chunk.length;
      this.#reader.push(chunk);
      void this.#pump();
    });
    // What was said before is answered still.
    socket.on("end", () => {
      this.#isOver = true;
      if (!this.#isBusy) socket.end();
    });
    socket.on("close", () => all.ended(this));
  }

  get isGone(): boolean {
    return this.#socket.destroyed;
  }

  /** A producer is no idle client that gives way to others. */
  get isWorking(): boolean {
    return this.#isBusy || this.source !== undefined;
  }

  /** Its lease has ended elsewhere: it has to say all anew. */
  cut(): void {
    this.#socket.destroy();
  }

  async #pump(): Promise<void> {
    if (this.#isBusy) {
      if (this.#reader.held > HELD_BYTES_MAX) this.#socket.pause();
      return;
    }
    this.#isBusy = true;
    await this.#answerAll();
    this.#isBusy = false;
    this.#line.used(this.#bytesRead - this.#reader.held);
    if (this.#isOver) this.#socket.end();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Answers what has come, in order. What is said in one go and does not bear on one another is stored in one go. */
  async #answerAll(): Promise<void> {
    let before = "";
    let count = 0;
    const underWay: Promise<Outcome<string | undefined>>[] = [];
    for (let said = this.#reader.next(); said !== undefined && !this.#socket.destroyed; said = this.#reader.next()) {
      const verb = said.kind === "command" ? (said.words[0] ?? "") : "";
      const goesAlong = verb === before && TOGETHER.has(verb) && underWay.length < TOGETHER_MAX;
      if (!goesAlong && !(await this.#giveAll(underWay))) return;
      before = verb;
      if (++count % AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      underWay.push(this.#tryAnswer(said));
    }
    await this.#giveAll(underWay);
  }

  /** In one write. False after the last answer of the connection. */
  async #giveAll(underWay: Promise<Outcome<string | undefined>>[]): Promise<boolean> {
    let goesOn = true;
    this.#socket.cork();
    for (const coming of underWay.splice(0)) {
      const answer = await coming;
      if (answer.ok) {
        if (answer.value !== undefined) this.#write(answer.value);
        continue;
      }
      this.#write("error" in answer ? String(answer.error) : toLastWord(answer));
      this.#isOver = true;
      goesOn = false;
      break;
    }
    this.#socket.uncork();
    this.#line.wrote();
    return goesOn;
  }

  #tryAnswer(said: Said): Promise<Outcome<string | undefined>> {
    return this.#answer(said).catch((error: unknown) => {
      this.#all.parts.log.error({ err: error }, "a command failed");
      return wrong("E_INVALID internal error");
    });
  }

  #write(answer: string): void {
    if (this.#socket.writable) this.#socket.write(frame(answer));
  }

  /** Undefined where the answer is still to come. */
  async #answer(said: Said): Promise<Outcome<string | undefined>> {
    if (said.kind === "wrong") return wrong(said.error);
    if (said.kind === "body") return this.#identify(said.bytes);
    const [command = "", ...words] = said.words;
    switch (command) {
      case "PING":
        return this.#ping();
      case "IDENTIFY":
        if (this.source !== undefined) return wrong("E_INVALID cannot IDENTIFY again");
        this.#reader.awaitBody();
        return ok(undefined);
      case "REGISTER":
      case "UNREGISTER":
        return this.#change(command, words);
      default:
        return wrong(`E_INVALID invalid command ${command}`);
    }
  }

  async #ping(): Promise<Outcome<string>> {
    if (this.source === undefined) return ok("OK");
    this.heardMs = this.#all.parts.clock.monotonic();
    const shown = this.isHidden ? await this.#all.mark(this, true) : ok(true);
    return shown.ok ? ok("OK") : shown;
  }

  async #identify(body: Buffer): Promise<Outcome<string>> {
    const { remoteAddress, remotePort, localAddress } = this.#socket;
    const address = plainAddress(remoteAddress);
    const peer = readPeer(body, address.includes(":") ? `[${address}]:${remotePort}` : `${address}:${remotePort}`);
    if (!peer.ok) return wrong(`E_BAD_BODY ${peer.detail}`);
    const begun = await this.#all.begin(this, peer.value, address);
    if (!begun.ok) return begun;
    // It may be long until it says something again.
    this.#socket.setTimeout(0);
    return ok(JSON.stringify(this.#all.toWelcome(plainAddress(localAddress))));
  }

  async #change(command: "REGISTER" | "UNREGISTER", words: readonly string[]): Promise<Outcome<string>> {
    const { source } = this;
    if (source === undefined) return wrong("E_INVALID client must IDENTIFY");
    const [topic, channel = ""] = words;
    if (topic === undefined) return wrong(`E_INVALID ${command} insufficient number of params`);
    if (!isLegal(topic)) return wrong(`E_BAD_TOPIC ${command} topic name '${topic}' is not valid`);
    if (channel !== "" && !isLegal(channel))
      return wrong(`E_BAD_CHANNEL ${command} channel name '${channel}' is not valid`);
    const { registry, settings } = this.#all.parts;
    const plan = command === "REGISTER" ? REGISTER : UNREGISTER;
    const input = { source: { ...source, peer: { ...source.peer } }, topic, channel };
    const outcome = await registry.propose(settings.account, byPlan(plan, input));
    return outcome.ok ? ok("OK") : outcome;
  }
}
