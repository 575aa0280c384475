/**
 * The words for an answer, from the records of instances to what a message says.
 *
 *     question ── World.zoneOf ──> zone
 *                                   ├─ account ── native/ ────┐
 *                                   ├─ source ─── source.ts ──┼─> Presence: whether the name exists,
 *                                   ├─ reverse ── reverse.ts ─┘   and its Records of the type asked for
 *                                   │                                        │ replyTo
 *                                   └─ file ───── file.ts ─────────────────> Reply, with the Dependencies it rests on
 *                                                                            │
 *     resolve.ts follows a CNAME through our zones, Reply by Reply <─────────┤
 *     server/aliases.ts asks others for what is Outside of them <────────────┤
 *                                                                            v
 *     server/answerer.ts: Reply -> Message -> bytes that fit (wire/answer.ts), kept while the Dependencies hold
 */
import type { Account, Bytes } from "../../../core/index.ts";
import { type Data, type Name, type Question, RCODE, type Resource, TYPE } from "../wire/message.ts";
import { canonicalData, sameData, toResource } from "../wire/record.ts";

/** An answer before it is a message. */
export interface Reply {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answers: readonly Resource[];
  readonly authority: readonly Resource[];
  readonly additional: readonly Resource[];
  /** The answers are not all that there are: the rest fits into no message. */
  readonly isPart?: true;
  /** A zone file alone gave the answers. */
  readonly isFromFile?: true;
  /** Where the CNAME at the end of the answers leads, when that is a name in no zone of ours. */
  readonly outside?: Outside;
  /** Nothing of ours is at this address: it may be a host that other servers know. */
  readonly isOthers?: true;
  /** Empty: good until the zones or settings change. */
  readonly dependencies: readonly Dependency[];
}

export interface Outside {
  readonly target: Name;
  /** The zone's SOA where the CNAME stands in for addresses (`standsIn`): it tells that there are none. */
  readonly soa?: Resource;
}

/** What a reply rests on. It is good while the revision of each of its dependencies is what it was. */
export type Dependency =
  /** `ServiceView.revision`; 0 while there is no such account or service. */
  | { readonly on: "service"; readonly account: Account; readonly service: string; readonly revision: number }
  /** `AccountView.catalogRevision`; 0 while there is no such account. */
  | { readonly on: "catalog"; readonly account: Account; readonly revision: number }
  /** The whole registry's. */
  | { readonly on: "all"; readonly revision: number };

/** The records of a name and type, and those that go along in the additional section. */
export interface Records {
  readonly answers: readonly Resource[];
  readonly additional: readonly Resource[];
  /** There are more answers. */
  readonly isPart?: true;
}

const NONE: readonly Resource[] = [];

/** What stands at a name. Without records there may be records of other types, or names below it (RFC 8020). */
export interface Presence extends Records {
  readonly exists: boolean;
}

export const NO_RECORDS: Records = { answers: NONE, additional: NONE };
export const ABSENT: Presence = { exists: false, ...NO_RECORDS };
export const BARE: Presence = { exists: true, ...NO_RECORDS };

export function present(records: Records): Presence {
  return { exists: true, ...records };
}

/** More records than a message of 64 KiB can hold: beyond it the first ones, by the ids of their instances, are taken. */
export const ANSWERS_MAX = 4096;

/** Gathers records, each once: a set has no doubles (RFC 2181 §5). */
export class Gathering {
  readonly records: Resource[] = [];
  /** Made for the second record: most sets have only one. */
  #seen: Set<Bytes> | undefined;
  readonly #ttlS: number;

  constructor(ttlS: number) {
    this.#ttlS = ttlS;
  }

  add(owner: Name, type: number, data: Data): void {
    if (this.records.length > 0) {
      this.#seen ??= new Set(this.records.map(toKey));
      const before = this.#seen.size;
      if (this.#seen.add(toKey({ name: owner, type, data })).size === before) return;
    }
    this.records.push(toResource(owner, type, this.#ttlS, data));
  }

  /** Adds a record that was not added before, without looking; later ones may still be its double. */
  addAlone(owner: Name, type: number, data: Data): void {
    this.#seen?.add(toKey({ name: owner, type, data }));
    this.records.push(toResource(owner, type, this.#ttlS, data));
  }
}

function toKey({ name, type, data }: Pick<Resource, "name" | "type" | "data">): Bytes {
  return `${type} ${name.join(".")} ${canonicalData(type, data)}`;
}

/**
 * The records of the catalog and of a zone file as one set, without doubles, with the file's TTL, which is the smaller
 * one (`shareFile`). A CNAME of the catalog gives way to addresses of the file.
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

/** The reply to a question about a name of the catalog. `authority`: the zone's SOA, which negative replies need. */
export function replyTo(
  { name, type }: Question,
  { exists, answers, additional, isPart }: Presence,
  { authority, ttlS }: { authority(): Resource; readonly ttlS: number },
  dependencies: readonly Dependency[],
): Reply {
  if (!exists) return negative(RCODE.NXDOMAIN, authority(), dependencies);
  if (type === TYPE.ANY) {
    // RFC 8482 §4.2.
    const hint = toResource(name, TYPE.HINFO, ttlS, { kind: "text", strings: ["RFC8482", ""] });
    return positive([hint], NONE, dependencies);
  }
  if (answers.length === 0) return negative(RCODE.NOERROR, authority(), dependencies);
  return { ...positive(answers, additional, dependencies), ...(isPart && { isPart }) };
}

export function positive(
  answers: readonly Resource[],
  additional: readonly Resource[],
  dependencies: readonly Dependency[],
): Reply {
  return { rcode: RCODE.NOERROR, authoritative: true, answers, authority: NONE, additional, dependencies };
}

/**
 * No such name (NXDOMAIN), or nothing of this type (NOERROR): with the SOA, good for no longer than its minimum
 * (RFC 2308 §3, §5). `answers` are the CNAMEs that led there (RFC 6604 §2.1).
 */
export function negative(
  rcode: number,
  authority: Resource,
  dependencies: readonly Dependency[],
  answers: readonly Resource[] = NONE,
): Reply {
  const { data, ttlS } = authority;
  const lifeS = data.kind === "authority" ? Math.min(ttlS, data.minimumS) : ttlS;
  const soa = lifeS === ttlS ? authority : { ...authority, ttlS: lifeS };
  return { rcode, authoritative: true, answers, authority: [soa], additional: NONE, dependencies };
}

/**
 * Whether the answer is a CNAME that only stands in for addresses: that of a service whose instances have host names.
 * The name of a service has SRV and TXT records too, so it cannot be an alias (RFC 1034 §3.6.2): what is at the CNAME's
 * end is told under the name itself, wherever we can find it. A cache that holds a CNAME follows it for every type, and
 * unbound asks for the A of each name on the way (RFC 9156). A CNAME of a zone file is meant as it is.
 */
export function standsIn({ isFromFile, answers }: Reply, { type }: Question): boolean {
  return isFromFile !== true && (type === TYPE.A || type === TYPE.AAAA) && answers[0]?.type === TYPE.CNAME;
}

/** The addresses at the end of followed CNAMEs, under the name asked for; or, with the SOA, that there are none. */
export function takeAddresses(followed: Reply, { name, type }: Question, soa: Resource): Reply {
  const ttlS = Math.min(...followed.answers.map((record) => record.ttlS));
  const found = followed.answers.filter((record) => record.type === type);
  if (found.length === 0) return negative(RCODE.NOERROR, soa, followed.dependencies);
  const answers = found.map((record) => ({ ...record, name, ttlS }));
  return positive(answers, NONE, followed.dependencies);
}
