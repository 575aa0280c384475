/** Questions -> answers: which zone a name is in, and what stands there. Pure. Refusals -> RCODEs. */
import type { Refusal } from "../../../core/index.ts";
import { type Name, type Question, RCODE, type Resource, TYPE } from "../wire/message.ts";
import { keyOf } from "../wire/name.ts";
import { sameData } from "../wire/record.ts";
import { fileAddresses, fileHas, fileRecords, resolveFile } from "../zone/file.ts";
import type { Reply, Resolve, World, Zone } from "../zone/model.ts";
import { standsIn, takeAddresses } from "./alias.ts";
import { authorityOf, minimalAny, negative, positive } from "./authority.ts";
import { answerNative } from "./native/account-zone.ts";
import type { Answer } from "./native/discovery.ts";
import { type AccountZone, openLookup } from "./native/group.ts";
import { resolveReverse } from "./reverse.ts";
import { resolveSource } from "./source.ts";

/** How a refused change is said in an answer to UPDATE (RFC 2136 §2.2, RFC 1035 §4.1.1). */
export const RCODE_OF: Readonly<Record<Refusal, number>> = {
  invalid: RCODE.FORMERR,
  "too-large": RCODE.REFUSED,
  limit: RCODE.REFUSED,
  forbidden: RCODE.REFUSED,
  "not-found": RCODE.NXDOMAIN,
  exists: RCODE.YXDOMAIN,
  conflict: RCODE.SERVFAIL,
  compacted: RCODE.SERVFAIL,
  unsupported: RCODE.NOTIMP,
  unavailable: RCODE.SERVFAIL,
};

/** CNAMEs that one question is followed through our zones. */
const ALIASES_MAX = 8;

/** Answers a question of class IN; undefined when its name is in no zone of ours. */
export const resolve: Resolve = (question, world) => {
  const zone = world.zoneOf(question.name);
  const reply = zone === undefined ? undefined : resolveIn(question, zone, world);
  if (zone === undefined || reply === undefined) return undefined;
  const followed = followAliases(reply, question, world);
  if (!standsIn(reply, question)) return followed;
  const soa = authorityOf(zone, world);
  const { outside } = followed;
  return outside === undefined ? takeAddresses(followed, question, soa) : { ...followed, outside: { ...outside, soa } };
};

function resolveIn(question: Question, zone: Zone, world: World): Reply | undefined {
  switch (zone.kind) {
    case "account":
      return resolveAccount(question, zone, world);
    case "file":
      return resolveFile(question, zone.file);
    case "source":
      return resolveSource(question, zone, world);
    case "reverse":
      return resolveReverse(question, zone, world);
  }
}

/** RFC 1034 §4.3.2 step 3a: an alias that leads to a name of ours is answered with what is there. */
function followAliases(reply: Reply, question: Question, world: World): Reply {
  const { type } = question;
  const seen = new Set([keyOf(question.name)]);
  let whole = reply;
  for (let i = 0; i < ALIASES_MAX && type !== TYPE.CNAME && type !== TYPE.ANY; i++) {
    const last = whole.answers.at(-1);
    if (last?.type !== TYPE.CNAME || last.data.kind !== "name" || seen.has(keyOf(last.data.target))) break;
    const name = last.data.target;
    seen.add(keyOf(name));
    const zone = world.zoneOf(name);
    const next = zone === undefined ? undefined : resolveIn({ ...question, name }, zone, world);
    if (next === undefined) return { ...whole, outside: { target: name } };
    // The answer's code and SOA are the last name's (RFC 6604 §3); it is as authoritative as the first one's (§2.1).
    whole = {
      ...next,
      authoritative: reply.authoritative,
      answers: [...whole.answers, ...next.answers],
      dependencies: [...whole.dependencies, ...next.dependencies],
    };
  }
  return whole;
}

function resolveAccount(question: Question, zone: AccountZone, world: World): Reply {
  const look = openLookup(world, zone);
  const { name, type } = question;
  const answer = answerNative(look, name, type);
  const { dependencies } = look;
  if (zone.file !== undefined) return mergeFile(question, zone, world, answer, dependencies);
  if (!answer.exists) return negative(RCODE.NXDOMAIN, authorityOf(zone, world), dependencies);
  if (type === TYPE.ANY) return minimalAny(name, world, dependencies);
  if (answer.answers.length === 0) return negative(RCODE.NOERROR, authorityOf(zone, world), dependencies);
  return positive(answer.answers, answer.additional, dependencies);
}

/**
 * A zone file of the same name adds to what the catalog has. Sets of one name and type become one; an alias in the
 * file, and its servers at the apex, stand alone; where the catalog has no such name, the file answers by itself.
 */
function mergeFile(
  question: Question,
  zone: AccountZone,
  world: World,
  answer: Answer,
  dependencies: Reply["dependencies"],
): Reply {
  const { name, type } = question;
  const file = zone.file as NonNullable<AccountZone["file"]>;
  if (!answer.exists || isAlias(file, name)) {
    const reply = resolveFile(question, file);
    const isNegative = reply.authority.some((record) => record.type === TYPE.SOA);
    return isNegative
      ? { ...negative(reply.rcode, authorityOf(zone, world), dependencies), answers: reply.answers }
      : { ...reply, dependencies };
  }
  if (type === TYPE.ANY) return minimalAny(name, world, dependencies);
  const isApexServers = name.length === zone.name.length && type === TYPE.NS;
  const added = type === TYPE.SOA ? [] : fileRecords(file, name, type);
  const own = isApexServers && added.length > 0 ? [] : answer.answers;
  const answers = mergeRecords(own, added, name);
  if (answers.length === 0) return negative(RCODE.NOERROR, authorityOf(zone, world), dependencies);
  const additional = added.flatMap(({ data }) => ("target" in data ? fileAddresses(file, data.target) : []));
  return positive(answers, own.length === 0 ? additional : [...answer.additional, ...additional], dependencies);
}

export function isAlias(file: NonNullable<AccountZone["file"]>, name: Name): boolean {
  return fileHas(file, name) && fileRecords(file, name, TYPE.CNAME).length > 0;
}

/**
 * One set of both, without doubles, with the file's TTL, which is the smaller one (`shareFile`). An alias of the
 * catalog's gives way to addresses of the file.
 */
export function mergeRecords(own: readonly Resource[], added: readonly Resource[], owner: Name): readonly Resource[] {
  const [first] = added;
  if (first === undefined) return own;
  const mine = own.filter(
    (record) => record.type === first.type && !added.some((other) => sameData(record.type, other.data, record.data)),
  );
  return [
    ...added.map((record) => ({ ...record, name: owner })),
    ...mine.map((record) => ({ ...record, ttlS: first.ttlS })),
  ];
}
