/**
 * What a node has beside its key: who may do what, whether it is a container or lives for a time, and that it has no data
 * rather than empty ones. A node without any of these has no note. A note counts for the key that it was written with: one
 * that another protocol removed and made anew has none.
 */
import type { Bytes, KeyRecord, Revision } from "../../../core/index.ts";
import type { Acl } from "../wire/acl.ts";

export interface Note {
  /** Of the key; 0 where no key has the node's path, and it is there for those below it. */
  readonly createRevision: Revision;
  /** Everybody may do everything where it is null. */
  readonly acl: readonly Acl[] | null;
  /** How often that was set. */
  readonly aversion: number;
  /** It goes once it is empty again. */
  readonly isContainer: boolean;
  /** It goes when it is empty and was not written for so many ms; 0 for never. */
  readonly ttlMs: number;
  /** With this revision of its key it had no data; 0 for never. */
  readonly nullAt: Revision;
}

/** All notes. */
export const NOTES: Bytes = "\0zookeeper/node";

export function noteKey(path: Bytes): Bytes {
  return NOTES + path;
}

export function notedPath(key: Bytes): Bytes {
  return key.slice(NOTES.length);
}

export function toNoteValue({ createRevision, acl, aversion, isContainer, ttlMs, nullAt }: Note): Bytes {
  const acls = acl?.map(({ perms, scheme, id }) => [perms, scheme, id]) ?? null;
  return JSON.stringify([createRevision, acls, aversion, isContainer ? 1 : 0, ttlMs, nullAt]);
}

type Written = [number, [number, Bytes, Bytes][] | null, number, number, number, number];

export function toNote(value: Bytes): Note {
  const [createRevision, acls, aversion, container, ttlMs, nullAt] = JSON.parse(value) as Written;
  const acl = acls?.map(([perms, scheme, id]) => ({ perms, scheme, id })) ?? null;
  return { createRevision, acl, aversion, isContainer: container === 1, ttlMs, nullAt };
}

export function saysSomething({ acl, aversion, isContainer, ttlMs, nullAt }: Omit<Note, "createRevision">): boolean {
  return acl !== null || aversion > 0 || isContainer || ttlMs > 0 || nullAt > 0;
}

/** The note if it is that of this key; what a node without one has. */
export function noteFor(note: Note | undefined, record: Pick<KeyRecord, "createRevision"> | undefined): Note {
  const createRevision = record?.createRevision ?? 0;
  return note?.createRevision === createRevision ? note : emptyNote(createRevision);
}

/** Field by field: a spread costs more than all the rest of a plain create. */
export function emptyNote(createRevision: Revision): Note {
  return { createRevision, acl: null, aversion: 0, isContainer: false, ttlMs: 0, nullAt: 0 };
}
