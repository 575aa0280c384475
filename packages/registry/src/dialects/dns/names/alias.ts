/**
 * Where instances have names instead of addresses. The name of their service has SRV and TXT records too, so it cannot
 * be an alias (RFC 1034 §3.6.2): what is at the alias's end is said under the name itself, wherever we can find it. A
 * cache that holds an alias follows it for every type, and unbound asks for the A of each name on the way (RFC 9156).
 */
import { type Question, RCODE, type Resource, TYPE } from "../wire/message.ts";
import type { Reply } from "../zone/model.ts";
import { negative, positive } from "./authority.ts";

/** Whether the answer is an alias that only stands in for addresses. One that a zone file has is meant as it is. */
export function standsIn({ isLive, answers }: Reply, { type }: Question): boolean {
  return isLive === true && (type === TYPE.A || type === TYPE.AAAA) && answers[0]?.type === TYPE.CNAME;
}

/** The addresses that an alias was followed to, under the name that was asked for; or, with the SOA, that there are none. */
export function takeAddresses(followed: Reply, { name, type }: Question, soa: Resource): Reply {
  const ttlS = Math.min(...followed.answers.map((record) => record.ttlS));
  const found = followed.answers.filter((record) => record.type === type);
  if (found.length === 0) return negative(RCODE.NOERROR, soa, followed.dependencies);
  const answers = found.map((record) => ({ ...record, name, ttlS }));
  return positive(answers, [], followed.dependencies);
}
