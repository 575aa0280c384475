/** DNS messages as tests make and read them: written apart from the program's own codec, so that both can be wrong alone. */

export const TYPES: Readonly<Record<string, number>> = {
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
  OPT: 41,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
};

const RCODES = [
  "NOERROR",
  "FORMERR",
  "SERVFAIL",
  "NXDOMAIN",
  "NOTIMP",
  "REFUSED",
  "YXDOMAIN",
  "YXRRSET",
  "NXRRSET",
  "NOTAUTH",
  "NOTZONE",
];

export interface QuestionSpec {
  readonly id?: number;
  /** All of the second 16 bits; by default a query with RD. */
  readonly flags?: number;
  readonly class?: number;
  /** How often the question stands there. */
  readonly questions?: number;
  readonly edns?: {
    readonly size?: number;
    readonly version?: number;
    readonly dnssecOk?: boolean;
    /** Whole options: code, length, data. */
    readonly options?: Uint8Array;
  };
}

export interface WireRecord {
  readonly name: string;
  readonly type: string;
  readonly class: number;
  readonly ttl: number;
  /** As in a zone file. */
  readonly text: string;
}

export interface Reading {
  readonly id: number;
  readonly flags: number;
  readonly response: boolean;
  readonly opcode: number;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly rd: boolean;
  readonly ra: boolean;
  readonly cd: boolean;
  /** In words; with EDNS the upper bits are counted in. */
  readonly rcode: string;
  readonly question: { readonly name: string; readonly type: string; readonly class: number } | undefined;
  readonly answers: readonly WireRecord[];
  readonly authority: readonly WireRecord[];
  /** Without OPT and TSIG. */
  readonly additional: readonly WireRecord[];
  readonly edns: { readonly size: number; readonly version: number; readonly dnssecOk: boolean } | undefined;
  readonly tsig: boolean;
  readonly bytes: Buffer;
}

/** Wire form of a name. `\.` and `\DDD` as in zone files; the case is kept. */
export function toWireName(name: string): Uint8Array {
  const parts: Uint8Array[] = [];
  let label: number[] = [];
  const flush = (): void => {
    if (label.length > 0) parts.push(Buffer.from([label.length, ...label]));
    label = [];
  };
  const bytes = Buffer.from(name, "utf8");
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === 0x2e) flush();
    else if (byte !== 0x5c) label.push(byte);
    else if (/^\d{3}$/.test(bytes.toString("latin1", i + 1, i + 4))) {
      label.push(Number(bytes.toString("latin1", i + 1, i + 4)));
      i += 3;
    } else label.push(bytes[++i] as number);
  }
  flush();
  return Buffer.concat([...parts, Buffer.from([0])]);
}

/** One question as a packet. */
export function toQuery(name: string, type: string | number, spec: QuestionSpec = {}): Buffer {
  const count = spec.questions ?? 1;
  const head = Buffer.alloc(12);
  head.writeUInt16BE(spec.id ?? Math.floor(Math.random() * 65536), 0);
  head.writeUInt16BE(spec.flags ?? 0x0100, 2);
  head.writeUInt16BE(count, 4);
  head.writeUInt16BE(spec.edns === undefined ? 0 : 1, 10);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(typeof type === "number" ? type : toType(type), 0);
  tail.writeUInt16BE(spec.class ?? 1, 2);
  const question = Buffer.concat([toWireName(name), tail]);
  const parts: Uint8Array[] = [head, ...Array.from({ length: count }, () => question)];
  if (spec.edns !== undefined) parts.push(toOpt(spec.edns));
  return Buffer.concat(parts);
}

function toOpt(edns: NonNullable<QuestionSpec["edns"]>): Uint8Array {
  const options = edns.options ?? Buffer.alloc(0);
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(41, 1);
  opt.writeUInt16BE(edns.size ?? 1232, 3);
  opt.writeUInt8(edns.version ?? 0, 6);
  opt.writeUInt16BE(edns.dnssecOk === true ? 0x8000 : 0, 7);
  opt.writeUInt16BE(options.length, 9);
  return Buffer.concat([opt, options]);
}

function toType(type: string): number {
  const known = TYPES[type] ?? Number(/^TYPE(\d+)$/.exec(type)?.[1]);
  if (!Number.isInteger(known)) throw new Error(`no such type: ${type}`);
  return known;
}

