/**
 * The front door: the way of a packet. A question that was asked before takes two lookups: who asks, and the answer under
 * the packet's own bytes. Nearly all other time goes into receiving and sending. `Answerer` makes all other answers.
 */
import type { RemoteInfo } from "node:dgram";
import type { RequestLog } from "../../../net/log.ts";
import type { UdpSocket } from "../../../net/udp/datagrams.ts";
import type { Asker, Desk } from "../desk.ts";
import { HEADER_BYTES, OPCODE_BITS, QR_BIT, RA_BIT, RCODE_BITS, RD_BIT, TC_BIT } from "../wire/header.ts";
import { RCODE } from "../wire/message.ts";
import { NAME_BYTES_MAX } from "../wire/name.ts";
import { emptyScan, scanQuestion, toQuestionKey } from "../wire/plain-question.ts";
import type { Answerer, Given } from "./answerer.ts";
import type { AnswerCache, KeptAnswer } from "./cache.ts";
import type { Standing, Standings } from "./standings.ts";
import { tellOf } from "./told.ts";

/** Labels of the counters. */
export const RCODE_NAMES: readonly string[] = Object.keys(RCODE);
const BADVERS = RCODE_NAMES.indexOf("BADVERS");
export const DROP_REASONS = ["malformed", "rate_limited"] as const;
const MALFORMED = 0;
const RATE_LIMITED = 1;

/** Where the upper bits of the rcode stand in a message that ends with an OPT record without options. */
const OPT_RCODE_FROM_END = 6;
/** Keys begin behind the id, which is another one each time. */
const KEY_START = 2;
/** Header, the longest name, type and class, EDNS without options: longer packets are no keys. */
const KEYED_BYTES_MAX = HEADER_BYTES + NAME_BYTES_MAX + 4 + 11;

export interface FrontDoorParts {
  readonly answerer: Answerer;
  readonly cache: AnswerCache;
  readonly standings: Standings;
  readonly requests: RequestLog;
  readonly read: Desk["read"];
  /** Told of who looked what up. */
  looked(account: string, service: string, address: string): void;
  nowMs(): number;
  /** Counts of answers by rcode, and of dropped packets by reason. */
  readonly answered: Float64Array;
  readonly dropped: Float64Array;
  /** Gets what handlers threw: bugs. */
  failed(error: unknown): void;
}

export class FrontDoor {
  readonly #parts: FrontDoorParts;
  readonly #scan = emptyScan();

  constructor(parts: FrontDoorParts) {
    this.#parts = parts;
  }

