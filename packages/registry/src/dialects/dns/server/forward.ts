/** @live Names outside our zones, asked of other servers for those who may. Which answers count: RFC 5452. */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Asked, Asker, Desk } from "../desk.ts";
import type { Server, Settings } from "../settings/model.ts";
import { HEADER_BYTES, QR_BIT, RCODE_BITS } from "../wire/header.ts";
import { RCODE } from "../wire/message.ts";

/** Questions under way at most; others are answered SERVFAIL at once. */
const UNDER_WAY_MAX = 512;

/** Ends a question to a server, with an answer or without. */
type Finish = (answer: Buffer | undefined) => void;

export class Forward {
  readonly #settings: Pick<Settings, "forward" | "forwardTimeoutMs">;
  readonly #log: Pick<Desk["log"], "debug">;
  readonly #underWay = new Set<() => void>();
  /** Ports that we ask from: a question from one of them is our own, come back to us. */
  readonly #ports = new Set<number>();

  constructor(settings: Pick<Settings, "forward" | "forwardTimeoutMs">, log: Pick<Desk["log"], "debug">) {
    this.#settings = settings;
    this.#log = log;
  }

  /** The answer of the first server that gives one, with the client's id; undefined when none does. Never rejects. */
  async ask(asked: Asked): Promise<Buffer | undefined> {
    if (this.#underWay.size >= UNDER_WAY_MAX || this.#ports.has(asked.asker.port)) return undefined;
    const { transport } = asked.asker;
    const packet = toForwarded(asked);
    for (const server of this.#settings.forward) {
      // Another id for each server: the late answer of another server does not count.
      packet.writeUInt16BE(randomInt(0x10000), 0);
      const answer = await this.#askServer(packet, server, transport);
      const rcode = answer === undefined ? "none" : answer[3]! & RCODE_BITS;
      this.#log.debug({ from: asked.asker.address, server: server.address, transport, rcode }, "forward");
      if (answer === undefined) continue;
      asked.packet.copy(answer, 0, 0, 2);
      return answer;
    }
    return undefined;
  }

  /** Ends the questions under way. */
  close(): void {
    for (const end of [...this.#underWay]) end();
  }

  #askServer(packet: Buffer, server: Server, transport: Asker["transport"]): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      let close = (): void => {};
      let ownPort = -1;
      const finish: Finish = (answer) => {
        if (!this.#underWay.delete(end)) return;
        clearTimeout(timer);
        this.#ports.delete(ownPort);
        close();
        resolve(answer);
      };
      const end = (): void => finish(undefined);
      const timer = setTimeout(end, this.#settings.forwardTimeoutMs);
      this.#underWay.add(end);
      const opened = (port: number): void => {
        ownPort = port;
        this.#ports.add(port);
      };
      close = (transport === "udp" ? askUdp : askTcp)(packet, server, opened, finish);
    });
  }
}

/** Each question has a socket and so a random port of its own. Connected, it takes packets from this server alone. */
function askUdp(packet: Buffer, server: Server, opened: (port: number) => void, finish: Finish): () => void {
  const socket = createSocket(isIPv6(server.address) ? "udp6" : "udp4");
  let isOpen = true;
  socket.on("error", () => finish(undefined));
  socket.on("message", (answer: Buffer) => {
    if (isAnswerTo(packet, answer)) finish(usable(answer));
  });
  socket.connect(server.port, server.address, () => {
    if (!isOpen) return;
    opened(socket.address().port);
    socket.send(packet);
  });
  return () => {
    isOpen = false;
    socket.close();
  };
}

function askTcp(packet: Buffer, server: Server, opened: (port: number) => void, finish: Finish): () => void {
  const socket = connect(server.port, server.address);
  const chunks: Buffer[] = [];
  let size = 0;
  socket.on("error", () => finish(undefined));
  socket.on("close", () => finish(undefined));
  socket.on("connect", () => {
    opened(socket.localPort ?? -1);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(packet.length);
    socket.write(Buffer.concat([length, packet]));
  });
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    const start = size < 2 || chunks.length > 1 ? Buffer.concat(chunks) : chunk;
    if (chunks.length > 1) chunks.splice(0, chunks.length, start);
    if (size < 2 || size < 2 + start.readUInt16BE(0)) return;
    const answer = start.subarray(2, 2 + start.readUInt16BE(0));
    finish(isAnswerTo(packet, answer) ? usable(answer) : undefined);
  });
  return () => socket.destroy();
}

/** The question without the signature, which is meant for us. */
function toForwarded({ packet, message }: Asked): Buffer {
  if (message.tsig === undefined) return Buffer.from(packet);
  const bare = Buffer.from(packet.subarray(0, message.tsig.offset));
  bare.writeUInt16BE(bare.readUInt16BE(10) - 1, 10);
  return bare;
}

/** Whether this is an answer with the same id and the same question, whatever its case. */
function isAnswerTo(asked: Buffer, answer: Buffer): boolean {
  if (answer.length < HEADER_BYTES || (answer[2]! & QR_BIT) === 0) return false;
  if (answer.readUInt16BE(0) !== asked.readUInt16BE(0) || answer.readUInt16BE(4) !== 1) return false;
  const end = questionEnd(asked);
  return toLower(asked, end) === toLower(answer, end);
}

function toLower(packet: Buffer, end: number): string {
  return packet.toString("latin1", HEADER_BYTES, end).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The end of the question of a packet that was decoded: it is whole, and not compressed. */
function questionEnd(packet: Buffer): number {
  let at = HEADER_BYTES;
  while (packet[at] !== 0 && at < packet.length) at += 1 + packet[at]!;
  return at + 5;
}

/** Undefined for SERVFAIL: the next server may know more. */
function usable(answer: Buffer): Buffer | undefined {
  return (answer[3]! & RCODE_BITS) === RCODE.SERVFAIL ? undefined : Buffer.from(answer);
}
