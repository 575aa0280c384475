/** Qualifiers: labels left of a service that tell which of its instances are meant. */
import type { Bytes, InstanceRecord } from "../../core/index.ts";
import { matchLabel, toExactLabel } from "./translate-label.ts";

/** What a keyword says that the labels left of it are. */
export type Field = "tag" | "zone" | "version" | "id";

const KEYWORDS: ReadonlySet<string> = new Set<Field>(["tag", "zone", "version", "id"]);

/** More than this is no name that anybody writes. */
export const QUALIFIERS_MAX = 32;

/** The instances; or that there is nothing here but names below (RFC 8020); or not even that. */
export type Narrowed = readonly InstanceRecord[] | "bare" | "none";

/** What an instance says in a field. */
export function valuesOf(record: InstanceRecord, field: Field): readonly string[] {
  switch (field) {
    case "tag":
      return record.tags;
    case "zone":
      return record.zone === "" ? [] : [record.zone];
    case "version":
      return record.version === "" ? [] : [record.version];
    case "id":
      return [record.id];
  }
}

/**
 * Of these instances the ones that all qualifiers are true of. `labels` stand left to right, in lower case. A keyword
 * with something to its left takes one label, or as many as the longest value there is that has dots; any other label
 * is a tag.
 */
export function narrow(records: readonly InstanceRecord[], labels: readonly Bytes[]): Narrowed {
  if (labels.length > QUALIFIERS_MAX) return "none";
  let left: readonly InstanceRecord[] = records;
  for (let end = labels.length; end > 0; ) {
    const label = labels[end - 1] as Bytes;
    const field = KEYWORDS.has(label) ? (label as Field) : undefined;
    if (field === undefined || end === 1) {
      const found = pickMatching(records, left, "tag", label);
      if (found.length === 0) {
        const isAbove = field !== undefined && left.some((record) => valuesOf(record, field).length > 0);
        return isAbove ? "bare" : "none";
      }
      left = found;
      end--;
      continue;
    }
    const count = countDotted(records, field, labels, end - 1);
    const found =
      count > 1
        ? left.filter((record) => hasDotted(record, field, labels.slice(end - 1 - count, end - 1).join(".")))
        : pickMatching(records, left, field, labels[end - 2] as Bytes);
    if (found.length === 0) return endsValue(left, field, labels.slice(0, end - 1)) ? "bare" : "none";
    left = found;
    end -= 1 + Math.max(1, count);
  }
  return left;
}

/**
 * Those of `left` with a value that the label names. Where one of all the instances has a value that is written like
 * the label, values that only look like it do not count.
 */
function pickMatching(
  all: readonly InstanceRecord[],
  left: readonly InstanceRecord[],
  field: Field,
  label: Bytes,
): readonly InstanceRecord[] {
  const least = all.some((record) => matches(record, field, label, 2)) ? 2 : 1;
  return left.filter((record) => matches(record, field, label, least));
}

function matches(record: InstanceRecord, field: Field, label: Bytes, least: 1 | 2): boolean {
  for (const value of valuesOf(record, field)) if (matchLabel(value, label) >= least) return true;
  return false;
}

/** The instances that a label names by their ids. */
export function withId(records: readonly InstanceRecord[], label: Bytes): readonly InstanceRecord[] {
  return pickMatching(records, records, "id", label);
}

/** The instances that a label names by a tag. */
export function withTag(records: readonly InstanceRecord[], label: Bytes): readonly InstanceRecord[] {
  return pickMatching(records, records, "tag", label);
}

/** How many labels that end before `end` are the longest value with dots; 0 when none is. */
function countDotted(records: readonly InstanceRecord[], field: Field, labels: readonly Bytes[], end: number): number {
  if (end < 2) return 0;
  let longest = 0;
  for (const record of records) {
    for (const value of valuesOf(record, field)) {
      const dots = value.split(".").length;
      if (dots <= longest || dots < 2 || dots > end) continue;
      if (toExactLabel(value) === labels.slice(end - dots, end).join(".")) longest = dots;
    }
  }
  return longest;
}

function hasDotted(record: InstanceRecord, field: Field, joined: string): boolean {
  return valuesOf(record, field).some((value) => toExactLabel(value) === joined);
}

/** Whether the labels are the end of a value with dots: the name of all its labels is below them. */
function endsValue(records: readonly InstanceRecord[], field: Field, labels: readonly Bytes[]): boolean {
  const end = `.${labels.join(".")}`;
  return records.some((record) => valuesOf(record, field).some((value) => toExactLabel(value).endsWith(end)));
}
