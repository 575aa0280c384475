/** @live The answers that are not ready: to questions asked for the first time, and to all other messages. */

import { ALONE } from "../../../core/index.ts";
import { awaitAll } from "../../../net/routes/catch-up.ts";
import type { Asked, Asker, Desk } from "../desk.ts";
import type { Reply } from "../names/reply.ts";
import { groupingsFor, resolve } from "../names/resolve.ts";
import type { TsigKey } from "../settings/model.ts";
import { type Keys, signAnswer, signBytes } from "../signing/keys.ts";
import { type Chance, encodeAnswer } from "../wire/answer.ts";
import {
  CLASS,
  type Edns,
  emptyAnswer,
  MESSAGE_BYTES_MAX,
  type Message,
  OPCODE,
  type Question,
  RCODE,
  type Resource,
  TYPE,
  UDP_BYTES_MIN,
} from "../wire/message.ts";
import { lowerLabel } from "../wire/name.ts";
import { decodeMessage, type Malformed } from "../wire/packet.ts";
import { longBytes } from "../wire/record.ts";
import type { Zone } from "../zone/model.ts";
import { Aliases } from "./aliases.ts";
import { KeptAnswer } from "./cache.ts";
import type { Forward } from "./forward.ts";
import { type Standing, toShare } from "./standings.ts";

/** What a message gets: an answer now or later, many, or none. */
export type Given = Buffer | undefined | Promise<Buffer | undefined> | Many;

export interface Many {
  readonly messages: AsyncIterable<Buffer>;
}

export interface Handlers {
  readonly keys: Keys;
  readonly forward: Forward;
  /** AXFR and IXFR; refuses those who may not. */
  transfer(asked: Asked): AsyncIterable<Buffer>;
  /** UPDATE; refuses those who may not. */
  update(asked: Asked): Promise<Buffer>;
}

/** The least that a record takes: a pointer for its owner, the fixed fields, and an empty text. */
const RECORD_BYTES_MIN = 13;
/** Shares of clients: each share gets other records of a truncated answer. */
const SHARES = 8;

/** More records than fit, and enough for all shares to choose from. */
function toRecordsMax(bytesMax: number): number {
  return SHARES * Math.ceil(bytesMax / RECORD_BYTES_MIN);
}

