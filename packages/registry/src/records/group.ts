/** A group of commits as it is stored: one value of the log. */
import { type Author, type Commit, type Outcome, ok, type Revision, refuse } from "../core/index.ts";
import { ByteReader, type ByteWriter, Torn } from "./bytes.ts";
import { readFlag } from "./parts.ts";
import { readChange, writeChange } from "./record.ts";
import { HEAD_BYTES, seal, unseal } from "./sealed.ts";

/** What can be told of a group without decoding it. */
export interface GroupSummary {
  readonly first: Revision;
  readonly last: Revision;
  /** `orderMs` of the first and of the last commit. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly commits: number;
}

/** Added to the `nth` of a commit whose `atMs` is not its `orderMs`; `nth` itself is smaller. */
const OTHER_TIME = 16_384;
/** Likewise, of one that says who asked for it: as the last of the group that did, or by a new one that follows. */
const SAME_AUTHOR = 2 * OTHER_TIME;
const AUTHOR = 4 * OTHER_TIME;

/** The bytes are the writer's own and good until its next use. `commits` holds at least one. */
export function encodeGroup(out: ByteWriter, commits: readonly Commit[]): Buffer {
  const first = commits[0] as Commit;
  const last = commits[commits.length - 1] as Commit;
  out.clear(HEAD_BYTES);
  out.count(commits.length);
  out.count(first.revision);
  out.count(last.revision - first.revision);
  out.number(first.orderMs);
  out.number(last.orderMs - first.orderMs);
  let { revision, orderMs } = first;
  let account = "";
  let author: Author | undefined;
  for (const commit of commits) {
    const { by } = commit;
    out.count(commit.revision - revision);
    out.number(commit.orderMs - orderMs);
    const behindMs = commit.orderMs - commit.atMs;
    const signed = by === undefined ? 0 : by === author ? SAME_AUTHOR : AUTHOR;
    out.count(commit.nth + signed + (behindMs === 0 ? 0 : OTHER_TIME));
    if (behindMs !== 0) out.number(behindMs);
    if (by !== undefined && by !== author) {
      writeAuthor(out, by);
      author = by;
    }
    // An empty name means that of the commit before.
    out.string(commit.account === account ? "" : commit.account);
    out.count(commit.changes.length);
    for (const change of commit.changes) writeChange(out, change, commit);
    ({ revision, orderMs, account } = commit);
  }
  return seal(out.bytes());
}

function writeAuthor(out: ByteWriter, { token, dialect, address }: Author): void {
  out.byte(token === null ? 0 : 1);
  out.string(dialect);
  out.string(address);
  if (token === null) return;
  out.string(token.id);
  out.string(token.name);
}

function readAuthor(input: ByteReader): Author {
  const hasToken = readFlag(input);
  const [dialect, address] = [input.string(), input.string()];
  return { token: hasToken ? { id: input.string(), name: input.string() } : null, dialect, address };
}

function readSummary(input: ByteReader): GroupSummary {
  const commits = input.size();
  const first = input.count();
  const last = first + input.count();
  const firstMs = input.number();
  return { commits, first, last, firstMs, lastMs: firstMs + input.number() };
}

export function decodeGroup(bytes: Buffer): Outcome<Commit[]> {
  return unseal(bytes, 0, bytes.length, "a group of commits", (input) => {
    const summary = readSummary(input);
    let revision = summary.first;
    let orderMs = summary.firstMs;
    let account = "";
    let author: Author | undefined;
    const commits: Commit[] = [];
    for (let i = 0; i < summary.commits; i++) {
      revision += input.count();
      orderMs += input.number();
      const place = input.count();
      const nth = place % OTHER_TIME;
      const atMs = (place & OTHER_TIME) === 0 ? orderMs : orderMs - input.number();
      if (place >= AUTHOR) author = readAuthor(input);
      account = input.string() || account;
      const base = { revision, atMs };
      const changes = new Array(input.size());
      for (let k = 0; k < changes.length; k++) changes[k] = readChange(input, base);
      const commit = { revision, account, atMs, orderMs, nth, changes };
      commits.push(place < SAME_AUTHOR || author === undefined ? commit : { ...commit, by: author });
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
