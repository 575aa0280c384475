/** The few rows about the store itself. */
import type { Position, Revision } from "../../core/index.ts";
import { type Ages, toAges } from "../../records/ageing.ts";
import { encodeMeta, type Meta, wholeNumber } from "../../records/meta.ts";
import { Damaged } from "./refused.ts";

/**
 * `jump` stands in a restored store only: revisions go on after this one, and history begins there. `ages` comes with the
 * first commits.
 */
export type MetaKey = "identity" | "checkpoint" | "floor" | "jump" | "ages";

export interface Identity {
  readonly program: "rollcall";
  readonly format: number;
  readonly store: string;
  readonly createdAtMs: number;
}

/** What a store says of itself. */
export interface About {
  /** Of the program that used it last. */
  readonly format: number;
  readonly store: string;
  readonly createdAtMs: number;
  /** Everything up to here is in the state rows. */
  readonly marker: Position;
  /** History up to here is gone. */
  readonly floor: Revision;
  readonly jump: Revision;
  readonly ages: Ages;
}

/** The row "checkpoint". */
export function encodePosition({ revision, orderMs, nth }: Position): Buffer {
  return encodeMeta({ revision, atMs: orderMs, nth });
}

export function floorRow(revision: Revision): readonly ["floor", Buffer] {
  return ["floor", encodeMeta({ revision })];
}

/** Throws `Damaged` when a row is missing. */
export function toAbout(rows: ReadonlyMap<string, Meta>): About {
  const rowOf = (key: MetaKey): Meta => {
    const row = rows.get(key);
    if (row === undefined) throw new Damaged(`the row "${key}" about the store is missing`);
    return row;
  };
  const identity = rowOf("identity");
  const checkpoint = rowOf("checkpoint");
  const jump = rows.has("jump") ? wholeNumber(rowOf("jump"), "revision") : 0;
  return {
    format: wholeNumber(identity, "format"),
    store: String(identity.store),
    createdAtMs: wholeNumber(identity, "createdAtMs"),
    marker: {
      revision: wholeNumber(checkpoint, "revision"),
      orderMs: wholeNumber(checkpoint, "atMs"),
      nth: wholeNumber(checkpoint, "nth"),
    },
    floor: Math.max(wholeNumber(rowOf("floor"), "revision"), jump),
    jump,
    ages: toAges(rows.get("ages")),
  };
}
