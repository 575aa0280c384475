/** Lookups in a zone as a zone file has it. RFC 1034 §4.3.2, RFC 4592 (wildcards), RFC 2308 (negative answers). */
import type { Account, Bytes, Revision, View } from "../../../core/index.ts";
import { type Name, type Question, RCODE, type Resource, TYPE } from "../wire/message.ts";
import { isWithin, keyOf, sameName } from "../wire/name.ts";
import type { FileZone, Reply } from "./model.ts";

/** CNAMEs that one question is followed through. */
const ALIASES_MAX = 16;
const DS = 43;
const NONE: readonly Resource[] = [];

/** What a zone file has at a name. */
export type Match =
  /** The name is there; without records when it only has names below it. */
  | { readonly kind: "exact"; readonly records: readonly Resource[] }
  /** A wildcard covers the name. */
  | { readonly kind: "wildcard"; readonly records: readonly Resource[] }
  /** The name is at or below a delegation, which these NS records make. */
  | { readonly kind: "delegation"; readonly servers: readonly Resource[] }
  | { readonly kind: "none" };

/** The records of a type that stand at exactly this name. */
export function fileRecords(file: FileZone, name: Name, type: number): readonly Resource[] {
  return file.owners.get(keyOf(name))?.filter((record) => record.type === type) ?? NONE;
}

/** Whether the name exists in the file by itself: it has records, or names below it have. */
export function fileHas(file: FileZone, name: Name): boolean {
  const key = keyOf(name);
  return file.owners.has(key) || file.between.has(key);
}

/** What the file has at a name within its origin. */
export function findInFile(file: FileZone, name: Name): Match {
  const cut = findCut(file, name);
  if (cut !== undefined) return { kind: "delegation", servers: cut };
  const key = keyOf(name);
  const records = file.owners.get(key);
  if (records !== undefined) return { kind: "exact", records };
  if (file.between.has(key)) return { kind: "exact", records: NONE };
  // RFC 4592 §3.3.1: only the closest name that exists may have a wildcard for it.
  for (let from = 1; name.length - from >= file.origin.length; from++) {
    const encloser = name.slice(from);
    if (!fileHas(file, encloser) && name.length - from > file.origin.length) continue;
    const wildcard = keyOf(["*", ...encloser]);
    const covering = file.owners.get(wildcard) ?? (file.between.has(wildcard) ? NONE : undefined);
    return covering === undefined ? { kind: "none" } : { kind: "wildcard", records: covering };
  }
  return { kind: "none" };
}

/** The NS records that give this name away: the ones nearest to the origin (RFC 1034 §4.2.1). */
function findCut(file: FileZone, name: Name): readonly Resource[] | undefined {
  for (let from = name.length - file.origin.length - 1; from >= 0; from--) {
    const servers = fileRecords(file, name.slice(from), TYPE.NS);
    if (servers.length > 0) return servers;
  }
  return undefined;
}

/** Addresses that the file knows of a name, glue included, in the name as asked. */
export function fileAddresses(file: FileZone, name: Name): readonly Resource[] {
  if (!isWithin(name, file.origin)) return NONE;
  const match = findInFile(file, name);
  const records = match.kind === "wildcard" ? match.records : file.owners.get(keyOf(name));
  return rename(records?.filter(({ type }) => type === TYPE.A || type === TYPE.AAAA) ?? NONE, name);
}

