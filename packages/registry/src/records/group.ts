/** A group of commits as it is stored: one value of the log. */
import { type Commit, type Outcome, ok, type Revision, refuse } from "../core/index.ts";
import { ByteReader, type ByteWriter, Torn } from "./bytes.ts";
import { readChange, writeChange } from "./record.ts";
import { HEAD_BYTES, seal, unseal } from "./sealed.ts";

/** What can be told of a group without decoding it. */
export interface GroupSummary {
  readonly first: Revision;
  readonly last: Revision;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly commits: number;
}

/** The bytes are the writer's own and good until its next use. `commits` holds at least one. */
export function encodeGroup(out: ByteWriter, commits: readonly Commit[]): Buffer {
  const first = commits[0] as Commit;
  const last = commits[commits.length - 1] as Commit;
  out.clear(HEAD_BYTES);
  out.count(commits.length);
  out.count(first.revision);
  out.count(last.revision - first.revision);
  out.number(first.atMs);
  out.number(last.atMs - first.atMs);
  let { revision, atMs } = first;
  let account = "";
  for (const commit of commits) {
    out.count(commit.revision - revision);
    out.number(commit.atMs - atMs);
    out.count(commit.nth);
    // An empty name means that of the commit before.
    out.string(commit.account === account ? "" : commit.account);
    out.count(commit.changes.length);
    for (const change of commit.changes) writeChange(out, change, commit);
    ({ revision, atMs, account } = commit);
  }
  return seal(out.bytes());
}

function readSummary(input: ByteReader): GroupSummary {
  const commits = input.size();
  const first = input.count();
  const last = first + input.count();
  const firstAtMs = input.number();
  return { commits, first, last, firstAtMs, lastAtMs: firstAtMs + input.number() };
}

export function decodeGroup(bytes: Buffer): Outcome<Commit[]> {
  return unseal(bytes, 0, bytes.length, "a group of commits", (input) => {
    const summary = readSummary(input);
    let revision = summary.first;
    let atMs = summary.firstAtMs;
    let account = "";
    const commits: Commit[] = [];
    for (let i = 0; i < summary.commits; i++) {
      revision += input.count();
      atMs += input.number();
      const nth = input.count();
      account = input.string() || account;
      const base = { revision, atMs };
      const changes = new Array(input.size());
      for (let k = 0; k < changes.length; k++) changes[k] = readChange(input, base);
      commits.push({ revision, account, atMs, nth, changes });
    }
    if (revision !== summary.last) throw new Torn("it does not end where it says");
    return commits;
  });
}

/** Reads the first bytes alone; the checksum is not looked at. */
export function summarizeGroup(bytes: Buffer): Outcome<GroupSummary> {
  try {
    return ok(readSummary(new ByteReader(bytes, HEAD_BYTES)));
  } catch (error) {
    if (error instanceof Torn) return refuse("invalid", `a group of commits is damaged: ${error.message}`);
    throw error;
  }
}
