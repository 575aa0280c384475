/** @live Handler of net differences. */
import type { NetChangeBody } from "@rollcall/client";
import { type Outcome, ok, type Revision, refuse } from "../../../core/index.ts";
import { decodeCount, decodeTime, toTime } from "../../../native/wire/numbers.ts";
import type { TtlOf } from "../../../native/wire/records.ts";
import { decodePosition, ELSEWHERE } from "../../../net/routes/position.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { encodeList, OF_ANOTHER, toJsonBody } from "../answers.ts";
import type { Desk, Exchange } from "../desk.ts";
import { decodePage } from "../wire/query.ts";
import { type Counts, countsOf, type Different, Net, toNetBody, undo, whatOf } from "./net.ts";

const COMMITS_PER_READ = 2000;
/** One answer looks at so many at most, those after its end among them. */
const COMMITS_MAX = 200_000;
const CHANGES_MAX = 500_000;
const TOO_LONG = refuse(
  "too-large",
  `more than ${COMMITS_MAX} commits or ${CHANGES_MAX} changes lie between then and now; ask for less`,
);

/** GET …/changes */
export async function getChanges(exchange: Exchange): Promise<Result> {
  const { desk, account, query } = exchange;
  const page = decodePage(query);
  if (!page.ok) return page;
  const start = decodeCount(query.get("start") ?? "0");
  if (start === undefined) return refuse("invalid", "query parameter start must be the next of the page before");
  const said = query.get("from");
  if (said === undefined) return refuse("invalid", "query parameter from is missing: a revision, a time, or -15m");
  const from = await decodeMoment(desk, said, "from");
  if (!from.ok) return from;
  const end = query.get("to");
  const to = end === undefined ? ok(nowOf(desk)) : await decodeMoment(desk, end, "to");
  if (!to.ok) return to;
  if (from.value > to.value) return refuse("invalid", "from is later than to");
  const found = await desk.readers.read(account, () => difference(exchange, from.value, to.value));
  if (!found.ok) return found;
  return toPage(exchange, found.value, start, page.value.limit);
}

function nowOf({ registry }: Desk): Revision {
  return registry.read((view) => view.revision);
}

/** A revision, a position, or a time, as the revision of the last commit before it. */
export async function decodeMoment(
  { registry, clock, mark }: Desk,
  text: string,
  name: string,
): Promise<Outcome<Revision>> {
  const position = decodePosition(text, mark);
  if (position?.revision === ELSEWHERE) return OF_ANOTHER;
  if (position !== undefined && position.index === undefined) {
    const now = registry.read((view) => view.revision);
    if (position.revision > now)
      return refuse("invalid", `revision ${position.revision} is yet to come; the latest is ${now}`);
    return position.revision < registry.floor ? tooOld(registry.floor) : ok(position.revision);
  }
  const atMs = decodeTime(text, clock.now());
  if (atMs === undefined)
    return refuse(
      "invalid",
      `query parameter ${name} must be a revision, a time such as 2030-01-31T12:00:00Z, or -15m`,
    );
  const revision = await registry.revisionAt(atMs + 1);
  return revision === registry.floor && revision > 0 ? tooOld(revision) : ok(revision);
}

function tooOld(floor: Revision) {
  return refuse("compacted", `history up to revision ${floor} is gone`);
}

interface Difference {
  readonly from: Revision;
  readonly to: Revision;
  readonly counts: { readonly from: Counts; readonly to: Counts };
  readonly commits: number;
  readonly all: readonly Different[];
}

/** Looks at each commit between then and now: what comes after the end changes the counts alone. */
async function difference({ desk, account }: Exchange, from: Revision, to: Revision): Promise<Outcome<Difference>> {
  const { registry } = desk;
  const net = new Net(account);
  const now = registry.read((view) => ({ revision: view.revision, counts: countsOf(view.account(account)) }));
  const counts = { from: { ...now.counts }, to: { ...now.counts } };
  let seen = 0;
  for (let after = from; after < now.revision; ) {
    const page = await registry.history(after, COMMITS_PER_READ);
    if (!page.ok) return page;
    if (page.value.length === 0) break;
    for (const commit of page.value) {
      after = commit.revision;
      if (after > now.revision) break;
      if (commit.account !== account) continue;
      if (after <= to) net.fold(commit);
      else undo(counts.to, commit);
      undo(counts.from, commit);
    }
    seen += page.value.length;
    if (seen > COMMITS_MAX || net.changes > CHANGES_MAX) return TOO_LONG;
  }
  return ok({ from, to, counts, commits: net.commits, all: net.different() });
}

async function toPage(exchange: Exchange, found: Difference, start: number, limit: number): Promise<Result> {
  const { desk, account } = exchange;
  const { from, to, counts, commits, all } = found;
  const sums = { came: 0, left: 0, changed: 0, keys: 0 };
  for (const one of all) sums[one.kind === "key" ? "keys" : whatOf(one)]++;
  const moments = { from: await momentOf(desk, from), to: await momentOf(desk, to) };
  const some = all.slice(start, start + limit);
  const next = start + some.length < all.length ? start + some.length : null;
  const ttlOf = (lease: string): number | null => desk.around.ttlMs(account, lease);
  const before = { ...moments, counts, ...sums, commits };
  return toJsonBody(encodeList(before, "changes", toBodies(some, ttlOf), { next }));
}

function* toBodies(some: readonly Different[], ttlOf: TtlOf): Iterable<NetChangeBody> {
  for (const one of some) yield toNetBody(one, ttlOf);
}

export async function momentOf({ registry }: Desk, revision: Revision) {
  if (revision <= registry.floor) return { revision, at: null };
  const found = await registry.history(revision - 1, 1);
  const commit = found.ok ? found.value[0] : undefined;
  return { revision, at: commit?.revision === revision ? toTime(commit.atMs) : null };
}