  /** One packet over UDP. */
  take(packet: Buffer, from: RemoteInfo, socket: UdpSocket): void {
    const { standings, cache, dropped, requests } = this.#parts;
    if (packet.length < HEADER_BYTES) {
      dropped[MALFORMED]! += 1;
      return;
    }
    // To answer an answer would start a loop.
    if ((packet[2]! & QR_BIT) !== 0) return;
    const standing = standings.of(from.address);
    if (from.port === socket.port && standing.isLocal) return;
    if (standing.bucket !== undefined && !standings.mayHave(standing.bucket)) {
      dropped[RATE_LIMITED]! += 1;
      return;
    }
    if (requests.picks()) return this.#takeTold(packet, standing, from, socket);
    if (standing.mayAsk) {
      const key = packet.length > KEYED_BYTES_MAX ? "" : packet.toString("latin1", KEY_START);
      const kept = cache.find(key);
      if (kept !== undefined) {
        this.#give(kept, packet, standing, from, socket);
        return;
      }
      if (scanQuestion(packet, this.#scan) && this.#takePlain(packet, key, standing, from, socket)) return;
    }
    const asker: Asker = { address: standing.address, port: from.port, transport: "udp" };
    this.#send(this.#parts.answerer.serve(packet, asker, standing), packet, standing, from, socket);
  }

  /** With a line in the log of requests. */
  #takeTold(packet: Buffer, standing: Standing, from: RemoteInfo, socket: UdpSocket): void {
    const { answerer } = this.#parts;
    const asker: Asker = { address: standing.address, port: from.port, transport: "udp" };
    const tell = this.#tellOf(packet, asker);
    const isPlain = standing.mayAsk && scanQuestion(packet, this.#scan);
    const kept = isPlain ? this.#find(packet, answerer.bytesMax("udp", this.#scan.udpSize)) : undefined;
    const given = kept === undefined ? answerer.serve(packet, asker, standing) : this.#copy(kept, packet, standing);
    this.#send(tell(given), packet, standing, from, socket);
  }

  #tellOf(packet: Buffer, asker: Asker): (given: Given) => Given {
    const { requests } = this.#parts;
    return tellOf(requests, this.#parts, packet, asker, (answer) => RCODE_NAMES[toRcodeIndex(answer)] ?? "unknown");
  }

  /** One message over TCP. */
  answer(packet: Buffer, address: string, port: number): Given {
    const { requests, standings } = this.#parts;
    if (!requests.picks()) return this.#answer(packet, address, port);
    const tell = this.#tellOf(packet, { address: standings.of(address).address, port, transport: "tcp" });
    return tell(this.#answer(packet, address, port));
  }

  #answer(packet: Buffer, address: string, port: number): Given {
    const { standings, answerer } = this.#parts;
    const standing = standings.of(address);
    if (standing.mayAsk && scanQuestion(packet, this.#scan)) {
      const kept = this.#find(packet, answerer.bytesMax("tcp", 0));
      if (kept !== undefined) {
        this.#parts.answered[kept.rcode]! += 1;
        return this.#copy(kept, packet, standing);
      }
    }
    const given = answerer.serve(packet, { address: standing.address, port, transport: "tcp" }, standing);
    if (Buffer.isBuffer(given)) this.#count(given);
    if (!(given instanceof Promise)) return given;
    return given.then((answer) => {
      if (answer !== undefined) this.#count(answer);
      return answer;
    });
  }

  /** A plain question whose packet is not a key yet. */
  #takePlain(packet: Buffer, key: string, standing: Standing, from: RemoteInfo, socket: UdpSocket): boolean {
    const scan = this.#scan;
    const kept = this.#find(packet, this.#parts.answerer.bytesMax("udp", scan.udpSize));
    if (kept === undefined) return false;
    if (scan.isLower && !scan.hasOptions) {
      this.#parts.cache.keep(key, kept);
      this.#give(kept, packet, standing, from, socket);
    } else {
      const answer = this.#copy(kept, packet, standing);
      if (!this.#mayHave(answer, packet, standing, from, socket)) return true;
      this.#parts.answered[kept.rcode]! += 1;
      socket.send(answer, from.port, from.address);
    }
    return true;
  }

  /** The answer to the question, whatever its case; undefined when our zones alone do not give it. */
  #find(packet: Buffer, bytesMax: number): KeptAnswer | undefined {
    const { cache, answerer } = this.#parts;
    const key = toQuestionKey(packet, this.#scan, bytesMax);
    const known = cache.find(key);
    if (known !== undefined) return known;
    const made = answerer.makeKept(packet, bytesMax);
    if (made !== undefined) cache.keep(key, made);
    return made;
  }

  /** Sends the ready answer itself, with the client's id written into it. */
  #give(kept: KeptAnswer, packet: Buffer, standing: Standing, from: RemoteInfo, socket: UdpSocket): void {
    const answer = kept.next(standing.share);
    if (!this.#mayHave(answer, packet, standing, from, socket)) return;
    answer[0] = packet[0] as number;
    answer[1] = packet[1] as number;
    if (standing.mayForward) answer[3] = answer[3]! | RA_BIT;
    else answer[3] = answer[3]! & ~RA_BIT;
    this.#parts.answered[kept.rcode]! += 1;
    if (kept.isNews(standing.address)) this.#note(kept, standing.address);
    if (!socket.send(answer, from.port, from.address)) kept.replaceLast();
  }

  #note({ dependencies }: KeptAnswer, address: string): void {
    for (const one of dependencies) if (one.on === "service") this.#parts.looked(one.account, one.service, address);
  }

  /** A copy of the ready answer with the question in this client's case, which names that point to it get, too. */
  #copy(kept: KeptAnswer, packet: Buffer, standing: Standing): Buffer {
    const answer = Buffer.from(kept.next(standing.share));
    answer[0] = packet[0] as number;
    answer[1] = packet[1] as number;
    answer[3] = (answer[3]! & ~RA_BIT) | (standing.mayForward ? RA_BIT : 0);
    packet.copy(answer, HEADER_BYTES, HEADER_BYTES, this.#scan.questionEnd);
    return answer;
  }

  #send(given: Given, packet: Buffer, standing: Standing, from: RemoteInfo, socket: UdpSocket): void {
    if (given === undefined) return;
    const send = (answer: Given): void => this.#send(answer, packet, standing, from, socket);
    if (given instanceof Promise) {
      given.then(send).catch((error) => this.#parts.failed(error));
      return;
    }
    if (!Buffer.isBuffer(given)) {
      send(first(given.messages));
      return;
    }
    if (!this.#mayHave(given, packet, standing, from, socket)) return;
    this.#count(given);
    socket.send(given, from.port, from.address);
  }

  /**
   * Whether a network may have this answer now. If not, its client is told to come by TCP, as long as that is within
   * the limit: nobody is made to flood others by hints either.
   */
  #mayHave(answer: Buffer, packet: Buffer, standing: Standing, from: RemoteInfo, socket: UdpSocket): boolean {
    const { standings, dropped } = this.#parts;
    const { bucket } = standing;
    if (bucket === undefined || standings.takeAnswer(bucket, answer.length)) return true;
    const slip = scanQuestion(packet, this.#scan) ? toSlip(packet, this.#scan.questionEnd) : undefined;
    if (slip !== undefined && standings.takeHint(bucket, slip.length)) socket.send(slip, from.port, from.address);
    else dropped[RATE_LIMITED]! += 1;
    return false;
  }

  #count(answer: Buffer): void {
    const { answered } = this.#parts;
    const rcode = toRcodeIndex(answer);
    if (rcode < answered.length) answered[rcode]! += 1;
  }
}

/** BADVERS has its upper bits in EDNS, which is all that such an answer has. */
function toRcodeIndex(answer: Buffer): number {
  const rcode = answer[3]! & RCODE_BITS;
  const isBare = answer.readUInt16BE(6) === 0 && answer.readUInt16BE(8) === 0 && answer.readUInt16BE(10) === 1;
  return rcode === 0 && isBare && answer[answer.length - OPT_RCODE_FROM_END] === 1 ? BADVERS : rcode;
}

async function first(messages: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
  for await (const message of messages) return message;
  return undefined;
}

/** The question with TC: no longer than the packet that came. */
function toSlip(packet: Buffer, questionEnd: number): Buffer {
  const slip = Buffer.from(packet.subarray(0, questionEnd));
  slip[2] = QR_BIT | TC_BIT | (slip[2]! & (OPCODE_BITS | RD_BIT));
  slip[3] = 0;
  slip.fill(0, 6, HEADER_BYTES);
  return slip;
}
