/**
 * Positions in the order of the registry, as clients keep them: `<revision>~<mark>`, or `<revision>-<index>~<mark>` within
 * a commit. The mark tells the order that it counts in: another registry, or this one begun anew, has another. Clients of
 * before, and those that make a position of a revision, leave it out.
 */
import type { Revision } from "../../core/index.ts";

/** What is behind the revision, `~` and all. */
export type Mark = string;

const MARK_LENGTH = 12;

/** Of the name of an order. */
export function toMark(line: string): Mark {
  return `~${line.replace(/[^A-Za-z0-9]/g, "").slice(0, MARK_LENGTH)}`;
}

export function encodePosition(revision: Revision, mark: Mark): string {
  return `${revision}${mark}`;
}

/** The revision of a position of another order, which says nothing in this one. Below all others. */
export const ELSEWHERE: Revision = -1;

export interface Position {
  readonly revision: Revision;
  /** Of the last change seen of that commit; undefined for all of them. */
  readonly index: number | undefined;
}

const POSITION = /^([0-9]{1,16})(?:-([0-9]{1,9}))?(~[A-Za-z0-9]{1,32})?$/;

/** Undefined for a text that is none. */
export function decodePosition(text: string, mark: Mark): Position | undefined {
  const match = POSITION.exec(text);
  const revision = Number(match?.[1]);
  if (match === null || !Number.isSafeInteger(revision)) return undefined;
  const index = match[2] === undefined ? undefined : Number(match[2]);
  return { revision: match[3] === undefined || match[3] === mark ? revision : ELSEWHERE, index };
}
