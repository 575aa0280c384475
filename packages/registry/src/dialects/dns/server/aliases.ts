/** CNAMEs of ours that lead to names outside our zones: the servers that we forward to are asked for those. */
import type { Asked } from "../desk.ts";
import { type Outside, type Reply, takeAddresses } from "../names/reply.ts";
import {
  BLANK,
  CLASS,
  MESSAGE_BYTES_MAX,
  type Message,
  type Name,
  type Question,
  RCODE,
  TYPE,
} from "../wire/message.ts";
import { decodeMessage, encodeMessage } from "../wire/packet.ts";
import type { Forward } from "./forward.ts";

/** Asks where CNAMEs lead. Clients that ask for the same at the same time share one question. */
export class Aliases {
  readonly #forward: Forward;
  readonly #underWay = new Map<string, Promise<Buffer | undefined>>();

  constructor(forward: Forward) {
    this.#forward = forward;
  }

  /**
   * The reply with what stands at the end of its CNAME; SERVFAIL when no server answers. A client that was told that we do
   * recursion takes a CNAME alone for "no such data", and asks no further.
   */
  async follow(asked: Asked, reply: Reply, { target, soa }: Outside): Promise<Reply> {
    const question = asked.message.questions[0] as Question;
    const { type } = question;
    const bytes = await this.#ask(asked, { target, type });
    const decoded = bytes && decodeMessage(bytes);
    const failed = { ...reply, rcode: RCODE.SERVFAIL, ...(soa && { answers: [] }) };
    if (!decoded?.ok) return failed;
    const { rcode, truncated, answers, authority } = decoded.value;
    if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return failed;
    const found = answers.filter((record) => record.type === type || record.type === TYPE.CNAME);
    const followed = { ...reply, rcode, answers: [...reply.answers, ...found] };
    const part = truncated ? ({ isPart: true } as const) : {};
    if (soa !== undefined) return { ...takeAddresses(followed, question, soa), ...part };
    // A negative answer tells by its SOA how long it is good (RFC 2308 §2.1).
    return { ...followed, authority: authority.filter((record) => record.type === TYPE.SOA), ...part };
  }

  #ask({ message: asked, asker }: Asked, { target, type }: CnameEnd): Promise<Buffer | undefined> {
    const message = toQuestion(asked, { name: target, type, class: CLASS.IN });
    const packet = encodeMessage(message, MESSAGE_BYTES_MAX) as Buffer;
    const key = `${asker.transport} ${packet.toString("latin1")}`;
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    const answer = this.#forward.ask({ packet, message, asker, key: undefined });
    this.#underWay.set(key, answer);
    return answer.finally(() => this.#underWay.delete(key));
  }
}

interface CnameEnd {
  readonly target: Name;
  readonly type: number;
}

/** A question of our own, with the size of answers that the client can take. */
function toQuestion({ checkingDisabled, edns }: Message, question: Question): Message {
  return {
    ...BLANK,
    response: false,
    authoritative: false,
    recursionDesired: true,
    checkingDisabled,
    questions: [question],
    ...(edns && { edns: { version: 0, udpSize: edns.udpSize, dnssecOk: false } }),
  };
}
