/** Producers of nsqlookupd, each on a connection of its own: they connect, all register at once, and stay. */
import { connect, type Socket } from "node:net";
import type { JobResult } from "../job.ts";

/** Producers of nsqlookupd that connect, register at once, and stay connected when the result is told. */
export interface ProducersJob {
  kind: "nsq-producers";
  port: number;
  producers: number;
  /** Topics of each, with one channel. */
  each: number;
  /** Different ones. */
  topics: number;
}

/** As an nsqd does. */
const PING_EVERY_MS = 15_000;
const TICK_MS = 100;
/** More at once would wait for the kernel, and not for the server. */
const CONNECTING_MAX = 256;

class Producer {
  readonly #socket: Socket;
  #held: Buffer = Buffer.alloc(0);
  #done: ((answer: string) => void) | undefined;

  constructor(port: number, lost: (error: Error) => void) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.setNoDelay(true);
    this.#socket.on("error", lost);
    this.#socket.on("close", () => lost(new Error("a producer's connection was closed")));
    this.#socket.on("data", (piece: Buffer) => this.#take(piece));
  }

  #take(piece: Buffer): void {
    this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    if (this.#held.length < 4) return;
    const end = 4 + this.#held.readInt32BE(0);
    if (this.#held.length < end) return;
    const answer = this.#held.toString("utf8", 4, end);
    this.#held = this.#held.subarray(end);
    const done = this.#done;
    this.#done = undefined;
    done?.(answer);
  }

  /** One at a time; answers in the protocol's words. */
  say(bytes: Buffer | string): Promise<string> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#socket.write(bytes);
    });
  }

  /** What is answered is of no interest. */
  ping(): void {
    if (this.#done === undefined) this.#socket.write("PING\n");
  }
}

function toGreeting(number: number): Buffer {
  const address = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  const said = {
    broadcast_address: address,
    hostname: `h${number}`,
    tcp_port: 4150,
    http_port: 4151,
    version: "1.3.0",
  };
  const body = Buffer.from(JSON.stringify(said));
  const head = Buffer.from("  V1IDENTIFY\n    ");
  head.writeInt32BE(body.length, head.length - 4);
  return Buffer.concat([head, body]);
}

async function connectAll({ port, producers }: ProducersJob, lost: (error: Error) => void): Promise<Producer[]> {
  const all: Producer[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let number = next++; number < producers; number = next++) {
      const producer = new Producer(port, lost);
      const answer = await producer.say(toGreeting(number));
      if (!answer.startsWith("{")) throw new Error(`IDENTIFY was answered with ${answer}`);
      all[number] = producer;
    }
  };
  await Promise.all(Array.from({ length: CONNECTING_MAX }, work));
  return all;
}

/** Topic and channel, one after the other, each when the last is answered. Answers the ms of the slowest. */
async function register(producer: Producer, number: number, { each, topics }: ProducersJob): Promise<number> {
  let slowestMs = 0;
  for (let nth = 0; nth < each; nth++) {
    const from = performance.now();
    const answer = await producer.say(`REGISTER t${(number * each + nth) % topics} ch\n`);
    if (answer !== "OK") throw new Error(`REGISTER was answered with ${answer}`);
    slowestMs = Math.max(slowestMs, performance.now() - from);
  }
  return slowestMs;
}

/** Every producer's connection goes on, with its PINGs, until the process ends. */
export function runProducers(job: ProducersJob): Promise<JobResult> {
  return new Promise((resolve, reject) => {
    const work = async (): Promise<void> => {
      const all = await connectAll(job, reject);
      const cpu = process.cpuUsage();
      const from = performance.now();
      const slowest = await Promise.all(all.map((producer, number) => register(producer, number, job)));
      const seconds = (performance.now() - from) / 1000;
      const used = process.cpuUsage(cpu);
      let turn = 0;
      setInterval(() => {
        for (let n = 0; n < (all.length * TICK_MS) / PING_EVERY_MS; n++) all[turn++ % all.length]?.ping();
      }, TICK_MS);
      const slowestMs = slowest.reduce((most, ms) => Math.max(most, ms), 0);
      const loadCores = (used.user + used.system) / 1e6 / seconds;
      resolve({ count: all.length * job.each, errors: 0, seconds, loadCores, slowestMs });
    };
    work().catch(reject);
  });
}
