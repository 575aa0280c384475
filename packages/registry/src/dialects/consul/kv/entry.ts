/**
 * Entries as Consul has them: a configuration key, and what the registry has no field for in a note beside it. A note
 * counts only for the key that it was written with: one that another protocol removed and made anew has none.
 */
import { type Account, type Bytes, type Facts, fromBytes, type KeyRecord } from "../../../core/index.ts";
import { encodeJson } from "../wire/json.ts";

const NOTES: Bytes = "\0consul/kv/";

export interface Entry {
  readonly key: Bytes;
  readonly value: Bytes;
  /** 64 bits, in decimal. */
  readonly flags: string;
  readonly lockIndex: number;
  /** The lease that it is locked by; empty for none. */
  readonly session: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/** What stands beside a key. */
export interface Note {
  readonly createRevision: number;
  readonly flags: string;
  readonly lockIndex: number;
  /** For so long nobody gets the lock once the session that has it is invalidated. */
  readonly lockDelayMs: number;
}

export const NO_NOTE: Omit<Note, "createRevision"> = { flags: "0", lockIndex: 0, lockDelayMs: 0 };

export function noteKey(key: Bytes): Bytes {
  return NOTES + key;
}

/** All notes. */
export const NOTE_PREFIX = NOTES;

/** The key that a note stands beside. */
export function notedKey(noteKey: Bytes): Bytes {
  return noteKey.slice(NOTES.length);
}

export function toNoteValue({ createRevision, flags, lockIndex, lockDelayMs }: Note): Bytes {
  return `${createRevision} ${flags} ${lockIndex} ${lockDelayMs}`;
}

export function toNote(value: Bytes): Note {
  const [createRevision, flags = "0", lockIndex, lockDelayMs] = value.split(" ");
  return {
    createRevision: Number(createRevision),
    flags,
    lockIndex: Number(lockIndex),
    lockDelayMs: Number(lockDelayMs),
  };
}

type Entries = { entry(key: Bytes): KeyRecord | undefined };

/** The account's keys alone, of facts that hold all accounts. */
export function keysIn(facts: Facts, account: Account): Entries {
  return { entry: (key) => facts.entry(account, key) };
}

export function toEntry(keys: Entries, record: KeyRecord): Entry {
  const found = keys.entry(noteKey(record.key));
  const note = found && toNote(found.value);
  const { flags, lockIndex } = note?.createRevision === record.createRevision ? note : NO_NOTE;
  return {
    key: record.key,
    value: record.value,
    flags,
    lockIndex,
    session: record.lease ?? "",
    createIndex: record.createRevision,
    modifyIndex: record.modRevision,
  };
}

/** As the original shows it, with flags of 64 bits; `withValue` false in results of writes. */
export function encodeEntry(entry: Entry, withValue = true): string {
  const { key, value, flags, lockIndex, session, createIndex, modifyIndex } = entry;
  const shown = !withValue || value === "" ? "null" : `"${Buffer.from(value, "latin1").toString("base64")}"`;
  const locked = session === "" ? "" : `"Session":${encodeJson(session)},`;
  return (
    `{"LockIndex":${lockIndex},"Key":${encodeJson(fromBytes(key))},"Flags":${flags},"Value":${shown},${locked}` +
    `"CreateIndex":${createIndex},"ModifyIndex":${modifyIndex}}`
  );
}
