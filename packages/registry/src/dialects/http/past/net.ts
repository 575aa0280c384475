/** The net difference of two moments: what is different, whatever happened in between. */
import type { NetChangeBody } from "@rollcall/client";
import {
  type Account,
  type AccountView,
  type Change,
  type Commit,
  fromBytes,
  type InstanceRecord,
  type KeyRecord,
  leaverOf,
  STATUSES,
  type Status,
  statusOf,
  subjectOf,
} from "../../../core/index.ts";
import { toTime } from "../../../native/wire/numbers.ts";
import { sayReason } from "../../../native/wire/reasons.ts";
import { type TtlOf, toAuthorBody, toInstanceBody, toKeyBody } from "../../../native/wire/records.ts";
import { isHiddenChange } from "../../../native/wire/reserved.ts";

export type Standing = Status | "held";
export type Counts = Record<Standing, number>;

/** The status that is counted; a held instance is none of the others. */
export function standingOf(record: InstanceRecord): Standing {
  return record.held === null ? statusOf(record) : "held";
}

/** Of an account as it is now. */
export function countsOf(account: AccountView | undefined): Counts {
  return Object.fromEntries(
    [...STATUSES, "held" as const].map((name) => [name, account?.statuses[name] ?? 0]),
  ) as Counts;
}

type Told = Exclude<Change, { readonly kind: "lease" }>;

/** What became of one thing, from its first change on. */
interface Became {
  readonly kind: Told["kind"];
  readonly first: Commit;
  last: Commit;
  change: Told;
  readonly before: InstanceRecord | KeyRecord | null;
  after: InstanceRecord | KeyRecord | null;
  times: number;
}

/** Gathers the changes of one account. */
export class Net {
  readonly #account: Account;
  readonly #became = new Map<string, Became>();
  commits = 0;
  changes = 0;

  constructor(account: Account) {
    this.#account = account;
  }

  fold(commit: Commit): void {
    if (commit.account !== this.#account) return;
    this.commits++;
    for (const change of commit.changes) {
      if (change.kind === "lease" || isHiddenChange(change)) continue;
      this.changes++;
      const leaver = change.kind === "instance" && change.after !== null ? leaverOf(change) : null;
      if (leaver !== null) this.#note(commit, change, leaver, leaver, null);
      this.#note(commit, change, subjectOf(change), leaver === null ? change.before : null, change.after);
    }
  }

  #note(
    commit: Commit,
    change: Told,
    subject: InstanceRecord | KeyRecord,
    before: InstanceRecord | KeyRecord | null,
    after: InstanceRecord | KeyRecord | null,
  ): void {
    const name = "key" in subject ? `k${subject.key}` : `i${subject.service}/${subject.id}`;
    const known = this.#became.get(name);
    if (known === undefined)
      this.#became.set(name, { kind: change.kind, first: commit, last: commit, change, before, after, times: 1 });
    else Object.assign(known, { last: commit, change, after, times: known.times + 1 });
  }

  /** What is different at the end, in the order of first changes. */
  different(): Different[] {
    const found: Different[] = [];
    for (const became of this.#became.values()) {
      const fields = fieldsOf(became);
      if (fields !== undefined) found.push({ ...became, fields });
    }
    return found;
  }
}

export interface Different extends Readonly<Became> {
  /** Of an instance that is there at both moments. */
  readonly fields: readonly string[];
}

/** Undefined when all is as it was. */
function fieldsOf({ before, after }: Became): readonly string[] | undefined {
  if (before === null || after === null) return before === after ? undefined : [];
  if ("key" in before || "key" in after)
    return (before as KeyRecord).value === (after as KeyRecord).value && before.lease === after.lease ? undefined : [];
  const fields = FIELDS.filter(([, value]) => JSON.stringify(value(before)) !== JSON.stringify(value(after)));
  return fields.length === 0 ? undefined : fields.map(([name]) => name);
}

/** By the names that answers have for them. What a check said last is no difference, its status is. */
const FIELDS: readonly (readonly [string, (record: InstanceRecord) => unknown])[] = [
  ["address", ({ address }) => address],
  ["ports", ({ ports }) => ports],
  ["protocol", ({ protocol }) => protocol],
  ["tags", ({ tags }) => tags],
  ["meta", ({ meta }) => meta],
  ["version", ({ version }) => version],
  ["zone", ({ zone }) => zone],
  ["weight", ({ weight }) => weight],
  ["status", statusOf],
  ["declaredStatus", ({ status }) => status],
  ["override", ({ override }) => override],
  ["checks", ({ checks }) => checks.map(({ id, kind, target, status }) => [id, kind, target, status])],
  ["lease", ({ lease }) => lease],
  ["held", ({ held }) => held !== null],
  ["via", ({ via }) => via],
];

export function whatOf({ before, after }: Pick<Became, "before" | "after">): NetChangeBody["what"] {
  return before === null ? "came" : after === null ? "left" : "changed";
}

export function toNetBody(one: Different, ttlOf: TtlOf): NetChangeBody {
  const { first, last, change, before, after, fields, times } = one;
  const net = {
    what: whatOf(one),
    cause: change.cause,
    reason: sayReason(last, change),
    at: toTime(last.atMs),
    revision: last.revision,
    by: toAuthorBody(last.by),
    firstAt: toTime(first.atMs),
    firstRevision: first.revision,
    times,
  };
  if (one.kind === "key") {
    const [was, is] = [before as KeyRecord | null, after as KeyRecord | null];
    const { key } = (is ?? was) as KeyRecord;
    return { kind: "key", key: fromBytes(key), ...net, before: was && toKeyBody(was), after: is && toKeyBody(is) };
  }
  const [was, is] = [before as InstanceRecord | null, after as InstanceRecord | null];
  const { service, id } = (is ?? was) as InstanceRecord;
  const sides = { before: was && toInstanceBody(was, ttlOf), after: is && toInstanceBody(is, ttlOf) };
  return { kind: "instance", service, id, fields: [...fields], ...net, ...sides };
}

/** Takes back from counts what these commits of an account did to them. */
export function undo(counts: Counts, { changes }: Commit): void {
  for (const change of changes) {
    if (change.kind !== "instance") continue;
    if (change.after !== null) counts[standingOf(change.after)]--;
    if (change.before !== null) counts[standingOf(change.before)]++;
  }
}
