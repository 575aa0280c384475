/** Answers from a zone file. RFC 1034 §4.3.2, RFC 4592 (wildcards), RFC 2308 (negative answers). */
import { type Name, type Question, RCODE, type Resource, TYPE } from "../wire/message.ts";
import { isWithin, keyOf, sameName } from "../wire/name.ts";
import { fileAddresses, findInFile, rename } from "../zone/file.ts";
import type { FileZone } from "../zone/model.ts";
import { negative, positive, type Reply } from "./reply.ts";

/** CNAMEs that one question is followed through. */
const ALIASES_MAX = 16;
const DS = 43;

/** Answers a question about a name within the file's origin. */
export function resolveFile(question: Question, file: FileZone): Reply {
  return { ...answerFrom(file, question), isFromFile: true };
}

function answerFrom(file: FileZone, question: Question): Reply {
  const answers: Resource[] = [];
  let { name } = question;
  for (let aliases = 0; aliases <= ALIASES_MAX; aliases++) {
    const match = findInFile(file, name);
    if (match.kind === "none") return negative(RCODE.NXDOMAIN, file.authority, [], answers);
    if (match.kind === "delegation") {
      if (!asksAboveCut(question, name, match.servers)) return refer(file, match.servers, answers);
      return negative(RCODE.NOERROR, file.authority, [], answers);
    }
    const found = pick(match.records, question.type);
    if (found.length > 0) {
      answers.push(...rename(found, name));
      break;
    }
    const alias = match.records.find((record) => record.type === TYPE.CNAME);
    if (alias?.data.kind !== "name") return negative(RCODE.NOERROR, file.authority, [], answers);
    answers.push(...rename([alias], name));
    name = alias.data.target;
    // The CNAME leads out of the zone: the client goes on from there.
    if (!isWithin(name, file.origin)) break;
  }
  return positive(answers, addressesOfTargets(file, answers), []);
}

/** RFC 3658 §2.2.1.1: DS records of a delegation are the parent's to answer for. */
function asksAboveCut(question: Question, name: Name, servers: readonly Resource[]): boolean {
  const cut = servers[0];
  return question.type === DS && cut !== undefined && sameName(cut.name, name);
}

/** The records asked for; of ANY one set is enough (RFC 8482 §4.1). */
function pick(records: readonly Resource[], type: number): readonly Resource[] {
  const wanted = type === TYPE.ANY ? records[0]?.type : type;
  return records.filter((record) => record.type === wanted);
}

/**
 * A referral is not authoritative, unless CNAMEs of ours lead to it (RFC 1034 §4.3.2 step 3b). It comes with the
 * addresses of servers that cannot be found without them: those below the cut (RFC 9471 §2.1).
 */
function refer(file: FileZone, servers: readonly Resource[], answers: readonly Resource[]): Reply {
  const cut = servers[0]?.name ?? [];
  const inside = servers.filter(({ data }) => "target" in data && isWithin(data.target, cut));
  const additional = addressesOfTargets(file, inside);
  return { ...positive(answers, additional, []), authoritative: answers.length > 0, authority: servers };
}

/** Addresses of what SRV, MX and NS records lead to, as far as the file has them. */
function addressesOfTargets(file: FileZone, records: readonly Resource[]): readonly Resource[] {
  const seen = new Set<string>();
  const additional: Resource[] = [];
  for (const { type, data } of records) {
    if (type !== TYPE.SRV && type !== TYPE.MX && type !== TYPE.NS) continue;
    if (!("target" in data) || seen.has(keyOf(data.target))) continue;
    seen.add(keyOf(data.target));
    additional.push(...fileAddresses(file, data.target));
  }
  return additional;
}
