/**
 * @live What time does to checks: those whose TTL is over turn critical, and services whose check has been critical for too
 * long go. Seen by every node, done by the one on duty.
 */
import {
  type Account,
  byPlan,
  type Change,
  type Commit,
  keepUp,
  perRevision,
  prefixEnd,
  type ServiceView,
  type View,
} from "../../../core/index.ts";
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
  /** Checks whose time is up, by account. */
  readonly #waiting = new Map<Account, Set<string>>();
  #busy = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { registry, nodes } = parts;
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
        if (lease === null && detachedAtMs > 0) this.#note(account.name, checkIdOf(key));
    return null;
  }

  #take({ account, changes }: Commit): void {
    for (const change of changes) if (hasLapsed(change)) this.#note(account, checkIdOf(change.after?.key ?? ""));
  }

  #note(account: Account, id: string): void {
    const waiting = this.#waiting.get(account) ?? new Set();
    waiting.add(id);
    this.#waiting.set(account, waiting);
    if (!this.#busy) {
      this.#busy = true;
      // Not within the commit that told of it.
      setImmediate(() => void this.#work());
    }
  }

  async #work(): Promise<void> {
    const { registry, nodes, log, agent } = this.#parts;
    try {
      for (;;) {
        const [next] = this.#waiting;
        if (next === undefined) break;
        const [account, waiting] = next;
        this.#waiting.delete(account);
        if (!nodes.isOnDuty()) continue;
        const ids = [...waiting];
        for (let from = 0; from < ids.length; from += LAPSES_MAX) {
          const some = ids.slice(from, from + LAPSES_MAX);
          const proposed = await registry.propose(account, byPlan(LAPSE, { agent, ids: some }));
          if (!proposed.ok)
            log.warn({ account, why: proposed.detail }, "checks whose TTL is over could not be told of");
        }
      }
    } finally {
      this.#busy = false;
    }
  }

  /** Services with a check that has been critical for longer than it may be. */
  async #reap(): Promise<void> {
    const { registry, nodes, log, clock } = this.#parts;
    if (!nodes.isOnDuty()) return;
    const nowMs = clock.now();
    const due = registry.read((view) => {
      const found: { account: Account; service: string; id: string }[] = [];
      for (const account of view.accounts())
        for (const service of account.services())
          for (const { id, atMs } of doomedIn(service))
            if (atMs <= nowMs) found.push({ account: account.name, service: service.name, id });
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

/** When instances are to go, by their checks of now. */
const doomedIn = perRevision((service: ServiceView): readonly { readonly id: string; readonly atMs: number }[] => {
  const doomed: { id: string; atMs: number }[] = [];
  for (const record of service.instances.values()) {
    if (record.checks.length === 0) continue;
    const { checks } = extrasOf(record);
    for (const { id, status, reportedAtMs } of record.checks) {
      const afterMs = checks?.[id]?.deregisterAfterMs;
      if (afterMs !== undefined && status === "critical" && reportedAtMs > 0)
        doomed.push({ id: record.id, atMs: reportedAtMs + afterMs });
    }
  }
  return doomed;
});