/** Answers messages from the world; it keeps nothing. */
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

  /** The size of an answer, at most. `udpSize`: of the client; 0 without EDNS; RFC 6891 §6.2.3: 512 at least. */
  bytesMax(transport: Asker["transport"], udpSize: number): number {
    if (transport === "tcp") return MESSAGE_BYTES_MAX;
    return Math.max(UDP_BYTES_MIN, Math.min(udpSize, this.#desk.settings.udpBytesMax));
  }

  /** The answer to a plain question, for the cache; undefined when our zones alone do not give it. */
  makeKept(packet: Buffer, bytesMax: number): KeptAnswer | undefined {
    const decoded = decodeMessage(packet);
    if (!decoded.ok) return undefined;
    const message = decoded.value;
    const asked = message.questions[0] as Question;
    if (asked.type === TYPE.SOA && this.#desk.nodes !== ALONE) return undefined;
    const question = { ...asked, name: asked.name.map(lowerLabel) };
    if (this.#mustWait(question) !== undefined) return undefined;
    return this.#desk.read((world) => {
      const reply = resolve(question, { ...world, recordsMax: toRecordsMax(bytesMax) });
      const isAskedElsewhere = reply?.outside !== undefined || reply?.isOthers === true;
      if (reply === undefined || (isAskedElsewhere && this.#desk.settings.forward.length > 0)) return undefined;
      const answer = this.#toAnswer({ ...message, questions: [question] }, reply, false);
      const { answers, additional } = reply;
      return new KeptAnswer({
        revision: world.view.revision,
        dependencies: reply.dependencies,
        keptBytes: answers.length > 1 ? memoryOf(answers) + memoryOf(additional) : 0,
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
    // To answer an answer would start a loop.
    if (message.response) return undefined;
    const checked = this.#handlers.keys.check(packet, message);
    if (checked.kind === "refused") return checked.answer;
    const asked = { packet, message, asker, key: checked.kind === "signed" ? checked.key : undefined };
    if (message.opcode === OPCODE.UPDATE) return this.#handlers.update(asked);
    const refusal = refuseForm(message);
    return refusal === undefined ? this.#query(asked, standing) : this.#refuse(asked, refusal, standing);
  }

  #query(asked: Asked, standing: Standing): Given {
    const { message } = asked;
    const question = message.questions[0] as Question;
    if (question.type === TYPE.AXFR || question.type === TYPE.IXFR) {
      return { messages: this.#handlers.transfer(asked) };
    }
    const wait = this.#mustWait(question) ?? this.#catchUp(asked, question);
    if (wait !== undefined) return wait.then(() => this.#resolve(asked, question, standing));
    return this.#resolve(asked, question, standing);
  }

  /** A secondary that has been told of a change by one node may ask any: the serial must not be an earlier one. */
  #catchUp({ key, asker }: Asked, { type }: Question): Promise<unknown> | undefined {
    const { registry, nodes, settings } = this.#desk;
    const isOfSecondary = key !== undefined || settings.allowTransfer.has(asker.address);
    return type === TYPE.SOA && nodes !== ALONE && isOfSecondary ? awaitAll(registry) : undefined;
  }

  #resolve(asked: Asked, question: Question, standing: Standing): Buffer | undefined | Promise<Buffer | undefined> {
    const { message, key } = asked;
    const reply = this.#desk.read((world): Reply | "refused" | undefined => {
      const zone = world.zoneOf(question.name);
      if (zone !== undefined && !standing.mayAsk && !covers(key, zone)) return "refused";
      const recordsMax = toRecordsMax(this.#bytesMaxOf(asked));
      return zone && resolve({ ...question, class: CLASS.IN }, { ...world, recordsMax });
    });
    if (reply === "refused") return this.#refuse(asked, RCODE.REFUSED, standing);
    if (reply === undefined) return this.#elsewhere(asked, standing);
    const { mayForward } = standing;
    if (reply.isOthers && mayForward && message.recursionDesired) return this.#elsewhere(asked, standing);
    const { outside } = reply;
    // Where a CNAME stands in for addresses, they are asked for even if the client wants no recursion.
    const isFollowed = mayForward && outside !== undefined && (message.recursionDesired || outside.soa !== undefined);
    if (!isFollowed) return this.#finish(asked, this.#toAnswer(message, reply, mayForward));
    return this.#aliases
      .follow(asked, reply, outside)
      .then((whole) => this.#finish(asked, this.#toAnswer(message, whole, mayForward)));
  }

  /** The first question that needs instances sorted, as for the name of an address, waits while that is done in turns. */
  #mustWait({ name }: Question): Promise<unknown> | undefined {
    const { read, registry } = this.#desk;
    const waits = read((world) => groupingsFor(name, world)).flatMap((by) => registry.group(by) ?? []);
    return waits.length === 0 ? undefined : Promise.all(waits);
  }

  /** A name that is in no zone of ours. */
  #elsewhere(asked: Asked, standing: Standing): Buffer | Promise<Buffer | undefined> {
    const { message } = asked;
    if (!standing.mayForward || !message.recursionDesired) return this.#refuse(asked, RCODE.REFUSED, standing);
    return this.#handlers.forward.ask(asked).then((bytes) => {
      if (bytes === undefined) return this.#refuse(asked, RCODE.SERVFAIL, standing);
      const isLong = bytes.length + signBytes(asked.key) > this.#bytesMaxOf(asked);
      return isLong ? this.#refuse(asked, RCODE.NOERROR, standing, true) : signAnswer(bytes, asked, this.#desk.clock);
    });
  }

  /** An answer without records. `truncated`: those that there are do not fit. */
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

  /** The answer in a size that the client can take, signed. */
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
      truncated: reply.isPart === true,
      recursionAvailable,
      checkingDisabled: message.checkingDisabled,
      answers: reply.answers,
      authority: reply.authority,
      additional: reply.additional,
      ...(edns && { edns }),
    };
  }

  /** EDNS of the answer to a message with EDNS (RFC 6891 §7). */
  #edns(message: Message, reply?: Reply): Edns | undefined {
    const { edns } = message;
    if (edns === undefined) return undefined;
    const soa = edns.expire ? reply?.answers.find((record) => record.data.kind === "authority")?.data : undefined;
    return {
      version: 0,
      udpSize: this.#desk.settings.udpBytesMax,
      dnssecOk: edns.dnssecOk,
      // RFC 7314 §3.2: a primary answers the number of its SOA.
      ...(soa?.kind === "authority" && { expire: true as const, expireS: soa.expireS }),
    };
  }
}

/** The memory of a record, but for long texts. */
const RECORD_BYTES = 400;

function memoryOf(records: readonly Resource[]): number {
  let bytes = RECORD_BYTES * records.length;
  for (const { data } of records) bytes += longBytes(data);
  return bytes;
}

/** The rcode for a message of a form that we do not answer; undefined when we do. */
function refuseForm(message: Message): number | undefined {
  // We are a primary: nobody sends us NOTIFY.
  if (message.opcode !== OPCODE.QUERY) return RCODE.NOTIMP;
  const [question] = message.questions;
  if (question === undefined || message.questions.length !== 1) return RCODE.FORMERR;
  if (message.edns !== undefined && message.edns.version > 0) return RCODE.BADVERS;
  if (question.class !== CLASS.IN && question.class !== CLASS.ANY) return RCODE.REFUSED;
  const { type } = question;
  if (type === TYPE.OPT || type === 0) return RCODE.FORMERR;
  // RFC 6895 §3.1: types from 128 to 255 ask for something else than data.
  const isKnown = type === TYPE.AXFR || type === TYPE.IXFR || type === TYPE.ANY;
  return type >= 128 && type <= 255 && !isKnown ? RCODE.NOTIMP : undefined;
}

function refuseMalformed({ rcode, ...asked }: Malformed): Buffer | undefined {
  return rcode === undefined ? undefined : encodeAnswer(emptyAnswer(asked, rcode), UDP_BYTES_MIN, () => 0);
}

/** Whether the key lets its holder ask for names of the zone. Zone files belong to no account. */
function covers(key: TsigKey | undefined, zone: Zone): boolean {
  if (key === undefined) return false;
  if (key.account === null || zone.kind === "file") return true;
  return zone.kind !== "reverse" && zone.account === key.account;
}
