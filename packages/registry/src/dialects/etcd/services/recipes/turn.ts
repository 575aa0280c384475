/**
 * @live Waiting in line for a lock or for the lead: each who waits has a key under one prefix, and whoever's was created
 * first is next. Everybody waits for the one before him alone, so that one who goes wakes one.
 */
import {
  type Account,
  type Bytes,
  type KeyRange,
  type KeyRecord,
  type LeaseId,
  type Outcome,
  ok,
  onAbort,
  prefixEnd,
  type Registry,
  type Revision,
  refuse,
  resultOf,
  succeeded,
  type Watch,
} from "../../../../core/index.ts";

/** Where someone waits. */
export interface Place {
  readonly account: Account;
  /** Of all that wait for the same. */
  readonly range: KeyRange;
  readonly key: Bytes;
  readonly lease: LeaseId;
}

/** The keys of all who wait for what has this name. */
export function rangeOf(name: Bytes): KeyRange {
  const prefix = `${name}/`;
  return { from: prefix, to: prefixEnd(prefix) };
}

export function placeOf(account: Account, name: Bytes, lease: LeaseId): Place {
  return { account, range: rangeOf(name), lease, key: `${name}/${BigInt(lease).toString(16)}` };
}

export interface Entered {
  /** When his key was created: that is his place in the line. */
  readonly since: Revision;
  /** Of the registry, as he entered. */
  readonly revision: Revision;
  /** The key, if it was there before. */
  readonly before: KeyRecord | undefined;
}

/** Takes a place at the end of the line, or the one that this lease has there. */
export async function enter(
  registry: Registry,
  { account, key, lease }: Place,
  value: Bytes,
  signal: AbortSignal,
): Promise<Outcome<Entered>> {
  const receipt = await registry.propose(
    account,
    {
      kind: "when",
      guards: [{ on: "create", key, is: "=", than: 0 }],
      then: [{ kind: "put", key, value, lease }],
      otherwise: [{ kind: "range", from: key }],
    },
    signal,
  );
  if (!receipt.ok) return receipt;
  const { revision, result } = receipt.value;
  if (succeeded(receipt.value)) return ok({ since: revision, revision, before: undefined });
  const own = resultOf(result);
  const [range] = own.kind === "when" ? own.results : [];
  const before = range?.kind === "range" ? range.entries[0] : undefined;
  if (before === undefined) return refuse("conflict", "the key came and went meanwhile");
  return ok({ since: before.createRevision, revision, before });
}

/** Gives the place up, unless the key is another one's by now. */
export function giveUp(
  registry: Registry,
  account: Account,
  key: Bytes,
  since: Revision,
): ReturnType<Registry["propose"]> {
  return registry.propose(account, {
    kind: "when",
    guards: [{ on: "create", key, is: "=", than: since }],
    then: [{ kind: "delete", from: key }],
    otherwise: [],
  });
}

/** Resolves when nobody is before him; with false when the signal comes first. */
export async function awaitTurn(
  registry: Registry,
  { account, range }: Place,
  since: Revision,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    const before = findLast(registry, account, range, since);
    if (before === undefined) return true;
    await awaitGone(registry, account, before, signal);
  }
  return false;
}

/** The one that was created last of those before this revision. */
function findLast(registry: Registry, account: Account, range: KeyRange, since: Revision): KeyRecord | undefined {
  return pick(registry, account, range, (one, best) => one.createRevision < since && one.createRevision > best);
}

/** Who is at the head of the line. */
export function findFirst(registry: Registry, account: Account, range: KeyRange): KeyRecord | undefined {
  return pick(registry, account, range, (one, best) => best === 0 || one.createRevision < best);
}

function pick(
  registry: Registry,
  account: Account,
  { from, to = "" }: KeyRange,
  isBetter: (one: KeyRecord, best: Revision) => boolean,
): KeyRecord | undefined {
  let best: KeyRecord | undefined;
  registry.read((view): void => {
    for (const one of view.account(account)?.entries(from, to) ?? [])
      if (isBetter(one, best?.createRevision ?? 0)) best = one;
  });
  return best;
}

/** Resolves when the key is gone, or the signal comes. */
function awaitGone(
  registry: Registry,
  account: Account,
  { key, createRevision }: KeyRecord,
  signal: AbortSignal,
): Promise<void> {
  const isThere = (): boolean =>
    registry.read((view) => view.account(account)?.entry(key)?.createRevision === createRevision);
  return new Promise((resolve) => {
    let watch: Watch | undefined;
    const finish = (): void => {
      forget();
      watch?.close();
      resolve();
    };
    const forget = onAbort(signal, finish);
    const revision = registry.read((view) => view.revision);
    const followed = registry.follow({ account, keys: { from: key } }, revision, {
      deliver: (commits) => {
        if (!isThere()) finish();
        return commits.length;
      },
      // The line is looked at anew.
      lost: finish,
    });
    if (followed.ok) watch = followed.value;
    if (!followed.ok || !isThere()) finish();
  });
}
