/** Commits as streams send them: what is new for many streams is encoded once, and goes to each in one write. */
import type { Commit, Revision } from "../../core/index.ts";

/** A piece ends when it is as long as this: a stream takes the next when its turn comes again. */
const PIECE_BYTES_MAX = 256 * 1024;

export interface Piece {
  /** Empty when the commits hold nothing for this stream. */
  readonly bytes: Buffer;
  /** How many of the commits are in it. */
  readonly count: number;
  /** The last of them. */
  readonly last: Revision;
}

/** How streams have commits. */
export interface Rendering<P extends { readonly length: number }> {
  /** Undefined when it holds nothing for this stream. */
  render(commit: Commit): P | undefined;
  /** One part at least; `last` is the position after them. */
  join(parts: readonly P[], last: Revision): Buffer;
}

/** Kinds of streams whose pieces are kept, of the same commits. */
const KINDS_MAX = 16;

/** By the kind of stream; kept as long as the array of commits. */
const piecesOf = new WeakMap<readonly Commit[], Map<string, Piece>>();

/** Encodes the first of these commits, one at least: once for all streams of the same kind, which is undefined for none. */
export function encodePiece<P extends { readonly length: number }>(
  commits: readonly Commit[],
  kind: string | undefined,
  rendering: Rendering<P>,
): Piece {
  if (kind === undefined) return toPiece(commits, rendering);
  let pieces = piecesOf.get(commits);
  if (pieces === undefined) {
    pieces = new Map();
    piecesOf.set(commits, pieces);
  }
  const known = pieces.get(kind);
  if (known !== undefined) return known;
  const piece = toPiece(commits, rendering);
  if (pieces.size < KINDS_MAX) pieces.set(kind, piece);
  return piece;
}

const NONE = Buffer.alloc(0);

function toPiece<P extends { readonly length: number }>(
  commits: readonly Commit[],
  { render, join }: Rendering<P>,
): Piece {
  const parts: P[] = [];
  let length = 0;
  let count = 0;
  let last = 0;
  for (const commit of commits) {
    const part = render(commit);
    if (part !== undefined) parts.push(part);
    length += part?.length ?? 0;
    count++;
    last = commit.revision;
    if (length >= PIECE_BYTES_MAX) break;
  }
  return { bytes: parts.length === 0 ? NONE : join(parts, last), count, last };
}
