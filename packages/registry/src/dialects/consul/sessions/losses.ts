/**
 * @live Ends sessions whose node or checks are lost. Most sessions rest on the agent's own node alone, which is there for
 * as long as the registry is: only the others are looked at. Seen by every node, done by the one on duty.
 */
import {
  type Account,
  byPlan,
  Chores,
  type Commit,
  keepUp,
  prefixEnd,
  subjectOf,
  type View,
} from "../../../core/index.ts";
import { NODES } from "../catalog/nodes.ts";
import { BY_NODE, sameNode } from "../catalog/place.ts";
import type { Desk } from "../desk.ts";
import { NODE_CHECK } from "./body.ts";
import { DESTROY, whyLost } from "./plan.ts";
import { SESSIONS, type SessionRecord, toSession } from "./record.ts";

const OWN_KEYS = "\0consul/";

type Parts = Pick<Desk, "registry" | "nodes" | "log" | "agent">;

export class Losses {
  readonly #parts: Parts;
  readonly #ends: readonly (() => void)[];
  /** Sessions that may be lost, by account and id. */
  readonly #exposed = new Map<Account, Map<string, SessionRecord>>();
  /** Accounts to be looked at. */
  readonly #chores: Chores<null>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#chores = new Chores(parts.nodes, 1, (account) => this.#endLost(account));
    const following = keepUp(
      parts.registry,
      { anyService: true, keys: { from: OWN_KEYS, to: prefixEnd(OWN_KEYS) } },
      { read: (view) => this.#readAll(view), take: (commit) => this.#take(commit) },
    );
    const off = parts.nodes.onDuty(() => {
      for (const account of this.#exposed.keys()) this.#stir(account);
    });
    this.#ends = [() => following.close(), off];
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  #readAll(view: View): void {
    this.#exposed.clear();
    for (const account of view.accounts()) {
      for (const record of account.entries(SESSIONS, prefixEnd(SESSIONS))) this.#note(account.name, toSession(record));
      if (this.#exposed.has(account.name)) this.#stir(account.name);
    }
  }

  #note(account: Account, session: SessionRecord): void {
    const { node, nodeChecks, serviceChecks, id } = session;
    const isSafe = sameNode(node, this.#parts.agent.node) && nodeChecks.every((check) => check === NODE_CHECK);
    if (isSafe && serviceChecks.length === 0) return;
    const others = this.#exposed.get(account) ?? new Map();
    others.set(id, session);
    this.#exposed.set(account, others);
  }

  #take({ account, changes }: Commit): void {
    for (const change of changes) {
      if (change.kind === "key" && subjectOf(change).key.startsWith(SESSIONS)) {
        const session = toSession(subjectOf(change));
        this.#forget(account, session.id);
        if (change.after !== null) this.#note(account, session);
      }
      if (!this.#exposed.has(account)) continue;
      if (change.kind === "instance" || (change.kind === "key" && subjectOf(change).key.startsWith(NODES)))
        this.#stir(account);
    }
  }

  #forget(account: Account, id: string): void {
    const others = this.#exposed.get(account);
    if (others?.delete(id) === true && others.size === 0) this.#exposed.delete(account);
  }

  #stir(account: Account): void {
    this.#chores.note(account, "", null);
  }

  async #endLost(account: Account): Promise<void> {
    const { registry, log, agent } = this.#parts;
    await registry.group(BY_NODE);
    const sessions = [...(this.#exposed.get(account)?.values() ?? [])];
    const lost = registry.read((view) =>
      sessions.filter((session) => whyLost(view, account, agent, session) !== undefined),
    );
    for (const { id } of lost) {
      const proposed = await registry.propose(account, byPlan(DESTROY, { id, agent, lostOnly: true }));
      if (!proposed.ok) log.warn({ account, session: id, why: proposed.detail }, "a lost session could not be ended");
    }
  }
}
