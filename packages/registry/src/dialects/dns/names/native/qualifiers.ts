/** Qualifiers: labels left of a service that tell which of its instances are meant. */
import type { Bytes, InstanceRecord } from "../../../../core/index.ts";
import { toExactLabel, toLabel } from "../../labels/text.ts";

/** What a keyword says that the labels left of it are. */
export type Field = "tag" | "zone" | "version" | "id";

const KEYWORDS: ReadonlySet<string> = new Set<Field>(["tag", "zone", "version", "id"]);

/** More than this is no name that anybody writes. */
export const QUALIFIERS_MAX = 32;

/** The instances; or that there is nothing here but names below (RFC 8020); or not even that. */
type Narrowed = readonly InstanceRecord[] | "bare" | "none";

/** What an instance says in a field. */
function valuesOf(record: InstanceRecord, field: Field): readonly string[] {
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

const NOBODY: readonly InstanceRecord[] = [];

/** Instances by what they say in one field. */
class Table {
  /** By whole values in lower case, dots and all. */
  readonly exact = new Map<Bytes, InstanceRecord[]>();
  /** By `toLabel`, of values that are not written like it. */
  readonly loose = new Map<Bytes, InstanceRecord[]>();
  /** What stands behind a dot in a value, up to its end: a name above that of the value. */
  readonly ends = new Set<Bytes>();
  /** The most labels that a value takes. */
  labelsMax = 0;

  constructor(records: readonly InstanceRecord[], field: Field) {
    for (const record of records) for (const value of valuesOf(record, field)) this.#add(record, value);
  }

  #add(record: InstanceRecord, value: string): void {
    const whole = toExactLabel(value);
    addTo(this.exact, whole, record);
    const label = toLabel(value);
    if (label !== whole) addTo(this.loose, label, record);
    let labels = 1;
    for (let dot = whole.indexOf("."); dot >= 0; dot = whole.indexOf(".", dot + 1)) {
      if (labels < QUALIFIERS_MAX) this.ends.add(whole.slice(dot + 1));
      labels++;
    }
    this.labelsMax = Math.max(this.labelsMax, Math.min(labels, QUALIFIERS_MAX));
  }
}

/** Two tags of one instance may be one label: it is there once. */
function addTo(places: Map<Bytes, InstanceRecord[]>, key: Bytes, record: InstanceRecord): void {
  const there = places.get(key);
  if (there === undefined) places.set(key, [record]);
  else if (there.at(-1) !== record) there.push(record);
}

/** Instances, and tables of them that are made when they are first needed. */
export class Roster {
  readonly records: readonly InstanceRecord[];
  readonly #tables = new Map<Field, Table>();

  constructor(records: readonly InstanceRecord[]) {
    this.records = records;
  }

  #table(field: Field): Table {
    let table = this.#tables.get(field);
    if (table === undefined) {
      table = new Table(this.records, field);
      this.#tables.set(field, table);
    }
    return table;
  }

  /**
   * Those with a value that the label names. Where one has a value that is written like the label, values that only
   * look like it do not count.
   */
  matching(field: Field, label: Bytes): readonly InstanceRecord[] {
    const { exact, loose } = this.#table(field);
    return exact.get(label) ?? loose.get(label) ?? NOBODY;
  }

  /** How many have a value that is written like the label, and how many one that only looks like it. */
  claims(field: Field, label: Bytes): { readonly exact: number; readonly loose: number } {
    const { exact, loose } = this.#table(field);
    return { exact: exact.get(label)?.length ?? 0, loose: loose.get(label)?.length ?? 0 };
  }

  /** The labels of a field's values, sorted, each with the instances that it names. */
  byLabel(field: Field): readonly (readonly [Bytes, readonly InstanceRecord[]])[] {
    const { exact, loose } = this.#table(field);
    const labels = new Set(loose.keys());
    for (const label of exact.keys()) if (toLabel(label) === label) labels.add(label);
    labels.delete("");
    return [...labels].sort().map((label) => [label, this.matching(field, label)]);
  }

  /** The same by values with dots, as they are. */
  byDotted(field: Field): readonly (readonly [Bytes, readonly InstanceRecord[]])[] {
    const dotted = [...this.#table(field).exact].filter(([value]) => value.includes("."));
    return dotted.sort(([one], [other]) => (one < other ? -1 : 1));
  }

  /** How many labels that end before `end` are the longest value with dots; 0 when none is. */
  countDotted(field: Field, labels: readonly Bytes[], end: number): number {
    const { exact, labelsMax } = this.#table(field);
    for (let count = Math.min(end, labelsMax); count > 1; count--)
      if (exact.has(labels.slice(end - count, end).join("."))) return count;
    return 0;
  }

  /** Whether the labels are the end of a value with dots. */
  isEnd(field: Field, labels: readonly Bytes[]): boolean {
    return this.#table(field).ends.has(labels.join("."));
  }
}

/**
 * Of these instances the ones that all qualifiers are true of. `labels` stand left to right, in lower case. A keyword
 * with something to its left takes one label, or as many as the longest value there is that has dots; any other label
 * is a tag.
 */
export function narrow(roster: Roster, labels: readonly Bytes[]): Narrowed {
  if (labels.length > QUALIFIERS_MAX) return "none";
  let left: readonly InstanceRecord[] | undefined;
  for (let end = labels.length; end > 0; ) {
    const label = labels[end - 1] as Bytes;
    const field = KEYWORDS.has(label) ? (label as Field) : undefined;
    if (field === undefined || end === 1) {
      const before = left ?? roster.records;
      left = both(left, roster.matching("tag", label));
      if (left.length === 0) {
        const isAbove = field !== undefined && before.some((record) => valuesOf(record, field).length > 0);
        return isAbove ? "bare" : "none";
      }
      end--;
      continue;
    }
    const count = roster.countDotted(field, labels, end - 1);
    const value = count > 1 ? labels.slice(end - 1 - count, end - 1).join(".") : (labels[end - 2] as Bytes);
    left = both(left, roster.matching(field, value));
    if (left.length === 0) return roster.isEnd(field, labels.slice(0, end - 1)) ? "bare" : "none";
    end -= 1 + Math.max(1, count);
  }
  return left ?? roster.records;
}

function both(
  some: readonly InstanceRecord[] | undefined,
  others: readonly InstanceRecord[],
): readonly InstanceRecord[] {
  if (some === undefined) return others;
  const found = new Set(others);
  return some.filter((record) => found.has(record));
}
