/** DNS messages as data. Numbers: RFC 1035, and the RFC named beside each. */
import type { Bytes } from "../../../core/index.ts";

/** RFC 1035 §2.3.4: what everybody can take over UDP. */
export const UDP_BYTES_MIN = 512;
export const MESSAGE_BYTES_MAX = 0xffff;

/**
 * A domain name: its labels from left to right, without the root's empty one; the root is []. A label is a byte string
 * in the case it was written in. Names are compared by `keyOf` (name.ts).
 */
export type Name = readonly Bytes[];

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const;

export const CLASS = { IN: 1, CH: 3, NONE: 254, ANY: 255 } as const;

export const OPCODE = { QUERY: 0, NOTIFY: 4, UPDATE: 5 } as const;

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** This and the four after it: RFC 2136 §2.2. */
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  /** RFC 6891 §9; only a message with EDNS can have it. */
  BADVERS: 16,
} as const;

export interface Question {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
}

/** What a record says. */
export type Data =
  /** A and AAAA, in the usual text form. */
  | { readonly kind: "address"; readonly address: string }
  /** NS, CNAME, PTR, DNAME. */
  | { readonly kind: "name"; readonly target: Name }
  | {
      readonly kind: "service";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: Name;
    }
  /** TXT and HINFO (two strings): at least one, each at most 255 bytes. */
  | { readonly kind: "text"; readonly strings: readonly Bytes[] }
  | { readonly kind: "exchange"; readonly preference: number; readonly target: Name }
  | {
      readonly kind: "authority";
      readonly primary: Name;
      readonly mailbox: Name;
      readonly serial: number;
      readonly refreshS: number;
      readonly retryS: number;
      readonly expireS: number;
      readonly minimumS: number;
    }
  /** Any other type (RFC 3597), and the empty data of UPDATE's class ANY and NONE. Names in it are not compressed. */
  | { readonly kind: "raw"; readonly bytes: Bytes };

export interface Resource {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
  readonly ttlS: number;
  readonly data: Data;
}

/** EDNS(0), RFC 6891, with the options that we know. */
export interface Edns {
  readonly version: number;
  /** What the sender can take over UDP, in bytes; below 512 counts as 512. */
  readonly udpSize: number;
  readonly dnssecOk: boolean;
  /** EXPIRE (RFC 7314): a secondary asks how long the zone is good for. */
  readonly expire?: true;
  /** The answer to EXPIRE, in seconds. */
  readonly expireS?: number;
  /** UPDATE-LEASE (RFC 9664), in seconds. */
  readonly leaseS?: number;
  /** The second number of UPDATE-LEASE, the lease of KEY records; an answer has it when the question has it. */
  readonly keyLeaseS?: number;
}

/** A TSIG record (RFC 8945 §4.2), and where it stood. */
export interface Tsig {
  readonly key: Name;
  readonly algorithm: Name;
  readonly timeS: number;
  readonly fudgeS: number;
  readonly mac: Bytes;
  readonly originalId: number;
  readonly error: number;
  readonly other: Bytes;
  /** Offset of the record in the packet: what stands before it is signed. */
  readonly offset: number;
}

export interface Message {
  readonly id: number;
  readonly response: boolean;
  readonly opcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  readonly checkingDisabled: boolean;
  /** 0 to 4095; above 15 only with EDNS. */
  readonly rcode: number;
  readonly questions: readonly Question[];
  /** For UPDATE (RFC 2136 §2): zone, prerequisites, updates, additional. */
  readonly answers: readonly Resource[];
  readonly authority: readonly Resource[];
  /** Without OPT and TSIG. */
  readonly additional: readonly Resource[];
  readonly edns?: Edns;
  readonly tsig?: Tsig;
}

/** An answer without a question or a record. */
export const BLANK: Message = {
  id: 0,
  response: true,
  opcode: OPCODE.QUERY,
  authoritative: true,
  truncated: false,
  recursionDesired: false,
  recursionAvailable: false,
  checkingDisabled: false,
  rcode: RCODE.NOERROR,
  questions: [],
  answers: [],
  authority: [],
  additional: [],
};

/** The answer to a message with nothing in it but the question and a code. */
export function emptyAnswer(
  { id, opcode, recursionDesired, questions }: Pick<Message, "id" | "opcode" | "recursionDesired" | "questions">,
  rcode: number,
): Message {
  return { ...BLANK, id, opcode, authoritative: false, recursionDesired, rcode, questions: questions.slice(0, 1) };
}
