/** A broker of NSQ as far as a consumer sees one, and as a lookupd does: it hands out what is published, and dies. */

import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import type { Scope } from "../harness/scope.ts";
import { type Line, openNsqd } from "./rig.ts";

/** Kinds of frames: https://nsq.io/clients/tcp_protocol_spec.html */
const RESPONSE = 0;
const MESSAGE = 2;

export interface Broker {
  readonly port: number;
  /** Bodies of messages that a consumer has taken and finished. */
  readonly finished: readonly string[];
  publish(body: string): void;
  /** Its connections end, those to lookupds too. */
  kill(): Promise<void>;
}

/** Registers the topic at each lookupd by its TCP port. */
export async function startBroker(scope: Scope, lookupds: readonly number[], topic: string): Promise<Broker> {
  const finished: string[] = [];
  const waiting: string[] = [];
  const consumers = new Set<Consumer>();
  const deliver = (): void => {
    for (const consumer of consumers)
      while (waiting.length > 0 && consumer.isReady) consumer.send(waiting.shift() as string);
  };
  const server = createServer((socket) => {
    const consumer = new Consumer(socket, deliver, (body) => finished.push(body));
    consumers.add(consumer);
    socket.on("close", () => consumers.delete(consumer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const lines: Line[] = [];
  for (const tcp of lookupds) lines.push(await openNsqd(scope, tcp, { address: "127.0.0.1", port, topics: [topic] }));
  const kill = async (): Promise<void> => {
    for (const line of lines) line.socket.destroy();
    for (const { socket } of consumers) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  scope.after(kill);
  return {
    port,
    finished,
    publish(body) {
      waiting.push(body);
      deliver();
    },
    kill,
  };
}

class Consumer {
  readonly socket: Socket;
  readonly #finish: (body: string) => void;
  readonly #underWay = new Map<string, string>();
  #held: Buffer = Buffer.alloc(0);
  #isGreeted = false;
  #ready = 0;
  #ids = 0;

  constructor(socket: Socket, deliver: () => void, finish: (body: string) => void) {
    this.socket = socket;
    this.#finish = finish;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#held = Buffer.concat([this.#held, chunk]);
      while (this.#takeOne());
      deliver();
    });
  }

  get isReady(): boolean {
    return this.#underWay.size < this.#ready;
  }

  send(body: string): void {
    const id = (++this.#ids).toString(16).padStart(16, "0");
    this.#underWay.set(id, body);
    const head = Buffer.alloc(10);
    head.writeBigInt64BE(BigInt(Date.now()) * 1_000_000n, 0);
    head.writeUInt16BE(1, 8);
    this.#frame(MESSAGE, Buffer.concat([head, Buffer.from(id + body)]));
  }

  #frame(kind: number, data: Buffer): void {
    const head = Buffer.alloc(8);
    head.writeInt32BE(data.length + 4, 0);
    head.writeInt32BE(kind, 4);
    this.socket.write(Buffer.concat([head, data]));
  }

  /** One command, if all of it is there. */
  #takeOne(): boolean {
    if (!this.#isGreeted) {
      if (this.#held.length < 4) return false;
      this.#held = this.#held.subarray(4);
      this.#isGreeted = true;
    }
    const end = this.#held.indexOf("\n");
    if (end < 0) return false;
    const [command, word = ""] = this.#held.subarray(0, end).toString().split(" ");
    let next = end + 1;
    if (command === "IDENTIFY") {
      if (this.#held.length < next + 4) return false;
      next += 4 + this.#held.readInt32BE(next);
      if (this.#held.length < next) return false;
      this.#frame(
        RESPONSE,
        Buffer.from(JSON.stringify({ max_rdy_count: 2500, version: "1.3.0", msg_timeout: 60_000 })),
      );
    } else if (command === "SUB") this.#frame(RESPONSE, Buffer.from("OK"));
    else if (command === "RDY") this.#ready = Number(word);
    else if (command === "FIN") {
      const body = this.#underWay.get(word);
      this.#underWay.delete(word);
      if (body !== undefined) this.#finish(body);
    } else if (command === "CLS") this.#frame(RESPONSE, Buffer.from("CLOSE_WAIT"));
    this.#held = this.#held.subarray(next);
    return true;
  }
}
