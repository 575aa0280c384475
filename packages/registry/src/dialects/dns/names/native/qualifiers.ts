/** Qualifiers: labels left of a service that choose among its instances. */
import type { Bytes, InstanceRecord } from "../../../../core/index.ts";
import { toExactLabel, toLabel } from "../../labels/text.ts";

/** What the labels left of a keyword are. */
export type Field = "tag" | "zone" | "version" | "id";

const KEYWORDS: ReadonlySet<string> = new Set<Field>(["tag", "zone", "version", "id"]);

/** More labels than anybody writes. */
export const QUALIFIERS_MAX = 32;

/** The instances that are left; `bare`: there are only names below this one (RFC 8020); `none`: not even those. */
type Narrowed = readonly InstanceRecord[] | "bare" | "none";

/** The values of an instance in a field. */
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

/** Instances by their values in one field. */
class Table {
  /** By their values in lower case, dots included. */
  readonly exact = new Map<Bytes, InstanceRecord[]>();
  /** By the `toLabel` of values that are not written like it. */
  readonly loose = new Map<Bytes, InstanceRecord[]>();
  /** What follows a dot in a value: a name above the name of the value. */
  readonly ends = new Set<Bytes>();
  /** The labels of the value that has the most. */
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

/** Two tags of one instance may have one label: the instance is listed once. */
function addTo(table: Map<Bytes, InstanceRecord[]>, key: Bytes, record: InstanceRecord): void {
  const there = table.get(key);
  if (there === undefined) table.set(key, [record]);
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
   * The instances with a value that the label names. If a value is written like the label, those that only look like it
   * do not count.
   */
  matching(field: Field, label: Bytes): readonly InstanceRecord[] {
    const { exact, loose } = this.#table(field);
    return exact.get(label) ?? loose.get(label) ?? NOBODY;
  }

  /** How many instances have a value that is written like the label, and how many one that only looks like it. */
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

  /** The values with dots, sorted, each with its instances. */
  byDotted(field: Field): readonly (readonly [Bytes, readonly InstanceRecord[]])[] {
    const dotted = [...this.#table(field).exact].filter(([value]) => value.includes("."));
    return dotted.sort(([one], [other]) => (one < other ? -1 : 1));
  }

  /** The number of labels before `end` that make up the longest value with dots; 0 when there is no such value. */
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
 * The instances that have all qualifiers. `labels` stand from left to right, in lower case. A keyword takes the label to
 * its left, or all labels of the longest value with dots that there is; any other label is a tag.
 */
export function narrow(roster: Roster, labels: readonly Bytes[]): Narrowed {
  if (labels.length > QUALIFIERS_MAX) return "none";
  let left: readonly InstanceRecord[] | undefined;
  for (let end = labels.length; end > 0; ) {
    const label = labels[end - 1] as Bytes;
    const field = KEYWORDS.has(label) ? (label as Field) : undefined;
    if (field === undefined || end === 1) {
      const before = left ?? roster.records;
      left = both(left, roster.matching("tag", label), roster);
      if (left.length === 0) {
        const isAbove = field !== undefined && before.some((record) => valuesOf(record, field).length > 0);
        return isAbove ? "bare" : "none";
      }
      end--;
      continue;
    }
    const count = roster.countDotted(field, labels, end - 1);
    const value = count > 1 ? labels.slice(end - 1 - count, end - 1).join(".") : (labels[end - 2] as Bytes);
    left = both(left, roster.matching(field, value), roster);
    if (left.length === 0) return roster.isEnd(field, labels.slice(0, end - 1)) ? "bare" : "none";
    end -= 1 + Math.max(1, count);
  }
  return left ?? roster.records;
}

/** Of lists that stand in tables. */
const sets = new WeakMap<readonly InstanceRecord[], ReadonlySet<InstanceRecord>>();

function both(
  some: readonly InstanceRecord[] | undefined,
  others: readonly InstanceRecord[],
  { records }: Roster,
): readonly InstanceRecord[] {
  if (some === undefined) return others;
  if (some === others || others.length === records.length) return some;
  let found = sets.get(others);
  if (found === undefined) {
    found = new Set(others);
    sets.set(others, found);
  }
  return some.filter((record) => found.has(record));
}
