/** Texts of the catalog as labels of names. A text may hold anything; most are labels as they are. */
import { type Bytes, toBytes } from "../../../core/index.ts";
import { LABEL_BYTES_MAX, lowerLabel } from "../wire/name.ts";

const PLAIN = /^[a-z0-9_-]{1,63}$/;

/** Whether the text is a label as it stands: nothing else can then be its label. */
export function isLabel(text: string): boolean {
  return PLAIN.test(text);
}

/** The label by which a text is named: lower case, every run of other characters than [a-z0-9_-] one "-", cut to 63. */
export function toLabel(text: string): Bytes {
  return PLAIN.test(text) ? text : squeeze(text).slice(0, LABEL_BYTES_MAX);
}

/** Whether `toLabel` cuts the text, so that others may begin like it. */
export function isShortened(text: string): boolean {
  return !PLAIN.test(text) && squeeze(text).length > LABEL_BYTES_MAX;
}

/** Labels of every zone's own: an account of such a name would hide what stands there, as targets of SRV records do. */
const TAKEN: ReadonlySet<Bytes> = new Set(["addr", "ns"]);

/** Whether a zone says by itself what stands at this label (in lower case) and below. */
export function isTaken(label: Bytes): boolean {
  return TAKEN.has(label);
}

function squeeze(text: string): string {
  return text.replace(/[A-Z]+/g, (run) => run.toLowerCase()).replace(/[^a-z0-9_-]+/g, "-");
}

/** The text itself as a label is compared: its UTF-8 bytes in the lower case of DNS (RFC 4343). May be no legal label. */
export function toExactLabel(text: string): Bytes {
  return PLAIN.test(text) ? text : lowerLabel(toBytes(text));
}

/** How a label (in lower case) names a text: 2 as it is, 1 by its `toLabel`, 0 not at all. */
export function matchLabel(text: string, label: Bytes): 0 | 1 | 2 {
  if (text === label) return 2;
  if (PLAIN.test(text)) return 0;
  if (toExactLabel(text) === label) return 2;
  return toLabel(text) === label ? 1 : 0;
}

/** A label that may stand in the name of a host, as resolvers check them; "_" is let pass by all of them. */
export function isHostLabel(label: Bytes): boolean {
  return /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label);
}
