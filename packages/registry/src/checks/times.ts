/** @live Checks that are to be reported in time: the node on duty begins their time, and tells when it is up. */
import type { Logger } from "pino";
import {
  type Account,
  byPlan,
  Chores,
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
  readonly #chores: Chores<Timed>;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { registry, nodes } = parts;
    this.#chores = new Chores(nodes, SETTLED_MAX, (account, some) => this.#settle(account, some));
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
    this.#chores.note(account, keyOf(timed), timed);
  }

  async #settle(account: Account, all: readonly Timed[]): Promise<void> {
    const { registry, log } = this.#parts;
    const settled = await registry.propose(account, byPlan(SETTLE, { all }));
    if (!settled.ok) log.warn({ account, why: settled.detail }, "the time of checks could not be kept");
  }
}
