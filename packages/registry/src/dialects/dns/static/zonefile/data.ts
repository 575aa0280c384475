/** The data of records as zone files have it: RFC 1035 §5.1, RFC 3597 §5, and the RFC of each type. */
import { type Bytes, type Outcome, ok, type Refused, refuse } from "../../../../core/index.ts";
import { addressBytes, readAddress } from "../../wire/address.ts";
import { counted, nameOnWire, two } from "../../wire/bytes.ts";
import { CLASS, type Data, TYPE } from "../../wire/message.ts";
import { openCursor } from "../../wire/name.ts";
import { parseType, readData } from "../../wire/record.ts";
import { parseParameters } from "./svcb.ts";
import type { Words } from "./words.ts";

const U8 = 0xff;
const U16 = 0xffff;
const U32 = 0xffffffff;

/**
 * Types that we keep as bytes, with their fields: numbers of 1 and 2 bytes, `n` a name, `s` a string with its length, `S`
 * such strings to the end, `t` a string without length to the end, `x` hexadecimal, `b` base64, `p` parameters.
 */
const LAYOUTS: Readonly<Record<string, readonly [type: number, fields: string]>> = {
  RP: [17, "nn"],
  AFSDB: [18, "2n"],
  NAPTR: [TYPE.NAPTR, "22sssn"],
  KX: [36, "2n"],
  DS: [43, "211x"],
  SSHFP: [44, "11x"],
  DNSKEY: [48, "211b"],
  TLSA: [52, "111x"],
  SMIMEA: [53, "111x"],
  CDS: [59, "211x"],
  CDNSKEY: [60, "211b"],
  OPENPGPKEY: [61, "b"],
  SVCB: [64, "2np"],
  HTTPS: [65, "2np"],
  SPF: [99, "S"],
  URI: [256, "22t"],
  CAA: [TYPE.CAA, "1st"],
};
const FIELDS: ReadonlyMap<number, string> = new Map(Object.values(LAYOUTS));

/** Types that DNSSEC adds to a zone. Our answers carry no signatures, so a signed zone would be served broken. */
const SIGNED: Readonly<Record<string, number>> = { RRSIG: 46, NSEC: 47, NSEC3: 50, NSEC3PARAM: 51, SIG: 24, NXT: 30 };
const SIGNED_TYPES: ReadonlySet<number> = new Set(Object.values(SIGNED));
/** Types of questions and of messages, not of zones (RFC 6895 §3.1). */
const META_MIN = 128;
const META_MAX = 255;

/** The type of a mnemonic, or of `TYPE123`, if zones can have it here. */
export function toRecordType(text: string): Outcome<number> {
  const fail = (what: string): Refused => refuse("invalid", what);
  const upper = text.toUpperCase();
  const type = (Object.hasOwn(LAYOUTS, upper) ? LAYOUTS[upper]?.[0] : SIGNED[upper]) ?? parseType(text);
  if (type === undefined)
    return fail(`unknown record type "${text.slice(0, 80)}" (RFC 3597's TYPE123 \\# … is understood)`);
  if (type === TYPE.DNAME) return fail("DNAME records are not served; write the names out as CNAME records");
  if (SIGNED_TYPES.has(type))
    return fail(`${upper}: signed zones are not served; give the zone file without signatures`);
  if (type === 0 || type === TYPE.OPT || (type >= META_MIN && type <= META_MAX))
    return fail(`records of type ${upper} do not stand in zones`);
  return ok(type);
}

/** Reads the data of a record to the end of the entry. It counts only if `words.fault` is undefined afterwards. */
export function parseData(type: number, words: Words): Data {
  const first = words.peek();
  const data = first?.text === "\\#" && !first.quoted ? parseUnknown(type, words) : parseKnown(type, words);
  words.end();
  return data;
}

function parseKnown(type: number, words: Words): Data {
  switch (type) {
    case TYPE.A:
    case TYPE.AAAA:
      return { kind: "address", address: parseAddress(type, words) };
    case TYPE.NS:
    case TYPE.CNAME:
    case TYPE.PTR:
      return { kind: "name", target: words.name("the target") };
    case TYPE.MX:
      return {
        kind: "exchange",
        preference: words.integer("the preference", U16),
        target: words.name("the exchange"),
      };
    case TYPE.SRV:
      return {
        kind: "service",
        priority: words.integer("the priority", U16),
        weight: words.integer("the weight", U16),
        port: words.integer("the port", U16),
        target: words.name("the target"),
      };
    case TYPE.TXT:
      return { kind: "text", strings: parseStrings(words) };
    case TYPE.HINFO:
      return { kind: "text", strings: [words.string("the CPU"), words.string("the OS")] };
    case TYPE.SOA:
      return parseAuthority(words);
    default:
      return { kind: "raw", bytes: parseLayout(FIELDS.get(type), words) };
  }
}

function parseAddress(type: number, words: Words): string {
  const { text } = words.take("the address");
  const bytes = addressBytes(text);
  const length = type === TYPE.A ? 4 : 16;
  if (bytes?.length === length) return readAddress(Buffer.from(bytes, "latin1"), 0, length);
  words.fail(`"${text.slice(0, 80)}" is no ${type === TYPE.A ? "IPv4" : "IPv6"} address`);
  return "";
}

function parseStrings(words: Words): Bytes[] {
  const strings = [words.string("the text")];
  let bytes = 1 + (strings[0]?.length ?? 0);
  while (words.left > 0 && words.fault === undefined) {
    const string = words.string("a string of the text");
    strings.push(string);
    bytes += 1 + string.length;
  }
  if (bytes > U16) words.fail(`the text takes more than ${U16} bytes`);
  return strings;
}

function parseAuthority(words: Words): Data {
  return {
    kind: "authority",
    primary: words.name("the primary server"),
    mailbox: words.name("the mailbox"),
    serial: words.integer("the serial", U32),
    refreshS: words.timeS("refresh"),
    retryS: words.timeS("retry"),
    expireS: words.timeS("expire"),
    minimumS: words.timeS("minimum"),
  };
}

function parseLayout(fields: string | undefined, words: Words): Bytes {
  if (fields === undefined) {
    words.fail("data of this type must be written in the form \\# length hex (RFC 3597)");
    return "";
  }
  let bytes = "";
  for (const field of fields) bytes += parseField(field, words);
  if (bytes.length > U16) words.fail(`the data take more than ${U16} bytes`);
  return bytes;
}

function parseField(field: string, words: Words): Bytes {
  switch (field) {
    case "1":
      return String.fromCharCode(words.integer("a number", U8));
    case "2":
      return two(words.integer("a number", U16));
    case "n":
      // Names in data of newer types are never compressed (RFC 3597 §4).
      return nameOnWire(words.name("a name"));
    case "s":
      return counted(words.string("a string"));
    case "S":
      return parseStrings(words).map(counted).join("");
    case "t":
      return words.string("the value", U16);
    case "x":
      return words.hex("the value");
    case "p":
      return parseParameters(words);
    default:
      return words.base64("the value");
  }
}

/** `\# length hex`, which types that we know may have, too (RFC 3597 §5). */
function parseUnknown(type: number, words: Words): Data {
  words.take("\\#");
  const length = words.integer("the length", U16);
  const bytes = length === 0 && words.left === 0 ? "" : words.hex("the data");
  if (bytes.length !== length) words.fail(`the data have ${bytes.length} bytes, not ${length}`);
  const packet = Buffer.from(bytes, "latin1");
  const data = readData(openCursor(packet), packet.length, type, CLASS.IN);
  if (data === undefined) words.fail("the bytes are no data of this type");
  return data ?? { kind: "raw", bytes };
}
