/** A text that is encoded once and compressed once, and the answers that are put together from such pieces. */
import { type Body, PART_BYTES, Shared } from "../../../net/answers/parts.ts";
import { FRAMES, openApplications } from "../wire/bodies.ts";
import type { Format } from "../wire/messages.ts";
import { type Deflated, deflateFragment, GzipJoiner, joinGzip } from "./gzip.ts";

/** The form in which an answer is asked for. */
export interface Form {
  readonly format: Format;
  readonly gzip: boolean;
}

/** A text that does not change any more, in both formats. */
export class Piece {
  readonly #write: (format: Format) => string;
  readonly #encoded: { json?: Buffer; xml?: Buffer } = {};
  readonly #deflated: { json?: Deflated; xml?: Deflated } = {};
  /** Bytes kept here. */
  bytes = 0;
  /** About the bytes of the text. */
  readonly size: number;

  constructor(write: (format: Format) => string, size = 0) {
    this.#write = write;
    this.size = size;
  }

  /** Its bytes in this form; undefined while it is not made. */
  made({ format, gzip }: Form): Buffer | undefined {
    return gzip ? this.#deflated[format]?.deflated : this.#encoded[format];
  }

  forget({ format, gzip }: Form): void {
    this.bytes -= this.made({ format, gzip })?.length ?? 0;
    delete (gzip ? this.#deflated : this.#encoded)[format];
  }

  encoded(format: Format): Buffer {
    const known = this.#encoded[format];
    if (known !== undefined) return known;
    const made = Buffer.from(this.#write(format), "utf8");
    this.#encoded[format] = made;
    this.bytes += made.length;
    return made;
  }

  deflated(format: Format): Deflated {
    const known = this.#deflated[format];
    if (known !== undefined) return known;
    // Most clients ask for one form only: the text is not kept for those who never will.
    const made = deflateFragment(this.#encoded[format] ?? this.#write(format));
    this.#deflated[format] = made;
    this.bytes += made.deflated.length;
    return made;
  }
}

/** Stands between instances, and between applications. */
export const SEPARATOR = new Piece((format) => FRAMES[format].separator);
export const CLOSE_APPLICATION = new Piece((format) => FRAMES[format].closeApplication);
const CLOSE_APPLICATIONS = new Piece((format) => FRAMES[format].closeApplications);
const OPEN_ROOT = new Piece((format) => FRAMES[format].openRoot);
const CLOSE_ROOT = new Piece((format) => FRAMES[format].closeRoot);

/** Text that may be encoded at once; with more to be encoded an answer is made as it is sent. */
const AT_ONCE_BYTES = 1024 * 1024;
/** Of longer texts no piece is kept after it was sent. */
const KEPT_BYTES_MAX = 128 * 1024 * 1024;
/** Answers that are kept are no longer than this. */
export const KEPT_BODY_BYTES_MAX = 16 * 1024 * 1024;
/** And those that are made for one client. */
export const SINGLE_BODY_BYTES_MAX = 1024 * 1024;

/** An answer that is there; or, when it is long or much is to be encoded for it, one that is made as it is sent. */
function bodyOf(form: Form, pieces: readonly Piece[], bytesMax: number): Buffer | Iterable<Buffer> {
  let [missing, bytes, size] = [0, 0, 0];
  for (const piece of pieces) {
    const made = piece.made(form);
    if (made === undefined) missing += piece.size;
    bytes += made?.length ?? piece.size;
    size += piece.size;
  }
  if (missing <= AT_ONCE_BYTES && bytes <= bytesMax) return join(form.format, form.gzip, pieces);
  return stream(form, pieces, size <= KEPT_BYTES_MAX);
}

/** The pieces in parts of a fair size. */
function* stream(form: Form, pieces: readonly Piece[], isKept: boolean): Iterable<Buffer> {
  const joiner = form.gzip ? new GzipJoiner() : undefined;
  let part: Buffer[] = joiner === undefined ? [] : [joiner.start];
  let length = 0;
  for (const piece of pieces) {
    const known = piece.made(form);
    const bytes = joiner === undefined ? piece.encoded(form.format) : joiner.add(piece.deflated(form.format));
    if (known === undefined && !isKept) piece.forget(form);
    part.push(bytes);
    length += bytes.length;
    if (length < PART_BYTES) continue;
    yield Buffer.concat(part);
    part = [];
    length = 0;
  }
  if (joiner !== undefined) part.push(joiner.end());
  yield Buffer.concat(part);
}

/** An answer that lists applications, each in its pieces. */
export function joinApplications(
  { format, gzip }: Form,
  versionsDelta: string,
  hashcode: string,
  applications: Iterable<readonly Piece[]>,
  bytesMax: number,
): Buffer | Iterable<Buffer> {
  const all = [new Piece(() => openApplications(format, versionsDelta, hashcode))];
  for (const pieces of applications) {
    if (all.length > 1) all.push(SEPARATOR);
    for (const piece of pieces) all.push(piece);
  }
  all.push(CLOSE_APPLICATIONS);
  return bodyOf({ format, gzip }, all, bytesMax);
}

/** An answer that is one application. */
export function joinApplication(form: Form, pieces: readonly Piece[]): Buffer | Iterable<Buffer> {
  return bodyOf(form, [OPEN_ROOT, ...pieces, CLOSE_ROOT], SINGLE_BODY_BYTES_MAX);
}

function join(format: Format, gzip: boolean, pieces: readonly Piece[]): Buffer {
  if (gzip) return joinGzip(pieces.map((piece) => piece.deflated(format)));
  return Buffer.concat(pieces.map((piece) => piece.encoded(format)));
}

/** One answer in the forms that were asked for. */
export class Bodies {
  readonly #bodies = new Map<string, Shared>();

  /** Bytes kept here. */
  get bytes(): number {
    let sum = 0;
    for (const { whole } of this.#bodies.values()) sum += whole.length;
    return sum;
  }

  get(form: Form, join: () => Buffer | Iterable<Buffer>): Body {
    const key = `${form.format} ${form.gzip}`;
    const known = this.#bodies.get(key);
    if (known !== undefined) return known;
    const made = join();
    if (!Buffer.isBuffer(made)) return made;
    const body = new Shared(made);
    this.#bodies.set(key, body);
    return body;
  }

  clear(): void {
    this.#bodies.clear();
  }
}
