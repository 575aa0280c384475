/** Commits as server-sent events. */
import type { Commit } from "../../../core/index.ts";
import { encodePiece as encode, type Piece } from "../../../native/follow/pieces.ts";

/** Encodes the first of these commits, one at least: once for all streams of the same kind, which is undefined for none. */
export function encodePiece(
  commits: readonly Commit[],
  kind: string | undefined,
  render: (commit: Commit) => string,
): Piece {
  return encode(commits, kind, {
    render: (commit) => render(commit) || undefined,
    join: (parts) => Buffer.from(parts.join("")),
  });
}
