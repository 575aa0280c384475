/**
 * @live Checks that stand for those of another service, or of a node: looked at again within a second of a change, by the
 * node on duty.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type Account,
  type AccountView,
  byPlan,
  type Commit,
  type KeyRecord,
  keepUp,
  prefixEnd,
  subjectOf,
  type View,
} from "../../../core/index.ts";
import { checksOf, type ShownCheck } from "../catalog/checks.ts";
import { findNode, NODES, SERF_HEALTH } from "../catalog/nodes.ts";
import { findAt, placeOf } from "../catalog/place.ts";
import { type Alias, CHECKS, checkIdOf, findCheck, toWatched } from "../catalog/watched.ts";
import type { Desk } from "../desk.ts";
import { FOUND } from "./plans.ts";

const EVERY_MS = 1000;
/** Looked at in one turn of the event loop, and told of in one commit. */
const TURN_MAX = 100;

type Parts = Pick<Desk, "registry" | "nodes" | "log" | "agent">;

interface Group {
  readonly aliases: Map<string, Alias>;
  /** What they were looked at last at. */
  revision: number;
}

export class Aliases {
  readonly #parts: Parts;
  readonly #groups = new Map<Account, Group>();
  readonly #following: { close(): void };
  readonly #timer: NodeJS.Timeout;
  #isBusy = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#following = keepUp(
      parts.registry,
      { keys: { from: CHECKS, to: prefixEnd(CHECKS) } },
      { read: (view) => this.#readAll(view), take: (commit) => this.#take(commit) },
    );
    this.#timer = setInterval(() => void this.#look(), EVERY_MS).unref();
  }

  close(): void {
    this.#following.close();
    clearInterval(this.#timer);
  }

  #readAll(view: View): void {
    this.#groups.clear();
    for (const account of view.accounts())
      for (const record of account.entries(CHECKS, prefixEnd(CHECKS))) this.#set(account.name, record.key, record);
  }

  #take({ account, changes }: Commit): void {
    for (const change of changes)
      if (change.kind === "key" && subjectOf(change).key.startsWith(CHECKS))
        this.#set(account, subjectOf(change).key, change.after);
  }

  #set(account: Account, key: string, record: KeyRecord | null): void {
    const alias = record === null ? undefined : toWatched(record).alias;
    const group = this.#groups.get(account) ?? { aliases: new Map(), revision: 0 };
    if (alias === undefined) {
      if (group.aliases.delete(checkIdOf(key)) && group.aliases.size === 0) this.#groups.delete(account);
      return;
    }
    group.aliases.set(checkIdOf(key), alias);
    group.revision = 0;
    this.#groups.set(account, group);
  }

  async #look(): Promise<void> {
    const { registry, nodes, log } = this.#parts;
    if (this.#isBusy || !nodes.isOnDuty()) return;
    this.#isBusy = true;
    try {
      for (const [account, group] of [...this.#groups]) {
        const revision = registry.read((view) => revisionOf(view.account(account)));
        if (revision <= group.revision) continue;
        group.revision = revision;
        const ids = [...group.aliases.keys()];
        for (let from = 0; from < ids.length; from += TURN_MAX) {
          await nextTurn();
          await this.#tell(account, group, ids.slice(from, from + TURN_MAX));
        }
      }
    } catch (error) {
      log.warn({ err: error }, "alias checks could not be looked at");
    } finally {
      this.#isBusy = false;
    }
  }

  async #tell(account: Account, group: Group, ids: readonly string[]): Promise<void> {
    const { registry, agent } = this.#parts;
    const found = registry.read((view) =>
      ids.flatMap((id) => {
        const alias = group.aliases.get(id);
        const now = findCheck(view, account, agent, id)?.check;
        if (alias === undefined || now === undefined) return [];
        const { status, output } = this.#judge(view, account, alias);
        return status === now.status && output === now.output ? [] : [{ id, status, output }];
      }),
    );
    if (found.length === 0) return;
    const proposed = await registry.propose(account, byPlan(FOUND, { agent, found }));
    // Looked at again in the next round.
    if (!proposed.ok) group.revision = 0;
  }

  /** As the original does, in its words. */
  #judge(view: View, account: Account, { node, service }: Alias): Pick<ShownCheck, "status" | "output"> {
    const { agent } = this.#parts;
    const place = { node: node || agent.node, id: service };
    const records = service === "" ? [] : findAt(view, account, place, agent.node);
    const keys = view.account(account);
    const ofNode = (keys && findNode(keys, agent, place.node))?.checks ?? [];
    // Of its own node the agent does not count that it is there.
    const own = node === "" ? ofNode.filter(({ id }) => id !== SERF_HEALTH.id) : ofNode;
    const checks = [...own, ...records.flatMap((record) => checksOf(record, placeOf(record, agent.node)))];
    const bad = checks.find(({ status }) => status === "critical") ?? checks.find(({ status }) => status === "warning");
    if (bad !== undefined)
      return {
        status: bad.status,
        output: `Aliased check ${JSON.stringify(bad.name)} failing: ${bad.output}`.slice(0, 4096),
      };
    if (service !== "" && records.length === 0)
      return { status: "critical", output: `Service ${service} could not be found on node ${place.node}` };
    return { status: "passing", output: checks.length === 0 ? "No checks found." : "All checks passing." };
  }
}

function revisionOf(account: AccountView | undefined): number {
  return account === undefined ? 0 : Math.max(account.catalogRevision, account.under(NODES).revision);
}
