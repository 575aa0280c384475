/** When instances that a registry does not know any more are kept for a while: it is likelier wrong than all of them. */
import type { InstanceBody } from "../shapes.ts";

export interface HoldOptions {
  /** Fewer that go within 15 s are never held: 10 when left out. */
  readonly goneMin?: number;
  /** More than this share of the service, 0 to 1, must be gone: 0.5 when left out. */
  readonly shareMin?: number;
  /** How long they are held at most: 600 000 when left out. */
  readonly holdMs?: number;
}

/** What goes within this time belongs together. */
export const WINDOW_MS = 15_000;

export interface Loss {
  /** What was found until now, and what went lately. */
  readonly known: readonly InstanceBody[];
  /** What the registry says now. */
  readonly found: readonly InstanceBody[];
  /** Those among the known that are held already, each with when that ends. */
  readonly held: ReadonlyMap<string, number>;
  /** The registry's revision went back: it was emptied, restored, or is another one. */
  readonly forgot: boolean;
}

/** The known instances that are not found, but for those that others took the place of or that the registry let go. */
export function findGone({ known, found, held, forgot }: Loss): readonly InstanceBody[] {
  const ids = new Set(found.map(({ id }) => id));
  const places = new Set(found.map(placeOf));
  return known.filter(
    (one) =>
      !ids.has(one.id) &&
      (one.port === 0 || !places.has(placeOf(one))) &&
      (one.held === null || held.has(one.id) || forgot),
  );
}

function placeOf({ address, port }: InstanceBody): string {
  return `${address}:${port}`;
}

/** Why so many that are gone are held; undefined when they are not. */
export function judgeLoss(gone: number, { found, forgot }: Loss, options: HoldOptions): string | undefined {
  const { goneMin = 10, shareMin = 0.5 } = options;
  const all = gone + found.length;
  if (forgot) return `the registry forgot ${gone} of ${all} instances: its revision went back`;
  if (gone < goneMin || !(gone > shareMin * all || found.length === 0)) return undefined;
  return `the registry lost ${gone} of ${all} instances within ${WINDOW_MS / 1000} s, and says of none that it was deregistered`;
}
