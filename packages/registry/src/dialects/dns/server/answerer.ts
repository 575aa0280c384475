/** What becomes of a message that is no plain question with a ready answer. */

import type { Asked, Asker, Desk } from "../desk.ts";
import type { Reply } from "../names/reply.ts";
import { resolve } from "../names/resolve.ts";
import type { TsigKey } from "../settings/model.ts";
import { type Keys, signAnswer, signBytes } from "../signing/keys.ts";
import { type Chance, encodeAnswer } from "../wire/answer.ts";
import { CLASS, type Edns, emptyAnswer, type Message, OPCODE, type Question, RCODE, TYPE } from "../wire/message.ts";
import { lowerLabel } from "../wire/name.ts";
import { decodeMessage, type Malformed } from "../wire/packet.ts";
import type { Zone } from "../zone/model.ts";
import { Aliases } from "./aliases.ts";
import { Entry } from "./cache.ts";
import type { Forward } from "./forward.ts";
import { type Standing, toShare } from "./standings.ts";

/** What a message gets: an answer, silence, one later, or many. */
export type Given = Buffer | undefined | Promise<Buffer | undefined> | Many;

export interface Many {
  readonly messages: AsyncIterable<Buffer>;
}

export interface Handlers {
  readonly keys: Keys;
  readonly forward: Forward;
  /** AXFR and IXFR; sees to who may. */
  transfer(asked: Asked): AsyncIterable<Buffer>;
  /** UPDATE; sees to who may. */
  update(asked: Asked): Promise<Buffer>;
}

/** RFC 6891 §6.2.3: below it counts as it. */
const UDP_BYTES_MIN = 512;
const TCP_BYTES_MAX = 65_535;

/** The least that a record takes: a pointer for its owner, the fixed fields, and an empty text. */
const RECORD_BYTES_MIN = 13;
/** How often the records that fit: each share of askers gets its own ones. */
const SHARES = 8;

/** So many records do not fit, and are enough to choose from. */
function toRecordsMax(bytesMax: number): number {
  return SHARES * Math.ceil(bytesMax / RECORD_BYTES_MIN);
}

/** Answers messages by what is in the world, without a memory of its own. */
export class Answerer {
  readonly #desk: Desk;
  readonly #handlers: Handlers;
  readonly #aliases: Aliases;
  readonly #chance: Chance;

  constructor(desk: Desk, handlers: Handlers, chance: Chance) {
    this.#desk = desk;
    this.#handlers = handlers;
    this.#aliases = new Aliases(handlers.forward);
    this.#chance = chance;
  }

