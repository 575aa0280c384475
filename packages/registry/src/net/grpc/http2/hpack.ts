/** Blocks of header fields as HTTP/2 sends them: RFC 7541. Ours are written without a table, so they are always the same. */
import { unpackText } from "./huffman.ts";

/** Appendix A: name, and value where there is one, separated by a blank. */
const STATIC = (
  ":authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204|" +
  ":status 206|:status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|" +
  "accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|" +
  "content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|" +
  "cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|" +
  "last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|" +
  "server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate"
)
  .split("|")
  .map((entry): Field => {
    const blank = entry.indexOf(" ");
    return blank < 0 ? [entry, ""] : [entry.slice(0, blank), entry.slice(blank + 1)];
  });

type Field = readonly [name: string, value: string];

/** What an entry counts besides its texts. */
const ENTRY_BYTES = 32;
/** Of the table of fields that were sent before: the size that holds where nobody says another one. */
const TABLE_BYTES_MAX = 4096;
/** Blocks that are known by their bytes. */
const KNOWN_MAX = 64;
const KNOWN_BYTES_MAX = 512;
const INTEGER_BITS_MAX = 28;

/** The fields of a request by their names, those of pseudo-headers too. */
export type Headers = Readonly<Record<string, string>>;

/** `table`: bytes that are no block; the connection cannot go on, as nobody knows what its table holds. */
export class HpackError extends Error {}

const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no value may have.
const NO_VALUE = /[\x00\r\n]/;

/** Reads the blocks of one connection, in their order. */
export class HeaderReader {
  readonly #listBytesMax: number;
  /** The latest first. */
  #table: Field[] = [];
  #tableBytes = 0;
  #tableBytesMax = TABLE_BYTES_MAX;
  /** Clients say the same again and again: blocks that left the table as it was, since it last changed. */
  readonly #known = new Map<string, Headers | undefined>();
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(listBytesMax: number) {
    this.#listBytesMax = listBytesMax;
  }

  /**
   * Undefined where the fields are too many, or such that no request has them. Throws an `HpackError` where they cannot be
   * read.
   */
  read(block: Buffer): Headers | undefined {
    const isShort = block.length <= KNOWN_BYTES_MAX;
    const name = isShort ? block.toString("latin1", 0, block.length) : "";
    if (isShort && this.#known.has(name)) return this.#known.get(name);
    this.#bytes = block;
    this.#at = 0;
    const [headers, changed] = this.#readFields();
    if (changed) this.#known.clear();
    else if (isShort && this.#known.size < KNOWN_MAX) this.#known.set(name, headers);
    return headers;
  }

  #readFields(): readonly [headers: Headers | undefined, changed: boolean] {
    const headers: Record<string, string> = Object.create(null) as Record<string, string>;
    let [size, changed, isRight, isPseudo] = [0, false, true, true];
    while (this.#at < this.#bytes.length) {
      const first = this.#bytes[this.#at] as number;
      if ((first & 0xe0) === 0x20) {
        this.#resize(this.#integer(5), size > 0);
        changed = true;
        continue;
      }
      const isIndexed = (first & 0x80) !== 0;
      const isKept = (first & 0xc0) === 0x40;
      const field = isIndexed ? this.#fieldAt(this.#integer(7)) : this.#literal(isKept ? 6 : 4);
      if (isKept) this.#keep(field);
      changed ||= isKept;
      const [name, value] = field;
      size += ENTRY_BYTES + name.length + value.length;
      // The rest is read all the same: it may change the table.
      if (size > this.#listBytesMax) isRight = false;
      const isOwn = name.charCodeAt(0) === 58;
      if ((isOwn && (!isPseudo || headers[name] !== undefined)) || !isLegal(name, value)) isRight = false;
      isPseudo &&= isOwn;
      if (isRight) headers[name] ??= value;
    }
    return [isRight ? headers : undefined, changed];
  }

  #literal(bits: number): Field {
    const index = this.#integer(bits);
    const name = index === 0 ? this.#text() : this.#fieldAt(index)[0];
    return [name, this.#text()];
  }

  #integer(bits: number): number {
    const most = 2 ** bits - 1;
    let value = (this.#bytes[this.#at++] as number) & most;
    if (value < most) return value;
    for (let shift = 0; shift <= INTEGER_BITS_MAX - 7; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new HpackError("an integer that does not end");
  }

  #text(): string {
    const first = this.#bytes[this.#at];
    if (first === undefined) throw new HpackError("a field that is cut off");
    const length = this.#integer(7);
    const [from, to] = [this.#at, this.#at + length];
    if (to > this.#bytes.length) throw new HpackError("a text that is cut off");
    this.#at = to;
    if (first < 128) return this.#bytes.toString("latin1", from, to);
    const text = unpackText(this.#bytes, from, to);
    if (text === undefined) throw new HpackError("a text that is no code");
    return text;
  }

  #fieldAt(index: number): Field {
    const field = index <= STATIC.length ? STATIC[index - 1] : this.#table[index - STATIC.length - 1];
    if (field === undefined) throw new HpackError(`no field ${index}`);
    return field;
  }

  #keep(field: Field): void {
    this.#table.unshift(field);
    this.#tableBytes += ENTRY_BYTES + field[0].length + field[1].length;
    this.#shrink();
  }

  #resize(bytes: number, isLate: boolean): void {
    if (isLate || bytes > TABLE_BYTES_MAX) throw new HpackError("a size that the table may not have");
    this.#tableBytesMax = bytes;
    this.#shrink();
  }

  #shrink(): void {
    while (this.#tableBytes > this.#tableBytesMax) {
      const [name, value] = this.#table.pop() as Field;
      this.#tableBytes -= ENTRY_BYTES + name.length + value.length;
    }
  }
}

/** Of a connection of HTTP/1.1: RFC 9113 §8.2.2. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const PSEUDO: ReadonlySet<string> = new Set([":authority", ":method", ":path", ":scheme"]);

function isLegal(name: string, value: string): boolean {
  if (name.startsWith(":") && !PSEUDO.has(name)) return false;
  if (!NAME.test(name) || NO_VALUE.test(value) || OF_CONNECTION.has(name)) return false;
  return name !== "te" || value === "trailers";
}

/** The table has no room for anything from here on. */
export const NO_TABLE = Buffer.of(0x20);

/** A field that no table keeps. Texts are shorter than 16 kB, one byte a character. */
function writeField(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0), writeText(name), writeText(value)]);
}

function writeText(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  const { length } = bytes;
  if (length < 127) return Buffer.concat([Buffer.of(length), bytes]);
  const rest = length - 127;
  const head = rest < 128 ? [127, rest] : [127, (rest & 127) | 128, rest >> 7];
  return Buffer.concat([Buffer.from(head), bytes]);
}

export function writeFields(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(Object.entries(fields).map(([name, value]) => writeField(name, value)));
}
