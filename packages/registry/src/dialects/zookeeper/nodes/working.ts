/** Nodes as they are while requests are decided, one on the other; and the steps that make them so. */
import {
  type Account,
  type Bytes,
  type Command,
  counterOf,
  type Facts,
  type KeyRecord,
  type LeaseId,
  prefixEnd,
  type Revision,
  type Stamp,
  stampAfter,
} from "../../../core/index.ts";
import { directoryOf, isLegalPath, parentOf } from "../wire/path.ts";
import { FIXED } from "./fixed.ts";
import { type Note, noteFor, noteKey, saysSomething, toNote, toNoteValue } from "./note.ts";

/** A node's key, without its value. */
export interface Key {
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly createdAtMs: number;
  readonly stampMs: number;
  /** 1 when it was created. */
  readonly version: number;
  readonly lease: LeaseId | null;
  readonly dataLength: number;
}

export interface Node {
  /** Undefined for one that is there for those below it. */
  readonly key: Key | undefined;
  readonly note: Note;
}

/** So many keys are looked at to find a child: others than nodes may be under the same name. */
const LOOKS_MAX = 10_000;

export function toKey(record: KeyRecord): Key {
  const { createRevision, modRevision, createdAtMs, stampMs, version, lease, value } = record;
  return { createRevision, modRevision, createdAtMs, stampMs, version, lease, dataLength: value.length };
}

export class Working {
  readonly #facts: Facts;
  readonly #account: Account;
  readonly #stamp: Stamp;
  readonly #steps: Command[] = [];
  readonly #keys = new Map<Bytes, Key | undefined>();
  readonly #notes = new Map<Bytes, Note | undefined>();
  readonly #counts = new Map<Bytes, number>();
  /** Nodes in which others were made that are still there. */
  readonly #made = new Map<Bytes, number>();

  constructor(facts: Facts, account: Account, stamp: Stamp) {
    this.#facts = facts;
    this.#account = account;
    this.#stamp = stamp;
  }

  /** That all of it gets. */
  get revision(): Revision {
    return this.#stamp.revision;
  }