/** Answers a question about a name within the file's origin. */
export function resolveFile(question: Question, file: FileZone): Reply {
  const answers: Resource[] = [];
  let { name } = question;
  for (let aliases = 0; aliases <= ALIASES_MAX; aliases++) {
    const match = findInFile(file, name);
    if (match.kind === "none") return negative(file, RCODE.NXDOMAIN, answers);
    if (match.kind === "delegation") {
      if (!asksAboveCut(question, name, match.servers)) return refer(file, match.servers, answers);
      return negative(file, RCODE.NOERROR, answers);
    }
    const found = pick(match.records, question.type);
    if (found.length > 0) return positive(file, [...answers, ...rename(found, name)]);
    const alias = match.records.find((record) => record.type === TYPE.CNAME);
    if (alias?.data.kind !== "name") return negative(file, RCODE.NOERROR, answers);
    answers.push(...rename([alias], name));
    name = alias.data.target;
    if (!isWithin(name, file.origin)) return positive(file, answers);
  }
  // A loop, or as good as one: what was found is true, and the asker sees that it leads nowhere.
  return positive(file, answers);
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

/** Owner names are given as they were asked for: wildcards become the name, and its case stays. */
function rename(records: readonly Resource[], name: Name): readonly Resource[] {
  return records.map((record) => (record.name === name ? record : { ...record, name }));
}

function positive(file: FileZone, answers: readonly Resource[]): Reply {
  const additional = addressesOfTargets(file, answers);
  return { rcode: RCODE.NOERROR, authoritative: true, answers, authority: NONE, additional, dependencies: [] };
}

/** RFC 2308 §3: the SOA, good for no longer than its minimum. With CNAMEs before it: RFC 6604 §2.1. */
function negative(file: FileZone, rcode: number, answers: readonly Resource[]): Reply {
  return {
    rcode,
    authoritative: true,
    answers,
    authority: [negativeAuthority(file)],
    additional: NONE,
    dependencies: [],
  };
}

/** The file's SOA as negative answers carry it: RFC 2308 §5. */
export function negativeAuthority({ authority }: FileZone): Resource {
  const { data } = authority;
  const minimumS = data.kind === "authority" ? data.minimumS : authority.ttlS;
  return minimumS < authority.ttlS ? { ...authority, ttlS: minimumS } : authority;
}

/**
 * A referral is no authoritative answer, unless CNAMEs of ours lead to it (RFC 1034 §4.3.2 step 3b). Addresses come
 * with it of servers that cannot be found without them: those below the cut (RFC 9471 §2.1).
 */
function refer(file: FileZone, servers: readonly Resource[], answers: readonly Resource[]): Reply {
  const cut = servers[0]?.name ?? [];
  const inside = servers.filter(({ data }) => "target" in data && isWithin(data.target, cut));
  return {
    rcode: RCODE.NOERROR,
    authoritative: answers.length > 0,
    answers,
    authority: servers,
    additional: addressesOfTargets(file, inside),
    dependencies: [],
  };
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

/** Types of which the catalog has records. */
const SHARED: ReadonlySet<number> = new Set([TYPE.A, TYPE.AAAA, TYPE.SRV, TYPE.TXT, TYPE.PTR]);

/**
 * The file as it lies over an account's zone: where instances may come to stand beside its records, those live no
 * longer than instances do, now and always. A set has but one TTL (RFC 2181 §5.2), and who keeps the file's records
 * for an hour would hear of an instance an hour late.
 */
export function shareFile(file: FileZone, ttlS: number): FileZone {
  const isLong = (record: Resource): boolean => record.ttlS > ttlS && SHARED.has(record.type);
  const owners = new Map(file.owners);
  for (const [key, records] of file.owners)
    if (records.some(isLong)) {
      owners.set(
        key,
        records.map((record) => (isLong(record) ? { ...record, ttlS } : record)),
      );
    }
  return { ...file, owners };
}

/** Reserved keys of what zone files have put into an account's catalog (static/catalog.ts). */
export const STATIC_KEYS: Bytes = "\0dns/static/";

export function staticKey(origin: Name): Bytes {
  return STATIC_KEYS + (keyOf(origin) || ".");
}

/**
 * The revision at which what a zone file says of this origin last became different; 0 when none ever did. It goes on
 * after the file is gone, so that a serial made from it never goes back.
 */
export function staticRevision(view: View, account: Account, origin: Name): Revision {
  return view.entry(account, staticKey(origin))?.modRevision ?? 0;
}
