/** The effect of all records of an UPDATE together, RRset by RRset. RFC 2136 §3.4. */
import { CLASS, type Name, RCODE, type Resource, TYPE } from "../wire/message.ts";
import { isWithin, keyOf } from "../wire/name.ts";
import { canonicalData } from "../wire/record.ts";

/** Changes of the records with one owner and type. */
export interface Edit {
  readonly name: Name;
  readonly type: number;
  /** All records that there were go first. */
  cleared: boolean;
  /** Records that go, and that come, by their data. */
  readonly removed: Map<string, Resource>;
  readonly added: Map<string, Resource>;
}

/** Changes at one owner name. */
export interface NameEdit {
  readonly name: Name;
  /** All records of all types that there were go first. */
  cleared: boolean;
  readonly types: Map<number, Edit>;
}

/** Whether no record of a zone has the type: OPT, and types of questions (RFC 6895 §3.1). */
function isMeta(type: number): boolean {
  return type === 0 || type === TYPE.OPT || (type >= 128 && type <= 255);
}

function isEmpty(record: Resource): boolean {
  return record.data.kind === "raw" && record.data.bytes === "";
}

/** The rcode of the first record that RFC 2136 §3.4.1 does not allow; undefined when all are allowed. */
export function prescan(updates: readonly Resource[], zone: Name): number | undefined {
  for (const record of updates) {
    if (!isWithin(record.name, zone)) return RCODE.NOTZONE;
    const { type, ttlS } = record;
    switch (record.class) {
      case CLASS.IN:
        if (isMeta(type) || isEmpty(record)) return RCODE.FORMERR;
        break;
      case CLASS.ANY:
        if (ttlS !== 0 || !isEmpty(record) || (isMeta(type) && type !== TYPE.ANY)) return RCODE.FORMERR;
        break;
      case CLASS.NONE:
        if (ttlS !== 0 || isMeta(type) || isEmpty(record)) return RCODE.FORMERR;
        break;
      default:
        return RCODE.FORMERR;
    }
  }
  return undefined;
}

/** The edits of an update section that has passed `prescan`, by `keyOf` of the owners. */
export function foldUpdates(updates: readonly Resource[]): ReadonlyMap<string, NameEdit> {
  const names = new Map<string, NameEdit>();
  for (const record of updates) {
    const key = keyOf(record.name);
    const at = names.get(key) ?? { name: record.name, cleared: false, types: new Map<number, Edit>() };
    names.set(key, at);
    fold(at, record);
  }
  return names;
}

function fold(at: NameEdit, record: Resource): void {
  if (record.class === CLASS.ANY && record.type === TYPE.ANY) {
    at.cleared = true;
    for (const edit of at.types.values()) clear(edit);
    return;
  }
  let edit = at.types.get(record.type);
  if (edit === undefined) {
    edit = { name: record.name, type: record.type, cleared: at.cleared, removed: new Map(), added: new Map() };
    at.types.set(record.type, edit);
  }
  if (record.class === CLASS.ANY) {
    clear(edit);
    return;
  }
  const key = canonicalData(record.type, record.data);
  if (record.class === CLASS.NONE) {
    edit.added.delete(key);
    if (!edit.cleared) edit.removed.set(key, record);
  } else {
    edit.removed.delete(key);
    edit.added.set(key, record);
  }
}

function clear(edit: Edit): void {
  edit.cleared = true;
  edit.removed.clear();
  edit.added.clear();
}
