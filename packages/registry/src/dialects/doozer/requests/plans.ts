/** What SET, DEL and NOP change. The rules of revisions and directories are looked at in the moment of the decision. */
import { type Account, type Bytes, type Facts, ok, type Plan, type Revision } from "../../../core/index.ts";
import { isDirectory } from "../files/source.ts";
import type { ErrorName } from "../wire/message.ts";

export interface Write {
  readonly path: Bytes;
  /** Null: the file goes. */
  readonly value: Bytes | null;
  /** The file may not be younger; null: whatever it is. Below 0 nothing is. */
  readonly revision: Revision | null;
}

/** Says why nothing was changed; null when all went well. */
export const WRITE: Plan<Write, ErrorName | null> = {
  name: "doozer/write",
  make(facts, account, { path, value, revision }) {
    const error = refuse(facts, account, { path, value, revision });
    if (error !== null) return ok({ command: null, note: error });
    if (value === null) return ok({ command: { kind: "delete", from: path }, note: null });
    const keepLease = facts.entry(account, path) === undefined ? {} : ({ keepLease: true } as const);
    return ok({ command: { kind: "put", key: path, value, ...keepLease }, note: null });
  },
};

/** What a NOP writes: nothing that is a file, so that a revision passes. */
export const NOP_KEY: Bytes = "\0doozer/nop";

function refuse(facts: Facts, account: Account, { path, value, revision }: Write): ErrorName | null {
  const source = {
    entry: (key: Bytes) => facts.entry(account, key),
    entries: (from: Bytes, to: Bytes) => facts.entries(account, from, to),
  };
  // A file is in no other one. An entry of another protocol that has some below is a directory here.
  for (let slash = path.indexOf("/", 1); value !== null && slash > 0; slash = path.indexOf("/", slash + 1)) {
    const parent = path.slice(0, slash);
    if (source.entry(parent) !== undefined && !isDirectory(source, parent)) return "NOTDIR";
  }
  if (path === "/" || isDirectory(source, path)) return "ISDIR";
  return revision !== null && revision < (source.entry(path)?.modRevision ?? 0) ? "REV_MISMATCH" : null;
}
