/** @live What another node asks over a connection that it made: each message goes to the receiver of its channel. */
import type { ListenerLog } from "../log.ts";
import { sayWhy } from "../why.ts";
import { KIND } from "./frames.ts";
import type { Line } from "./line.ts";

/**
 * Takes what comes on a channel, in order, from the node of that name. What it returns is the answer to a question; of
 * a message without one it is dropped. The bytes are a view of what was read: copy what is kept for longer. When it
 * throws, who asked is told that something may have been done.
 */
export type Receiver = (payload: Buffer, from: string) => Answer | Promise<Answer>;
type Answer = Uint8Array | undefined;

const NOTHING = new Uint8Array(0);
const DECODER = new TextDecoder();

export class Visitor {
  readonly #line: Line;
  readonly #from: string;
  readonly #receivers: ReadonlyMap<string, Receiver>;
  readonly #workMax: number;
  readonly #log: Pick<ListenerLog, "error">;
  readonly #channels: string[] = [];
  /** Messages whose receivers are at work. */
  #working = 0;

  constructor(
    line: Line,
    from: string,
    receivers: ReadonlyMap<string, Receiver>,
    workMax: number,
    log: Pick<ListenerLog, "error">,
  ) {
    this.#line = line;
    this.#from = from;
    this.#receivers = receivers;
    this.#workMax = workMax;
    this.#log = log;
  }

  take(kind: number, channel: number, number: number, payload: Buffer): void {
    if (kind === KIND.channel) this.#channels[channel] = DECODER.decode(payload);
    else if (kind === KIND.ask || kind === KIND.tell) this.#receive(kind, channel, number, payload);
  }

  #receive(kind: number, channel: number, number: number, payload: Buffer): void {
    const receiver = this.#receivers.get(this.#channels[channel] ?? "");
    const isAsked = kind === KIND.ask;
    if (receiver === undefined || this.#working >= this.#workMax) {
      const why = receiver === undefined ? "the node has no such channel" : "the node is busy";
      if (isAsked) this.#reply(KIND.refusal, number, Buffer.from(why));
      return;
    }
    try {
      const answer = receiver(payload, this.#from);
      if (answer instanceof Promise) void this.#await(answer, channel, isAsked, number);
      else if (isAsked) this.#reply(KIND.answer, number, answer ?? NOTHING);
    } catch (error) {
      this.#failed(error, channel, isAsked, number);
    }
  }

  async #await(promise: Promise<Answer>, channel: number, isAsked: boolean, number: number): Promise<void> {
    this.#working += 1;
    try {
      const answer = await promise;
      if (isAsked) this.#reply(KIND.answer, number, answer ?? NOTHING);
    } catch (error) {
      this.#failed(error, channel, isAsked, number);
    } finally {
      this.#working -= 1;
    }
  }

  #failed(error: unknown, channel: number, isAsked: boolean, number: number): void {
    const name = this.#channels[channel];
    this.#log.error({ err: error, channel: name, node: this.#from }, "a message of another node could not be handled");
    if (isAsked) this.#reply(KIND.failure, number, Buffer.from(sayWhy(error)));
  }

  #reply(kind: number, number: number, payload: Uint8Array): void {
    this.#line.send(kind, 0, number, payload);
  }
}
