/** What a service says that the catalog has no field for: kept as one note in its meta. */
import type { InstanceRecord } from "../../../core/index.ts";
import { META } from "./place.ts";

/** What a check says besides its result. */
export interface CheckExtras {
  readonly notes?: string;
  /** `ttl`, `http` …; empty for one that a client reports without time. */
  readonly type: string;
  /** So long after it turned critical its service goes, in ms. */
  readonly deregisterAfterMs?: number;
  /** As it was asked for, for what is shown again. */
  readonly definition?: Readonly<Record<string, unknown>>;
}

export interface Tagged {
  readonly Address: string;
  readonly Port: number;
}

export interface Extras {
  /** The client said no address: it has that of its node. */
  readonly noAddress?: true;
  readonly weights?: { readonly Passing: number; readonly Warning: number };
  readonly enableTagOverride?: true;
  readonly taggedAddresses?: Readonly<Record<string, Tagged>>;
  readonly kind?: string;
  readonly socketPath?: string;
  readonly proxy?: unknown;
  readonly connect?: unknown;
  readonly checks?: Readonly<Record<string, CheckExtras>>;
}

const NONE: Extras = {};

/** Other protocols may write into the note: what is none counts as none. */
export function extrasOf({ meta }: Pick<InstanceRecord, "meta">): Extras {
  const note = meta[META.extras];
  if (note === undefined) return NONE;
  try {
    const extras: unknown = JSON.parse(note);
    return typeof extras === "object" && extras !== null ? (extras as Extras) : NONE;
  } catch {
    return NONE;
  }
}

export function encodeExtras(extras: Extras): string | undefined {
  const text = JSON.stringify(extras);
  return text === "{}" ? undefined : text;
}
