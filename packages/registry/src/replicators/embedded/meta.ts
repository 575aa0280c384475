/** The few rows about the store itself: JSON, so that any later version can read them, sealed like all others. */
import { type Outcome, ok, type Position, type Revision, refuse } from "../../core/index.ts";
import { FORMAT, HEAD_BYTES, isIntact, seal } from "../../records/sealed.ts";
import { Damaged } from "./refused.ts";

/**
 * `jump` stands in a restored store only: revisions go on after this one, and history begins there. `ages` comes with the
 * first commits.
 */
export type MetaKey = "identity" | "checkpoint" | "floor" | "jump" | "ages";

type Row = Readonly<Record<string, unknown>>;

export interface Identity {
  readonly program: "rollcall";
  readonly format: number;
  readonly store: string;
  readonly createdAtMs: number;
}

/** How old history is, in time that registries on this store ran: no clock that may be wrong has a part in it. */
export interface Ages {
  /** How long they ran, ms. */
  readonly ranMs: number;
  /** Everything up to this revision was there when they had run so long; oldest first. */
  readonly marks: readonly (readonly [revision: Revision, ranMs: number])[];
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

export function encodeMeta(value: unknown): Buffer {
  return seal(Buffer.concat([Buffer.alloc(HEAD_BYTES), Buffer.from(JSON.stringify(value), "utf8")]));
}

/** The row "checkpoint". */
export function encodePosition({ revision, orderMs, nth }: Position): Buffer {
  return encodeMeta({ revision, atMs: orderMs, nth });
}

export function decodeMeta(bytes: Buffer, key: string): Outcome<Row> {
  if (bytes.length > HEAD_BYTES && (bytes[0] as number) > FORMAT)
    return refuse("unsupported", `it was written by a newer version (format ${bytes[0]}; this one knows ${FORMAT})`);
  if (!isIntact(bytes)) return refuse("invalid", `the row "${key}" about the store does not match its checksum`);
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8", HEAD_BYTES));
    if (typeof value === "object" && value !== null) return ok(value as Row);
  } catch {
    // Refused below.
  }
  return refuse("invalid", `the row "${key}" about the store is not an object`);
}

/** Throws `Damaged` when a row is missing. */
export function toAbout(rows: ReadonlyMap<string, Row>): About {
  const rowOf = (key: MetaKey): Row => {
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

function toAges(row: Row | undefined): Ages {
  if (row === undefined) return { ranMs: 0, marks: [] };
  const marks = Array.isArray(row.marks) ? (row.marks as [Revision, number][]) : [];
  return { ranMs: Math.max(0, wholeNumber(row, "ranMs")), marks };
}

/** The whole number of that name, or -1. */
function wholeNumber(row: Row, name: string): number {
  const found = row[name];
  return typeof found === "number" && Number.isSafeInteger(found) && found >= 0 ? found : -1;
}
