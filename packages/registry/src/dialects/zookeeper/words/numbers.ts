/** @live What the words of four letters tell of connections: how many requests, and how long they took. */
import type { LeaseId } from "../../../core/index.ts";

/** Times of answers, in ms. */
class Latency {
  min = Number.POSITIVE_INFINITY;
  max = 0;
  #sum = 0;
  #count = 0;

  note(ms: number): void {
    if (ms < this.min) this.min = ms;
    if (ms > this.max) this.max = ms;
    this.#sum += ms;
    this.#count += 1;
  }

  get average(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  get least(): number {
    return this.#count === 0 ? 0 : this.min;
  }
}

/** The numbers of one connection. */
export class Tally {
  readonly address: string;
  readonly port: number;
  readonly beganMs = Date.now();
  session: LeaseId | undefined;
  timeoutMs = 0;
  counts = { received: 0, sent: 0 };
  latency = new Latency();
  readonly #numbers: Numbers;

  constructor(numbers: Numbers, address: string, port: number) {
    this.#numbers = numbers;
    this.address = address;
    this.port = port;
  }

  greeted(session: LeaseId, timeoutMs: number): void {
    this.session = session;
    this.timeoutMs = timeoutMs;
  }

  received(): void {
    this.counts.received += 1;
    this.#numbers.counts.received += 1;
  }

  sent(): void {
    this.counts.sent += 1;
    this.#numbers.counts.sent += 1;
  }

  answered(ms: number): void {
    this.latency.note(ms);
    this.#numbers.latency.note(ms);
  }

  reset(): void {
    this.counts = { received: 0, sent: 0 };
    this.latency = new Latency();
  }

  close(): void {
    this.#numbers.connections.delete(this);
  }
}

export class Numbers {
  readonly connections = new Set<Tally>();
  counts = { received: 0, sent: 0 };
  latency = new Latency();

  open(address: string, port: number): Tally {
    const tally = new Tally(this, address, port);
    this.connections.add(tally);
    return tally;
  }

  resetServer(): void {
    this.counts = { received: 0, sent: 0 };
    this.latency = new Latency();
  }

  resetConnections(): void {
    for (const tally of this.connections) tally.reset();
  }

  /** Requests without an answer yet. */
  get outstanding(): number {
    let count = 0;
    for (const { counts } of this.connections) count += Math.max(0, counts.received - counts.sent);
    return count;
  }
}
