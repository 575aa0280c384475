/**
 * @live Another node as we speak to it: a connection that is kept, made anew when it breaks, and asked over. Questions go
 * one way on it; those of the other node come over a connection that it makes itself.
 */
import type { Socket } from "node:net";
import { type Outcome, ok, refuse } from "../../outcome.ts";
import { type ListenerLog, SeldomLog } from "../log.ts";
import { HEAD_BYTES, KIND } from "./frames.ts";
import { ANYBODY } from "./hello.ts";
import { Line, type LineLimits, TICKS, type Traffic } from "./line.ts";

/** Channels that may be used on one connection. */
const CHANNELS_MAX = 255;
const BACKOFF_MS_MIN = 20;
const BACKOFF_MS_MAX = 1000;

export interface PeerOptions {
  /** The name that the node must have; any when left out. */
  readonly name?: string;
  readonly host: string;
  readonly port: number;
  /** Told when the node is reached, and when it no longer is and why. */
  readonly changed?: (isUp: boolean, why: string) => void;
}

/** Begins a connection; `ready` when the other side may be spoken to. Throws a sentence when none may be made there. */
export type Connect = (host: string, port: number, ready: () => void) => Socket;

/** Resolves once: with the answer, or `unavailable` (nothing was done) or `unknown` (it may have been). */
type Settle = (answer: Outcome<Buffer>) => void;

interface Asked {
  readonly settle: Settle;
  readonly dueTick: number;
}

/** What a peer is given by the node that speaks to it. */
export interface Side {
  /** The node's name. */
  readonly own: string;
  readonly limits: LineLimits;
  readonly traffic: Traffic;
  readonly log: Pick<ListenerLog, "info" | "warn">;
  readonly connect: Connect;
  closed(): void;
}

export class Peer {
  /** Of the node; its address while the name is not known. */
  name: string;
  readonly #options: PeerOptions;
  readonly #side: Side;
  readonly #seldom: SeldomLog;
  #line: Line | undefined;
  #retry: NodeJS.Timeout | undefined;
  #backoffMs = BACKOFF_MS_MIN;
  #isClosed = false;
  #why = "it was not reached yet";
  readonly #asked = new Map<number, Asked>();
  readonly #channels = new Map<string, number>();
  #lastNumber = 0;
  #ticks = 0;

  constructor(options: PeerOptions, side: Side) {
    this.name = options.name ?? `${options.host}:${options.port}`;
    this.#options = options;
    this.#side = side;
    this.#seldom = new SeldomLog(side.log);
    this.#dial();
  }

  /** Whether the node is reached at the moment. */
  get isUp(): boolean {
    return this.#line?.isJoined === true;
  }

  /**
   * Asks over a channel; the answer is a view of what was read. Refused as `unavailable` when nothing was done: the node
   * is not reached, too much waits for it, it has no such channel or is busy. As `unknown` when it may have been done:
   * no answer in time (to a twentieth of `silenceMs`), a broken connection, a receiver that failed.
   */
  ask(channel: string, payload: Uint8Array, timeoutMs: number): Promise<Outcome<Buffer>> {
    return new Promise((resolve) => {
      const line = this.#openFor(payload.length);
      if (!line.ok) return resolve(line);
      this.#lastNumber = (this.#lastNumber + 1) >>> 0;
      const dueTick = this.#ticks + 1 + Math.ceil((timeoutMs * TICKS) / this.#side.limits.silenceMs);
      this.#asked.set(this.#lastNumber, { settle: resolve, dueTick });
      line.value.send(KIND.ask, this.#channel(line.value, channel), this.#lastNumber, payload);
    });
  }

  /** Sends a message. False when it surely does not arrive; true promises nothing. */
  tell(channel: string, payload: Uint8Array): boolean {
    const line = this.#openFor(payload.length);
    if (line.ok) line.value.send(KIND.tell, this.#channel(line.value, channel), 0, payload);
    return line.ok;
  }

  /** Cuts the connection for good. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#line?.close("this side closed the connection");
    this.#side.closed();
  }

  #openFor(bytes: number): Outcome<Line> {
    const line = this.#line;
    if (line === undefined || !line.isJoined)
      return refuse("unavailable", `node "${this.name}" is not reached: ${this.#why}`);
    if (bytes > this.#side.limits.messageBytesMax)
      return refuse("unavailable", "the message is too large for the link");
    if (line.unsentBytes + HEAD_BYTES + bytes > this.#side.limits.unsentBytesMax)
      return refuse("unavailable", `too much waits for node "${this.name}" to take it`);
    return ok(line);
  }

  #channel(line: Line, name: string): number {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const number = this.#channels.size + 1;
    if (number > CHANNELS_MAX) throw new Error(`there are more than ${CHANNELS_MAX} channels`);
    this.#channels.set(name, number);
    line.send(KIND.channel, number, 0, Buffer.from(name));
    return number;
  }

  #dial(): void {
    const { host, port } = this.#options;
    let socket: Socket;
    try {
      socket = this.#side.connect(host, port, () => line.greet(this.#options.name ?? ANYBODY));
    } catch (error) {
      return this.#lost((error as Error).message, false);
    }
    const { own, limits, traffic } = this.#side;
    const line = new Line(socket, own, limits, traffic, {
      joined: ({ from }) => this.#joined(from),
      frame: (kind, _channel, number, payload) => this.#take(kind, number, payload),
      tick: () => this.#expire(),
      closed: (why, wasUp) => this.#lost(why, wasUp),
    });
    this.#line = line;
  }

  #joined(name: string): void {
    this.name = name;
    this.#backoffMs = BACKOFF_MS_MIN;
    this.#side.log.info({ node: this.name }, "another node is reached");
    this.#options.changed?.(true, "");
  }

  #take(kind: number, number: number, payload: Buffer): void {
    if (kind !== KIND.answer && kind !== KIND.refusal && kind !== KIND.failure) return;
    const asked = this.#asked.get(number);
    if (asked === undefined) return;
    this.#asked.delete(number);
    if (kind === KIND.answer) asked.settle(ok(payload));
    else asked.settle(refuse(kind === KIND.refusal ? "unavailable" : "unknown", payload.toString()));
  }

  #expire(): void {
    this.#ticks += 1;
    for (const [number, { settle, dueTick }] of this.#asked)
      if (dueTick < this.#ticks) {
        this.#asked.delete(number);
        settle(refuse("unknown", `node "${this.name}" gave no answer in time`));
      }
  }

  #lost(why: string, wasUp: boolean): void {
    this.#line = undefined;
    this.#why = why;
    this.#channels.clear();
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { settle } of asked) settle(refuse("unknown", `the connection to node "${this.name}" broke: ${why}`));
    if (!this.#isClosed) {
      this.#seldom.warn(this.#options.host, `node "${this.name}" is not reached: ${why}`);
      // Not all nodes at once, when one comes back.
      this.#retry = setTimeout(() => this.#dial(), this.#backoffMs * (0.5 + Math.random() / 2));
      this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MS_MAX);
    }
    if (wasUp) this.#options.changed?.(false, why);
  }
}
