/** Success or failure as a value: the one shape for it in all of Rollcall. The leaf under everything else. */

/** Why something was refused. Every dialect has a word of its own for each. */
export type Refusal =
  | "invalid"
  | "too-large"
  | "limit"
  | "forbidden"
  | "not-found"
  | "exists"
  | "conflict"
  | "compacted"
  | "unsupported"
  /** Nothing was done. */
  | "unavailable"
  /** It may have been done, or may still be. */
  | "unknown";

export interface Refused {
  readonly ok: false;
  readonly refusal: Refusal;
  /** A sentence for people; dialects that must use fixed texts do not show it. */
  readonly detail: string;
  /** Which step of a transaction was refused: its place among those that ran, and within it, when that is one itself. */
  readonly step?: readonly number[];
}

/** A value, or what `E` says of the failure: a refusal, unless a place needs other words for it. */
export type Outcome<T, E = Refused> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & E);

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function refuse(refusal: Refusal, detail: string): Refused {
  return { ok: false, refusal, detail };
}
