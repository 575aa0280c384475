/** Aliases of ours that lead to names of others: what stands there is asked of the servers we forward to. */
import { decodeMessage, encodeMessage } from "./codec.ts";
import { CLASS, type Message, OPCODE, type Question, RCODE, TYPE } from "./codec-model.ts";
import type { Forward } from "./session-forward.ts";
import type { Asked } from "./session-model.ts";
import { takeAddresses } from "./translate-alias.ts";
import type { Outside, Reply } from "./translate-model.ts";

/**
 * The reply with what stands at the end of its alias. A client that was told we do recursion takes an alias alone for
 * "no such data", and asks no further. SERVFAIL when nobody can say.
 */
export async function followOutside(
  asked: Asked,
  reply: Reply,
  { target, soa }: Outside,
  forward: Forward,
): Promise<Reply & { readonly truncated: boolean }> {
  const question = asked.message.questions[0] as Question;
  const { type } = question;
  const message = toQuestion(asked.message, { name: target, type, class: CLASS.IN });
  const packet = encodeMessage(message, 0xffff) as Buffer;
  const bytes = await forward.ask({ packet, message, asker: asked.asker, key: undefined });
  const decoded = bytes && decodeMessage(bytes);
  const failed = { ...reply, rcode: RCODE.SERVFAIL, truncated: false, ...(soa && { answers: [] }) };
  if (!decoded?.ok) return failed;
  const { rcode, truncated, answers, authority } = decoded.message;
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return failed;
  const found = answers.filter((record) => record.type === type || record.type === TYPE.CNAME);
  const followed = { ...reply, rcode, answers: [...reply.answers, ...found] };
  if (soa !== undefined) return { ...takeAddresses(followed, question, soa), truncated };
  // Where there is nothing: for how long (RFC 2308 §2.1).
  return { ...followed, authority: authority.filter((record) => record.type === TYPE.SOA), truncated };
}

/** A question of our own, to be answered in the size that the asker can take. */
function toQuestion({ checkingDisabled, edns }: Message, question: Question): Message {
  return {
    id: 0,
    response: false,
    opcode: OPCODE.QUERY,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    checkingDisabled,
    rcode: RCODE.NOERROR,
    questions: [question],
    answers: [],
    authority: [],
    additional: [],
    ...(edns && { edns: { version: 0, udpSize: edns.udpSize, dnssecOk: false } }),
  };
}
