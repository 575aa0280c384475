/** Texts of the catalog as labels of names. A text may hold anything; most texts are labels as they stand. */
import { type Bytes, toBytes } from "../../../core/index.ts";
import { LABEL_BYTES_MAX, lowerLabel } from "../wire/name.ts";

const LABEL = /^[a-z0-9_-]{1,63}$/;

/** Whether the text is a label as it stands, and so its only label. */
export function isLabel(text: string): boolean {
  return LABEL.test(text);
}

/** The label of a text: in lower case, each run of characters other than [a-z0-9_-] as one "-", at most 63 bytes. */
export function toLabel(text: string): Bytes {
  return LABEL.test(text) ? text : squeeze(text).slice(0, LABEL_BYTES_MAX);
}

/** Whether `toLabel` shortens the text, so that other texts may have the same label. */
export function isShortened(text: string): boolean {
  return !LABEL.test(text) && squeeze(text).length > LABEL_BYTES_MAX;
}

/** Labels that every zone has: an account of such a name would hide names that SRV records point at. */
const TAKEN: ReadonlySet<Bytes> = new Set(["addr", "ns"]);

/** Whether every zone has names of its own at this label (in lower case) and below. */
export function isTaken(label: Bytes): boolean {
  return TAKEN.has(label);
}

function squeeze(text: string): string {
  return text.replace(/[A-Z]+/g, (run) => run.toLowerCase()).replace(/[^a-z0-9_-]+/g, "-");
}

/** The text's UTF-8 bytes in lower case (RFC 4343), as labels compare; they may be too long for a label. */
export function toExactLabel(text: string): Bytes {
  return LABEL.test(text) ? text : lowerLabel(toBytes(text));
}

/** How a label (in lower case) names a text: 2 as it is, 1 by its `toLabel`, 0 not at all. */
export function matchLabel(text: string, label: Bytes): 0 | 1 | 2 {
  if (text === label) return 2;
  if (LABEL.test(text)) return 0;
  if (toExactLabel(text) === label) return 2;
  return toLabel(text) === label ? 1 : 0;
}

/** Whether resolvers take the label in the name of a host; all of them let "_" pass. */
export function isHostLabel(label: Bytes): boolean {
  return /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label);
}
