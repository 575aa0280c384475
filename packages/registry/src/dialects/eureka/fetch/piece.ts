/** A text that is encoded once and compressed once, and the answers that are put together from such pieces. */
import { FRAMES, openApplications } from "../wire/bodies.ts";
import type { Format } from "../wire/messages.ts";
import { type Deflated, deflateFragment, joinGzip } from "./gzip.ts";

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

  constructor(write: (format: Format) => string) {
    this.#write = write;
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

/** An answer that lists applications, each in its pieces. */
export function joinApplications(
  { format, gzip }: Form,
  versionsDelta: string,
  hashcode: string,
  applications: Iterable<readonly Piece[]>,
): Buffer {
  const all = [new Piece(() => openApplications(format, versionsDelta, hashcode))];
  for (const pieces of applications) {
    if (all.length > 1) all.push(SEPARATOR);
    for (const piece of pieces) all.push(piece);
  }
  all.push(CLOSE_APPLICATIONS);
  return join(format, gzip, all);
}

/** An answer that is one application. */
export function joinApplication({ format, gzip }: Form, pieces: readonly Piece[]): Buffer {
  return join(format, gzip, [OPEN_ROOT, ...pieces, CLOSE_ROOT]);
}

function join(format: Format, gzip: boolean, pieces: readonly Piece[]): Buffer {
  if (gzip) return joinGzip(pieces.map((piece) => piece.deflated(format)));
  return Buffer.concat(pieces.map((piece) => piece.encoded(format)));
}

/** One answer in the forms that were asked for. */
export class Bodies {
  readonly #bodies = new Map<string, Buffer>();

  /** Bytes kept here. */
  get bytes(): number {
    let sum = 0;
    for (const { length } of this.#bodies.values()) sum += length;
    return sum;
  }

  get(form: Form, join: () => Buffer): Buffer {
    const key = `${form.format} ${form.gzip}`;
    let body = this.#bodies.get(key);
    if (body === undefined) {
      body = join();
      this.#bodies.set(key, body);
    }
    return body;
  }

  clear(): void {
    this.#bodies.clear();
  }
}