  /** The most that an answer may be. `udpSize`: what the client says; 0 without EDNS. */
  bytesMax(transport: Asker["transport"], udpSize: number): number {
    if (transport === "tcp") return TCP_BYTES_MAX;
    return Math.max(UDP_BYTES_MIN, Math.min(udpSize, this.#desk.settings.udpBytesMax));
  }

  /** An entry for the cache: the answer to a plain question; undefined when it is none of ours. */
  makeEntry(packet: Buffer, bytesMax: number): Entry | undefined {
    const decoded = decodeMessage(packet);
    if (!decoded.ok) return undefined;
    const message = decoded.value;
    const asked = message.questions[0] as Question;
    const question = { ...asked, name: asked.name.map(lowerLabel) };
    return this.#desk.read((world) => {
      const reply = resolve(question, { ...world, recordsMax: toRecordsMax(bytesMax) });
      if (reply === undefined || (reply.outside && this.#desk.settings.forward.length > 0)) return undefined;
      const answer = this.#toAnswer({ ...message, questions: [question] }, reply, false);
      const { answers, additional } = reply;
      return new Entry({
        revision: world.view.revision,
        dependencies: reply.dependencies,
        recordsToMix: answers.length > 1 ? answers.length + additional.length : 0,
        rcode: reply.rcode,
        encode: (share) => encodeAnswer(answer, bytesMax, this.#chance, share),
      });
    });
  }

  /** Any message. */
  serve(packet: Buffer, asker: Asker, standing: Standing): Given {
    const decoded = decodeMessage(packet);
    if (!decoded.ok) return refuseMalformed(decoded);
    const message = decoded.value;
    // Whoever answers answers starts a loop.
    if (message.response) return undefined;
    const checked = this.#handlers.keys.check(packet, message);
    if (checked.kind === "refused") return checked.answer;
    const asked = { packet, message, asker, key: checked.kind === "signed" ? checked.key : undefined };
    if (message.opcode === OPCODE.UPDATE) return this.#handlers.update(asked);
    const refusal = refuseForm(message);
    return refusal === undefined ? this.#query(asked, standing) : this.#refuse(asked, refusal, standing);
  }

  #query(asked: Asked, standing: Standing): Given {
    const { message, key } = asked;
    const question = message.questions[0] as Question;
    if (question.type === TYPE.AXFR || question.type === TYPE.IXFR) {
      return { messages: this.#handlers.transfer(asked) };
    }
    const reply = this.#desk.read((world): Reply | "refused" | undefined => {
      const zone = world.zoneOf(question.name);
      if (zone !== undefined && !standing.mayAsk && !covers(key, zone)) return "refused";
      const recordsMax = toRecordsMax(this.#bytesMaxOf(asked));
      return zone && resolve({ ...question, class: CLASS.IN }, { ...world, recordsMax });
    });
    if (reply === "refused") return this.#refuse(asked, RCODE.REFUSED, standing);
    if (reply === undefined) return this.#elsewhere(asked, standing);
    const { mayForward } = standing;
    const { outside } = reply;
    // Addresses that an alias stands in for are the name's own, so they are told to those as well who ask us for no more.
    const isFollowed = mayForward && outside !== undefined && (message.recursionDesired || outside.soa !== undefined);
    if (!isFollowed) return this.#finish(asked, this.#toAnswer(message, reply, mayForward));
    return this.#aliases
      .follow(asked, reply, outside)
      .then((whole) =>
        this.#finish(asked, { ...this.#toAnswer(message, whole, mayForward), truncated: whole.truncated }),
      );
  }

  /** A name that is in no zone of ours. */
  #elsewhere(asked: Asked, standing: Standing): Given {
    const { message } = asked;
    if (!standing.mayForward || !message.recursionDesired) return this.#refuse(asked, RCODE.REFUSED, standing);
    return this.#handlers.forward.ask(asked).then((bytes) => {
      if (bytes === undefined) return this.#refuse(asked, RCODE.SERVFAIL, standing);
      const isLong = bytes.length + signBytes(asked.key) > this.#bytesMaxOf(asked);
      return isLong ? this.#refuse(asked, RCODE.NOERROR, standing, true) : signAnswer(bytes, asked, this.#desk.clock);
    });
  }

  /** Nothing but a code; or, `truncated`, that there is too much for UDP. */
  #refuse(asked: Asked, rcode: number, standing: Standing, truncated = false): Buffer {
    const { message } = asked;
    const bare = { ...emptyAnswer(message, rcode), recursionAvailable: standing.mayForward, truncated };
    const edns = this.#edns(message);
    return this.#finish(asked, {
      ...bare,
      checkingDisabled: message.checkingDisabled,
      ...(edns && { edns }),
    });
  }

  /** Encoded within what the client can take, and signed. */
  #finish(asked: Asked, answer: Message): Buffer {
    const bytesMax = this.#bytesMaxOf(asked) - signBytes(asked.key);
    const bytes = encodeAnswer(answer, bytesMax, this.#chance, toShare(asked.asker.address));
    return signAnswer(bytes, asked, this.#desk.clock);
  }

  #bytesMaxOf({ message, asker }: Asked): number {
    return this.bytesMax(asker.transport, message.edns?.udpSize ?? 0);
  }

  #toAnswer(message: Message, reply: Reply, recursionAvailable: boolean): Message {
    const edns = this.#edns(message, reply);
    return {
      ...emptyAnswer(message, reply.rcode),
      authoritative: reply.authoritative,
      recursionAvailable,
      checkingDisabled: message.checkingDisabled,
      answers: reply.answers,
      authority: reply.authority,
      additional: reply.additional,
      ...(edns && { edns }),
    };
  }

  /** Said only to those who said it (RFC 6891 §7). */
  #edns(message: Message, reply?: Reply): Edns | undefined {
    const { edns } = message;
    if (edns === undefined) return undefined;
    const soa = edns.expire ? reply?.answers.find((record) => record.data.kind === "authority")?.data : undefined;
    return {
      version: 0,
      udpSize: this.#desk.settings.udpBytesMax,
      dnssecOk: edns.dnssecOk,
      // RFC 7314 §3.2: a primary says what its SOA says.
      ...(soa?.kind === "authority" && { expire: true as const, expireS: soa.expireS }),
    };
  }
}

/** What is wrong with the form of a message that could be read; undefined when nothing is. */
function refuseForm(message: Message): number | undefined {
  // We are a primary: nobody has to tell us of changes.
  if (message.opcode !== OPCODE.QUERY) return RCODE.NOTIMP;
  const [question] = message.questions;
  if (question === undefined || message.questions.length !== 1) return RCODE.FORMERR;
  if (message.edns !== undefined && message.edns.version > 0) return RCODE.BADVERS;
  if (question.class !== CLASS.IN && question.class !== CLASS.ANY) return RCODE.REFUSED;
  const { type } = question;
  if (type === TYPE.OPT || type === 0) return RCODE.FORMERR;
  // RFC 6895 §3.1: 128 to 255 ask for something else than data.
  const isKnown = type === TYPE.AXFR || type === TYPE.IXFR || type === TYPE.ANY;
  return type >= 128 && type <= 255 && !isKnown ? RCODE.NOTIMP : undefined;
}

function refuseMalformed({ rcode, ...asked }: Malformed): Buffer | undefined {
  return rcode === undefined ? undefined : encodeAnswer(emptyAnswer(asked, rcode), UDP_BYTES_MIN, () => 0);
}

/** Whether the key lets its holder see the zone. Zone files are of no account. */
function covers(key: TsigKey | undefined, zone: Zone): boolean {
  if (key === undefined) return false;
  if (key.account === null || zone.kind === "file") return true;
  return zone.kind !== "reverse" && zone.account === key.account;
}
