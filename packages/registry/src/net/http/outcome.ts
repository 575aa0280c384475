/**
 * What reading from the outside gives. The same shape as the core's `Outcome`, so that a dialect can hand it on;
 * written here once more because listeners know nothing of the core.
 */
export interface Unread {
  readonly ok: false;
  readonly refusal: "invalid" | "too-large" | "unavailable";
  readonly detail: string;
}

export type Read<T> = { readonly ok: true; readonly value: T } | Unread;

export function read<T>(value: T): Read<T> {
  return { ok: true, value };
}

export function unread(refusal: Unread["refusal"], detail: string): Unread {
  return { ok: false, refusal, detail };
}
