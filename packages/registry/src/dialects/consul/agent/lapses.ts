/**
 * @live What time does to checks: those whose TTL is over turn critical, and services whose check has been critical for too
 * long go. Seen by every node, done by the one on duty.
 */
import {
  type Account,
  type Bytes,
  byPlan,
  type Change,
  Chores,
  type Commit,
  type InstanceRecord,
  keepUp,
  prefixEnd,
  subjectOf,
  type View,
} from "../../../core/index.ts";
import { BY_TROUBLE } from "../catalog/checks.ts";
import { extrasOf } from "../catalog/extras.ts";
import { CHECKS, checkIdOf } from "../catalog/watched.ts";
import type { Desk } from "../desk.ts";
import { LAPSE, REAP } from "./plans.ts";

const REAP_EVERY_MS = 10_000;
/** Checks that turn critical with one commit. */
const LAPSES_MAX = 200;

type Parts = Pick<Desk, "registry" | "nodes" | "log" | "agent" | "clock">;

export class Lapses {
  readonly #parts: Parts;
  readonly #ends: readonly (() => void)[];
  /** Ids of checks whose time is up. */
  readonly #chores: Chores<string>;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { registry, nodes } = parts;
    this.#chores = new Chores(nodes, LAPSES_MAX, (account, ids) => this.#lapse(account, ids));
    const following = keepUp(
      registry,
      { keys: { from: CHECKS, to: prefixEnd(CHECKS) } },
      { read: (view) => this.#readAll(view), take: (commit) => this.#take(commit) },
    );
    const timer = setInterval(() => void this.#reap(), REAP_EVERY_MS);
    timer.unref();
    const off = nodes.onDuty(() => registry.read((view) => this.#readAll(view)));
    this.#ends = [() => following.close(), () => clearInterval(timer), off];
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  #readAll(view: View): null {
    for (const account of view.accounts())
      for (const { key, lease, detachedAtMs } of account.entries(CHECKS, prefixEnd(CHECKS)))
        if (lease === null && detachedAtMs > 0) this.#note(account.name, key);
    return null;
  }

  #take({ account, changes }: Commit): void {
    for (const change of changes) if (hasLapsed(change)) this.#note(account, subjectOf(change).key);
  }

  #note(account: Account, key: Bytes): void {
    this.#chores.note(account, key, checkIdOf(key));
  }

  async #lapse(account: Account, ids: readonly string[]): Promise<void> {
    const { registry, log, agent } = this.#parts;
    const proposed = await registry.propose(account, byPlan(LAPSE, { agent, ids }));
    if (!proposed.ok) log.warn({ account, why: proposed.detail }, "checks whose TTL is over could not be told of");
  }

  /** Services with a check that has been critical for longer than it may be. */
  async #reap(): Promise<void> {
    const { registry, nodes, log, clock } = this.#parts;
    if (!nodes.isOnDuty()) return;
    await registry.group(BY_TROUBLE);
    const nowMs = clock.now();
    const due = registry.read((view) => {
      const found: { account: Account; service: string; id: string }[] = [];
      for (const account of view.accounts())
        for (const record of account.grouped(BY_TROUBLE, "critical"))
          if (goesAtMs(record) <= nowMs) found.push({ account: account.name, service: record.service, id: record.id });
      return found;
    });
    for (const { account, service, id } of due) {
      const proposed = await registry.propose(account, byPlan(REAP, { service, id }));
      if (proposed.ok) log.info({ account, service, instance: id }, "deregistered: a check was critical for too long");
    }
  }
}

function hasLapsed(change: Change): change is Extract<Change, { readonly kind: "key" }> {
  if (change.kind !== "key") return false;
  const { before, after } = change;
  return before?.lease != null && after !== null && after.lease === null && after.detachedAtMs > 0;
}

/** When the instance is to go, by its checks of now; never for most. */
function goesAtMs(record: InstanceRecord): number {
  const { checks } = extrasOf(record);
  let first = Number.POSITIVE_INFINITY;
  for (const { id, status, reportedAtMs } of record.checks) {
    const afterMs = checks?.[id]?.deregisterAfterMs;
    if (afterMs !== undefined && status === "critical" && reportedAtMs > 0)
      first = Math.min(first, reportedAtMs + afterMs);
  }
  return first;
}