  node(path: Bytes): Node | undefined {
    const key = this.#key(path);
    if (key === undefined && !FIXED.has(path) && !this.hasChildren(path)) return undefined;
    return { key, note: noteFor(this.#note(path), key) };
  }

  #key(path: Bytes): Key | undefined {
    if (this.#keys.has(path)) return this.#keys.get(path);
    const record = this.#facts.entry(this.#account, path);
    return record && toKey(record);
  }

  #note(path: Bytes): Note | undefined {
    if (this.#notes.has(path)) return this.#notes.get(path);
    const record = this.#facts.entry(this.#account, noteKey(path));
    return record && toNote(record.value);
  }

  hasChildren(path: Bytes): boolean {
    if ((FIXED.get(path)?.length ?? 0) > 0) return true;
    if (!isLegalPath(path)) return false;
    if (this.#made.has(path)) return true;
    const directory = directoryOf(path);
    const end = prefixEnd(directory);
    if (!this.#facts.hasEntries(this.#account, directory, end)) return false;
    let looks = 0;
    for (const { key } of this.#facts.entries(this.#account, directory, end))
      if (looks++ > LOOKS_MAX || (isLegalPath(key) && !this.#isGone(key))) return true;
    return false;
  }

  #isGone(path: Bytes): boolean {
    return this.#keys.has(path) && this.#keys.get(path) === undefined;
  }

  /** How many have been created in it: the number of the next one. */
  count(path: Bytes): number {
    const counted = this.#counts.get(path);
    if (counted !== undefined) return counted;
    const count = Number(this.#facts.entry(this.#account, counterOf(directoryOf(path)))?.value ?? 0);
    return Number.isSafeInteger(count) ? count : 0;
  }

  /** One more was created in it, perhaps by a name of that number. */
  countOn(path: Bytes): void {
    this.#counts.set(path, this.count(path) + 1);
  }

  /** `more`: what its note says, where it has one. One that is left of another key counts for nothing. */
  create(path: Bytes, value: Bytes, lease: LeaseId | null, more?: Omit<Note, "createRevision">): Key {
    const { revision, atMs } = this.#stamp;
    const key: Key = {
      createRevision: revision,
      modRevision: revision,
      createdAtMs: atMs,
      stampMs: stampAfter(this.#stamp, 0),
      version: 1,
      lease,
      dataLength: value.length,
    };
    this.#steps.push({ kind: "put", key: path, value, lease });
    this.#keys.set(path, key);
    this.#noteMade(path, 1);
    if (more !== undefined) this.#notes.set(path, { ...more, createRevision: revision });
    return key;
  }

  #noteMade(path: Bytes, by: number): void {
    const parent = parentOf(path);
    if (parent === undefined) return;
    const made = (this.#made.get(parent) ?? 0) + by;
    if (made > 0) this.#made.set(parent, made);
    else this.#made.delete(parent);
  }

  /** A node that is there for those below it gets a key of its own. */
  found(path: Bytes): void {
    const node = this.node(path);
    if (node === undefined || node.key !== undefined) return;
    this.create(path, "", null, saysSomething(node.note) ? node.note : undefined);
  }

  setData(path: Bytes, { key: before, note }: Node, data: Bytes | null): Key {
    const { revision } = this.#stamp;
    const value = data ?? "";
    // Of a node that had no key the first data are version 1.
    if (before === undefined) this.found(path);
    const from = before ?? (this.#key(path) as Key);
    this.#steps.push({ kind: "put", key: path, value, keepLease: true });
    const key: Key = {
      ...from,
      modRevision: revision,
      stampMs: stampAfter(this.#stamp, from.stampMs),
      version: from.version + 1,
      dataLength: value.length,
    };
    this.#keys.set(path, key);
    const nullAt = data === null ? revision : 0;
    if (note.nullAt !== nullAt) this.setNote(path, { ...note, createRevision: key.createRevision, nullAt });
    return key;
  }

  setNote(path: Bytes, note: Note): void {
    const says = saysSomething(note);
    if (says || this.#note(path) !== undefined) this.#notes.set(path, says ? note : undefined);
  }

  /** It was that of another key. */
  dropNote(path: Bytes): void {
    this.#notes.set(path, undefined);
  }

  remove(path: Bytes): void {
    this.#steps.push({ kind: "delete", from: path });
    if (this.#key(path)?.createRevision === this.revision) this.#noteMade(path, -1);
    this.#keys.set(path, undefined);
    if (this.#note(path) !== undefined) this.#notes.set(path, undefined);
    // Whatever is made there anew counts from the beginning.
    if (this.count(path) > 0) this.#counts.set(path, 0);
  }

  /** Most creates are one key and the next number of its parent: one step, which counts on by itself. */
  #alone(): Command | undefined {
    const [step] = this.#steps;
    if (step?.kind !== "put" || this.#steps.length > 1 || this.#counts.size !== 1 || this.#notes.size > 0)
      return undefined;
    const [[path, count] = ["", 0]] = this.#counts;
    const counter = counterOf(directoryOf(path));
    const before = this.#facts.entry(this.#account, counter)?.value ?? "0";
    return count > 0 && before === String(count - 1) ? { ...step, numbered: { counter, digits: 0 } } : undefined;
  }

  /** What makes it all so. Who may know of a node is said before it is there, and until it is gone. */
  command(): Command | null {
    const alone = this.#alone();
    if (alone !== undefined) return alone;
    const steps: Command[] = [];
    for (const [path, note] of this.#notes)
      if (note !== undefined) steps.push({ kind: "put", key: noteKey(path), value: toNoteValue(note) });
    steps.push(...this.#steps);
    for (const [path, count] of this.#counts) {
      const key = counterOf(directoryOf(path));
      steps.push(count === 0 ? { kind: "delete", from: key } : { kind: "put", key, value: String(count) });
    }
    for (const [path, note] of this.#notes) if (note === undefined) steps.push({ kind: "delete", from: noteKey(path) });
    return inOne(steps);
  }
}

/** More are not in one transaction of the registry; one may be in another. */
const STEPS_MAX = 1000;

function inOne(steps: readonly Command[]): Command | null {
  if (steps.length <= 1) return steps[0] ?? null;
  if (steps.length <= STEPS_MAX) return { kind: "when", guards: [], then: steps, otherwise: [] };
  const parts: Command[] = [];
  for (let at = 0; at < steps.length; at += STEPS_MAX)
    parts.push({ kind: "when", guards: [], then: steps.slice(at, at + STEPS_MAX), otherwise: [] });
  return { kind: "when", guards: [], then: parts, otherwise: [] };
}
