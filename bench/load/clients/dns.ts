/** A DNS client over UDP that does just enough: questions with and without EDNS, answers with A and SRV records. */
import { createSocket, type Socket } from "node:dgram";

export const TYPES = { A: 1, SRV: 33, OPT: 41 } as const;

export type QuestionType = "A" | "SRV";

/** A question with the id 0 (RFC 1035, section 4.1); with EDNS it takes answers of 4096 bytes, as dnsperf's do. */
export function toQuestion(name: string, type: QuestionType, edns = false): Buffer {
  const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns ? 1 : 0]);
  const opt = edns ? [Buffer.from([0, 0, TYPES.OPT, 0x10, 0, 0, 0, 0, 0, 0, 0])] : [];
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, TYPES[type], 0, 1]), ...opt]);
}

export interface DnsAnswer {
  rcode: number;
  truncated: boolean;
  authoritative: boolean;
  bytes: number;
  /** What the records of the answer section say, as zone files write it; names are lower-cased. */
  answers: string[];
  authorities: number;
  /** Records in the additional section, without OPT. */
  additional: number;
}

/** A name from a packet and where it ends; compression pointers may only point backwards (RFC 1035, section 4.1.4). */
function readName(packet: Buffer, from: number): [string, number] {
  let text = "";
  let at = from;
  let end = 0;
  let before = from;
  for (;;) {
    const length = packet.readUInt8(at);
    if (length >= 0xc0) {
      const target = packet.readUInt16BE(at) & 0x3fff;
      if (target >= before) throw new Error("a compression pointer does not point backwards");
      if (end === 0) end = at + 2;
      before = target;
      at = target;
    } else if (length === 0) return [text === "" ? "." : text, end === 0 ? at + 1 : end];
    else {
      text += `${packet.toString("latin1", at + 1, at + 1 + length).toLowerCase()}.`;
      at += 1 + length;
    }
  }
}

function showData(packet: Buffer, type: number, at: number, length: number): string {
  if (type === TYPES.A) return packet.subarray(at, at + 4).join(".");
  if (type !== TYPES.SRV) return `type ${type}: ${packet.toString("hex", at, at + length)}`;
  const numbers = [0, 2, 4].map((offset) => packet.readUInt16BE(at + offset));
  return `${numbers.join(" ")} ${readName(packet, at + 6)[0]}`;
}

/** Reads an answer; throws when it is none. */
export function readAnswer(packet: Buffer): DnsAnswer {
  const flags = packet.readUInt16BE(2);
  const counts = [6, 8, 10].map((offset) => packet.readUInt16BE(offset)) as [number, number, number];
  let at = 12;
  for (let question = packet.readUInt16BE(4); question > 0; question--) at = readName(packet, at)[1] + 4;
  const answers: string[] = [];
  let opts = 0;
  for (let record = 0; record < counts[0] + counts[1] + counts[2]; record++) {
    const [, head] = readName(packet, at);
    const type = packet.readUInt16BE(head);
    const length = packet.readUInt16BE(head + 8);
    if (record < counts[0]) answers.push(showData(packet, type, head + 10, length));
    if (type === TYPES.OPT) opts++;
    at = head + 10 + length;
  }
  return {
    rcode: flags & 15,
    truncated: (flags & 0x0200) !== 0,
    authoritative: (flags & 0x0400) !== 0,
    bytes: packet.length,
    answers,
    authorities: counts[1],
    additional: counts[2] - opts,
  };
}

/** A socket that asks one server; questions under way are told apart by their ids. */
export class DnsAsker {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (packet: Buffer | undefined) => void>();
  #id = 0;
  /** Questions without an answer. */
  lost = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (packet) => {
      if (packet.length >= 12) this.#waiting.get(packet.readUInt16BE(0))?.(packet);
    });
    // Nobody listens yet: the question counts as lost.
    socket.on("error", () => {});
  }

  static connect(port: number): Promise<DnsAsker> {
    const socket = createSocket("udp4");
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.connect(port, "127.0.0.1", () => {
        socket.removeListener("error", reject);
        resolve(new DnsAsker(socket));
      });
    });
  }

  /** Asks once; undefined when no answer came within `msMax`. */
  ask(question: Buffer, msMax: number): Promise<DnsAnswer | undefined> {
    this.#id = (this.#id + 1) & 0xffff;
    const id = this.#id;
    const packet = Buffer.from(question);
    packet.writeUInt16BE(id, 0);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => finish(undefined), msMax);
      const finish = (answer: Buffer | undefined): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        if (answer === undefined) this.lost++;
        try {
          resolve(answer === undefined ? undefined : readAnswer(answer));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      this.#waiting.set(id, finish);
      this.#socket.send(packet);
    });
  }

  close(): void {
    this.#socket.close();
  }
}
