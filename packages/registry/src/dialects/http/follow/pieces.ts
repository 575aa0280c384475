/** Commits as streams send them: what is new for many streams is encoded once, and goes to each in one write. */
import type { Commit, Revision } from "../../../core/index.ts";

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

/** Kinds of streams whose pieces are kept, of the same commits. */
const KINDS_MAX = 16;

/** By the kind of stream; kept as long as the array of commits. */
const piecesOf = new WeakMap<readonly Commit[], Map<string, Piece>>();

/** Encodes the first of these commits, one at least: once for all streams of the same kind, which is undefined for none. */
export function encodePiece(
  commits: readonly Commit[],
  kind: string | undefined,
  render: (commit: Commit) => string,
): Piece {
  if (kind === undefined) return toPiece(commits, render);
  let pieces = piecesOf.get(commits);
  if (pieces === undefined) {
    pieces = new Map();
    piecesOf.set(commits, pieces);
  }
  const known = pieces.get(kind);
  if (known !== undefined) return known;
  const piece = toPiece(commits, render);
  if (pieces.size < KINDS_MAX) pieces.set(kind, piece);
  return piece;
}

function toPiece(commits: readonly Commit[], render: (commit: Commit) => string): Piece {
  let text = "";
  let count = 0;
  let last = 0;
  for (const commit of commits) {
    text += render(commit);
    count++;
    last = commit.revision;
    if (text.length >= PIECE_BYTES_MAX) break;
  }
  return { bytes: Buffer.from(text), count, last };
}
