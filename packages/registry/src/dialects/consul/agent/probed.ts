/** @live The checks of the agent's node itself that the registry runs: handed to those who run the instances'. */
import {
  type Account,
  byPlan,
  type Check,
  type Commit,
  type KeyRecord,
  keepUp,
  subjectOf,
  type View,
} from "../../../core/index.ts";
import type { Checks } from "../../contract.ts";
import { type NodeCheck, nodeKey, type RunCheck, toStored } from "../catalog/nodes.ts";
import type { Desk } from "../desk.ts";
import { FOUND } from "./plans.ts";

type Parts = Pick<Desk, "registry" | "agent"> & { readonly checks: Checks };

export class NodeProbes {
  readonly #parts: Parts;
  readonly #following: { close(): void };
  /** Ids of those that are run, by account. */
  readonly #kept = new Map<Account, ReadonlySet<string>>();

  constructor(parts: Parts) {
    this.#parts = parts;
    const key = nodeKey(parts.agent.node);
    this.#following = keepUp(
      parts.registry,
      { keys: { from: key } },
      { read: (view) => this.#readAll(view, key), take: (commit) => this.#take(commit, key) },
    );
  }

  close(): void {
    this.#following.close();
    for (const [account, ids] of this.#kept) for (const id of ids) this.#parts.checks.drop(account, nameOf(id));
  }

  #readAll(view: View, key: string): void {
    for (const account of view.accounts()) this.#set(account.name, account.entry(key));
  }

  #take({ account, changes }: Commit, key: string): void {
    for (const change of changes)
      if (change.kind === "key" && subjectOf(change).key === key) this.#set(account, change.after ?? undefined);
  }

  #set(account: Account, record: KeyRecord | undefined): void {
    const { checks } = this.#parts;
    const run = (record === undefined ? [] : toStored(record).checks).filter(hasRun);
    const ids = new Set(run.map(({ id }) => id));
    for (const id of this.#kept.get(account) ?? []) if (!ids.has(id)) checks.drop(account, nameOf(id));
    if (ids.size === 0) this.#kept.delete(account);
    else this.#kept.set(account, ids);
    for (const check of run) this.#keep(account, check);
  }

  #keep(account: Account, node: RunNodeCheck): void {
    const { registry, agent, checks } = this.#parts;
    const { id, name, status, output, foundAtMs = 0, run } = node;
    const check: Check = { id, name, ...run, status, output, reportedAtMs: foundAtMs };
    checks.keep({
      account,
      name: nameOf(id),
      check,
      at: { address: agent.address, ports: {} },
      async tell(status, output) {
        const found = [{ id, status: status as NodeCheck["status"], output }];
        await registry.propose(account, byPlan(FOUND, { agent, found }));
      },
    });
  }
}

type RunNodeCheck = NodeCheck & { readonly run: RunCheck };

function hasRun(check: NodeCheck): check is RunNodeCheck {
  return check.run !== undefined;
}

function nameOf(id: string): string {
  return `consul/node/${id}`;
}
