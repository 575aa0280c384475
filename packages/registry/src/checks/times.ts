/** @live Checks that are to be reported in time: the node on duty begins their time, and tells when it is up. */
import type { Logger } from "pino";
import {
  type Account,
  byPlan,
  type Commit,
  type Following,
  type InstanceKey,
  type InstanceRecord,
  keepUp,
  type Nodes,
  type Outcome,
  ok,
  prefixEnd,
  type Registry,
  type Revision,
  type Status,
  subjectOf,
  type View,
} from "../core/index.ts";
import { findTimed, isTimed, keyOf, leaseOf, REPORT, SETTLE, TIMES, type Timed, timedOf } from "./plans.ts";

/** Settled with one commit. */
const SETTLED_MAX = 200;

interface Parts {
  readonly registry: Registry;
  readonly nodes: Nodes;
  readonly log: Pick<Logger, "warn">;
}

export class Times {
  readonly #parts: Parts;
  readonly #following: Following;
  readonly #off: () => void;
  /** To be settled, by account and by their keys. */
  readonly #waiting = new Map<Account, Map<string, Timed>>();
  #isBusy = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { registry, nodes } = parts;
    this.#following = keepUp(
      registry,
      { anyService: true, keys: { from: TIMES, to: prefixEnd(TIMES) } },
      { read: (view) => this.#readAll(view), take: (commit) => this.#take(commit) },
    );
    this.#off = nodes.onDuty(() => registry.read((view) => this.#readAll(view)));
  }

  close(): void {
    this.#following.close();
    this.#off();
  }

  /**
   * A client's word on a check, wherever its time is kept. The same word again on one whose time runs is a heartbeat, and no
   * commit. Undefined when the check is none of these.
   */
  async report(
    account: Account,
    instance: InstanceKey,
    checkId: string,
    status: Status,
    output: string,
  ): Promise<Outcome<Revision> | undefined> {
    const { registry } = this.#parts;
    const timed: Timed = { service: instance.service, id: instance.id, checkId };
    const now = registry.read((view) => {
      const check = findTimed(view.instance(account, timed.service, timed.id), checkId);
      return check && { check, runs: view.entry(account, keyOf(timed))?.lease != null, revision: view.revision };
    });
    if (now === undefined) return undefined;
    if (now.runs && now.check.status === status && now.check.output === output && now.check.reportedAtMs > 0) {
      const renewed = await registry.renew(account, leaseOf(timed));
      if (renewed.ok) return ok(now.revision);
      if (renewed.refusal !== "not-found") return renewed;
    }
    const told = await registry.propose(account, byPlan(REPORT, { ...timed, status, output }));
    return told.ok ? ok(told.value.revision) : told;
  }

  #readAll(view: View): null {
    for (const account of view.accounts()) {
      for (const service of account.services())
        for (const record of service.instances.values()) this.#noteAll(account.name, record);
      for (const { key } of account.entries(TIMES, prefixEnd(TIMES))) this.#note(account.name, timedOf(key));
    }
    return null;
  }

  #take({ account, changes }: Commit): void {
    for (const change of changes) {
      if (change.kind === "key") {
        const { key } = subjectOf(change);
        if (key.startsWith(TIMES) && change.after?.lease === null) this.#note(account, timedOf(key));
      } else if (change.kind === "instance" && change.before?.checks !== change.after?.checks) {
        this.#noteAll(account, change.before);
        this.#noteAll(account, change.after);
      }
    }
  }

  #noteAll(account: Account, record: InstanceRecord | null): void {
    if (record === null || record.checks.length === 0) return;
    const { service, id } = record;
    for (const check of record.checks) if (isTimed(check)) this.#note(account, { service, id, checkId: check.id });
  }

  #note(account: Account, timed: Timed): void {
    const waiting = this.#waiting.get(account) ?? new Map<string, Timed>();
    waiting.set(keyOf(timed), timed);
    this.#waiting.set(account, waiting);
    if (this.#isBusy) return;
    this.#isBusy = true;
    // Not within the commit that told of it.
    setImmediate(() => void this.#work());
  }

  async #work(): Promise<void> {
    const { registry, nodes, log } = this.#parts;
    try {
      for (;;) {
        const [next] = this.#waiting;
        if (next === undefined) break;
        const [account, waiting] = next;
        this.#waiting.delete(account);
        // Who is on duty next looks at all of them.
        if (!nodes.isOnDuty()) continue;
        const all = [...waiting.values()];
        for (let from = 0; from < all.length; from += SETTLED_MAX) {
          const some = all.slice(from, from + SETTLED_MAX);
          const settled = await registry.propose(account, byPlan(SETTLE, { all: some }));
          if (!settled.ok) log.warn({ account, why: settled.detail }, "the time of checks could not be kept");
        }
      }
    } finally {
      this.#isBusy = false;
    }
  }
}
