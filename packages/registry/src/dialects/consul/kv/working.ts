/** Entries as they are while operations are decided, one on the other; and the steps that make them so. */
import {
  type Account,
  type Bytes,
  type Command,
  type Facts,
  isReserved,
  type KeyRecord,
  prefixEnd,
  type Stamp,
} from "../../../core/index.ts";
import { type Behavior, findSession, type SessionRecord } from "../sessions/record.ts";
import { type Entry, keysIn, type Note, noteKey, toEntry, toNote, toNoteValue } from "./entry.ts";

/** Whose lock an entry is when it was written. */
export type Hold =
  | { readonly kind: "keep" }
  | { readonly kind: "none" }
  | { readonly kind: "session"; readonly id: string; readonly behavior: Behavior; readonly lockDelayMs: number };

export class Working {
  readonly steps: Command[] = [];
  readonly #facts: Facts;
  readonly #account: Account;
  readonly #stamp: Stamp;
  /** What was written or removed so far. */
  readonly #touched = new Map<Bytes, Entry | undefined>();

  constructor(facts: Facts, account: Account, stamp: Stamp) {
    this.#facts = facts;
    this.#account = account;
    this.#stamp = stamp;
  }

  get(key: Bytes): Entry | undefined {
    if (this.#touched.has(key)) return this.#touched.get(key);
    const record = this.#facts.entry(this.#account, key);
    return record === undefined ? undefined : toEntry(keysIn(this.#facts, this.#account), record);
  }

  /** Sorted by key; undefined when there are more than `max`. */
  tree(prefix: Bytes, max: number): readonly Entry[] | undefined {
    const found: Entry[] = [];
    for (const record of this.#stored(prefix)) {
      if (this.#touched.has(record.key)) continue;
      found.push(toEntry(keysIn(this.#facts, this.#account), record));
      if (found.length > max) return undefined;
    }
    for (const [key, entry] of this.#touched) if (entry !== undefined && key.startsWith(prefix)) found.push(entry);
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  *#stored(prefix: Bytes): Iterable<KeyRecord> {
    const from = prefix === "" ? "\x01" : prefix;
    for (const record of this.#facts.entries(this.#account, from, prefixEnd(prefix)))
      if (!isReserved(record.key)) yield record;
  }

  session(id: string): SessionRecord | undefined {
    return findSession(this.#facts, this.#account, id);
  }

  /** The lock's last session was invalidated less than its lock-delay ago. */
  isDelayed(key: Bytes): boolean {
    const note = this.#facts.entry(this.#account, noteKey(key));
    if (note === undefined) return false;
    const { createRevision, lockDelayMs } = toNote(note.value);
    const record = this.#facts.entry(this.#account, key);
    // A key that stays tells itself when it was left; of one that went along, its note does.
    const left = record?.createRevision === createRevision ? record.detachedAtMs : 0;
    const atMs = Math.max(left, note.detachedAtMs);
    return atMs > 0 && this.#stamp.atMs - atMs < lockDelayMs;
  }

  /** Writes what is different from before; the entry as it is then. */
  write(key: Bytes, value: Bytes, flags: string, lockIndex: number, hold: Hold): Entry {
    const before = this.get(key);
    const session = hold.kind === "keep" ? (before?.session ?? "") : hold.kind === "none" ? "" : hold.id;
    const isSame = before?.value === value && before.flags === flags && before.session === session;
    // As in the original: what is written again as it is does not change.
    if (before !== undefined && isSame && before.lockIndex === lockIndex) return before;
    this.#put(key, value, before !== undefined, hold);
    const createIndex = before?.createIndex ?? this.#stamp.revision;
    this.#writeNote(key, { createRevision: createIndex, flags, lockIndex, lockDelayMs: 0 }, hold);
    const entry = { key, value, flags, lockIndex, session, createIndex, modifyIndex: this.#stamp.revision };
    this.#touched.set(key, entry);
    return entry;
  }

  #put(key: Bytes, value: Bytes, exists: boolean, hold: Hold): void {
    if (hold.kind === "session") {
      const atEnd = hold.behavior === "delete" ? "delete" : "detach";
      this.steps.push({ kind: "put", key, value, lease: hold.id, atEnd });
    } else if (hold.kind === "keep" && exists) this.steps.push({ kind: "put", key, value, keepLease: true });
    else this.steps.push({ kind: "put", key, value, lease: null });
  }

  #writeNote(key: Bytes, note: Note, hold: Hold): void {
    const name = noteKey(key);
    const before = this.#facts.entry(this.#account, name);
    const kept = before && toNote(before.value);
    const isOwn = kept?.createRevision === note.createRevision;
    const isDelayed = this.isDelayed(key);
    const keptMs = isOwn || isDelayed ? (kept?.lockDelayMs ?? 0) : 0;
    const lockDelayMs = hold.kind === "session" ? hold.lockDelayMs : keptMs;
    if (note.flags === "0" && note.lockIndex === 0 && !isDelayed) {
      if (before !== undefined) this.steps.push({ kind: "delete", from: name });
      return;
    }
    const value = toNoteValue({ ...note, lockDelayMs });
    // A key that goes with its session leaves its note behind, which tells when that was.
    if (hold.kind === "session" && hold.behavior === "delete")
      this.steps.push({ kind: "put", key: name, value, lease: hold.id, atEnd: "detach" });
    else if (hold.kind === "keep" && isOwn && before !== undefined)
      this.steps.push({ kind: "put", key: name, value, keepLease: true });
    else {
      // Whoever has the lock now is not whom it was lost by before.
      const isForgotten = hold.kind === "session" && (before?.detachedAtMs ?? 0) > 0;
      if (isForgotten) this.steps.push({ kind: "delete", from: name });
      this.steps.push({ kind: "put", key: name, value, lease: null });
    }
  }

  remove(key: Bytes): void {
    this.steps.push({ kind: "delete", from: key });
    if (this.#facts.entry(this.#account, noteKey(key)) !== undefined || this.#touched.has(key))
      this.steps.push({ kind: "delete", from: noteKey(key) });
    this.#touched.set(key, undefined);
  }

  removeTree(prefix: Bytes): void {
    for (const [key, entry] of this.#touched)
      if (entry !== undefined && key.startsWith(prefix)) this.#touched.set(key, undefined);
    for (const { key } of this.#stored(prefix)) this.#touched.set(key, undefined);
    this.steps.push({ kind: "delete", from: prefix === "" ? "\x01" : prefix, to: prefixEnd(prefix) });
    this.steps.push({ kind: "delete", from: noteKey(prefix), to: prefixEnd(noteKey(prefix)) });
  }
}