/** Reads a whole message; throws when it is not one to its last byte. */
export function readMessage(bytes: Buffer): Reading {
  const reader = new Reader(bytes, 12);
  const flags = bytes.readUInt16BE(2);
  let question: Reading["question"];
  for (let i = 0; i < bytes.readUInt16BE(4); i++)
    question = { name: reader.name(), type: fromType(reader.u16()), class: reader.u16() };
  const answers = reader.records(bytes.readUInt16BE(6));
  const authority = reader.records(bytes.readUInt16BE(8));
  const rest = reader.records(bytes.readUInt16BE(10));
  if (reader.at !== bytes.length) throw new Error(`${bytes.length - reader.at} bytes are left over`);
  const opt = rest.find((record) => record.type === "OPT");
  const rcode = (flags & 15) | (opt === undefined ? 0 : (opt.ttl >>> 24) << 4);
  return {
    id: bytes.readUInt16BE(0),
    flags,
    response: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 15,
    aa: (flags & 0x0400) !== 0,
    tc: (flags & 0x0200) !== 0,
    rd: (flags & 0x0100) !== 0,
    ra: (flags & 0x0080) !== 0,
    cd: (flags & 0x0010) !== 0,
    rcode: RCODES[rcode] ?? (rcode === 16 ? "BADVERS" : String(rcode)),
    question,
    answers,
    authority,
    additional: rest.filter((record) => record.type !== "OPT" && record.type !== "TSIG"),
    edns:
      opt === undefined
        ? undefined
        : { size: opt.class, version: (opt.ttl >>> 16) & 255, dnssecOk: (opt.ttl & 0x8000) !== 0 },
    tsig: rest.some((record) => record.type === "TSIG"),
    bytes,
  };
}

function fromType(type: number): string {
  return Object.entries(TYPES).find(([, number]) => number === type)?.[0] ?? `TYPE${type}`;
}

class Reader {
  at: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.at++);
  }

  u16(): number {
    this.at += 2;
    return this.#bytes.readUInt16BE(this.at - 2);
  }

  u32(): number {
    this.at += 4;
    return this.#bytes.readUInt32BE(this.at - 4);
  }

  /** Also follows compression, backwards only. */
  name(): string {
    let text = "";
    let at = this.at;
    let jumped = false;
    for (;;) {
      const length = this.#bytes.readUInt8(at);
      if (length >= 0xc0) {
        const target = this.#bytes.readUInt16BE(at) & 0x3fff;
        if (target >= at) throw new Error("a name points forward");
        if (!jumped) this.at = at + 2;
        jumped = true;
        at = target;
        continue;
      }
      at += 1;
      if (length === 0) break;
      text += `${showLabel(this.#bytes.subarray(at, at + length))}.`;
      at += length;
    }
    if (!jumped) this.at = at;
    return text === "" ? "." : text;
  }

  records(count: number): WireRecord[] {
    return Array.from({ length: count }, () => this.#record());
  }

  #record(): WireRecord {
    const name = this.name();
    const type = fromType(this.u16());
    const ofClass = this.u16();
    const ttl = this.u32();
    const length = this.u16();
    const end = this.at + length;
    if (end > this.#bytes.length) throw new Error("a record is longer than the message");
    const text = this.#text(type, end);
    if (this.at !== end) throw new Error(`the data of a ${type} does not end where it says`);
    return { name, type, class: ofClass, ttl, text };
  }

  #text(type: string, end: number): string {
    switch (type) {
      case "A":
        return [this.u8(), this.u8(), this.u8(), this.u8()].join(".");
      case "AAAA":
        return Array.from({ length: 8 }, () => this.u16().toString(16)).join(":");
      case "NS":
      case "CNAME":
      case "PTR":
        return this.name();
      case "MX":
        return `${this.u16()} ${this.name()}`;
      case "SRV":
        return `${this.u16()} ${this.u16()} ${this.u16()} ${this.name()}`;
      case "SOA":
        return [this.name(), this.name(), this.u32(), this.u32(), this.u32(), this.u32(), this.u32()].join(" ");
      case "TXT":
      case "HINFO":
        return this.#strings(end);
      default: {
        const hex = this.#bytes.toString("hex", this.at, end);
        this.at = end;
        return hex;
      }
    }
  }

  #strings(end: number): string {
    const strings: string[] = [];
    while (this.at < end) {
      const length = this.u8();
      strings.push(JSON.stringify(this.#bytes.toString("utf8", this.at, this.at + length)));
      this.at += length;
    }
    return strings.join(" ");
  }
}

function showLabel(label: Buffer): string {
  return [...label]
    .map((byte) => {
      if (byte === 0x2e || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
      return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, "0")}`;
    })
    .join("");
}
