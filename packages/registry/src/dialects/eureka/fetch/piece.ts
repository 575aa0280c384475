/** An answer and the pieces it is put together from, each encoded once and compressed once. */
import { FRAMES, openApplications } from "../wire/bodies.ts";
import type { Format } from "../wire/messages.ts";
import { type Deflated, deflateFragment, joinGzip } from "./gzip.ts";

/** The form an answer is asked for in. */
export interface Form {
  readonly format: Format;
  readonly gzip: boolean;
}

/** A text that does not change any more. */
export class Piece {
  readonly #encode: (format: Format) => string;
  readonly #plain: { json?: Buffer; xml?: Buffer } = {};
  readonly #deflated: { json?: Deflated; xml?: Deflated } = {};
  /** Bytes kept here. */
  bytes = 0;

  constructor(encode: (format: Format) => string) {
    this.#encode = encode;
  }

  plain(format: Format): Buffer {
    const known = this.#plain[format];
    if (known !== undefined) return known;
    const made = Buffer.from(this.#encode(format), "utf8");
    this.#plain[format] = made;
    this.bytes += made.length;
    return made;
  }

  deflated(format: Format): Deflated {
    const known = this.#deflated[format];
    if (known !== undefined) return known;
    // Most clients ask for one form only: the text is not kept for those who never will.
    const made = deflateFragment(this.#plain[format] ?? this.#encode(format));
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
  return Buffer.concat(pieces.map((piece) => piece.plain(format)));
}
