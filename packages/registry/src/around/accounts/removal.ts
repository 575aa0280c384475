/** @live The end of an account: what it holds, its tokens and its limits. */
import {
  type Account,
  type AccountView,
  type Command,
  LIMITS,
  type Outcome,
  ok,
  type Registry,
  refuse,
} from "../../core/index.ts";
import { isConfigured, type Stored } from "./stored.ts";

/** See `Access.removeAccount`. In several commits: what clients write meanwhile is removed too, or refused at the end. */
export async function removeAccount(
  stored: Stored,
  registry: Registry,
  account: Account,
  withContents: boolean,
): Promise<Outcome<true>> {
  if (!stored.accounts().includes(account)) return refuse("not-found", `there is no account ${account}`);
  if (stored.isConfigured(account))
    return refuse("forbidden", "this account stands in the configuration; take it out there");
  if (withContents) {
    const emptied = await empty(registry, account);
    if (!emptied.ok) return emptied;
  }
  const left = registry.read((view) => inWords(view.account(account)));
  if (left !== "") return refuse("conflict", `the account ${account} still holds ${left}`);
  const cleared = await registry.propose(account, ALL_KEYS);
  if (!cleared.ok) return cleared;
  for (const token of [...stored.tokens()].filter((one) => one.account === account && !isConfigured(one))) {
    const removed = await stored.removeToken(token.id);
    if (!removed.ok) return removed;
  }
  const removed = await stored.removeLimits(account);
  return removed.ok ? ok(true) : removed;
}

function inWords(view: AccountView | undefined): string {
  if (view === undefined) return "";
  const { instances, leases, keys } = view.counts;
  const parts = Object.entries({ instance: instances, lease: leases, key: keys }).filter(([, count]) => count > 0);
  return parts.map(([what, count]) => `${count} ${what}${count === 1 ? "" : "s"}`).join(", ");
}

/** Reserved keys go too, which do not count: they belong to what goes. */
const ALL_KEYS: Command = { kind: "delete", from: "", to: "" };

async function empty(registry: Registry, account: Account): Promise<Outcome<true>> {
  for (;;) {
    const steps = registry.read((view) => stepsOf(view.account(account)));
    const last = steps.length === 0;
    const command: Command = last ? ALL_KEYS : { kind: "when", guards: [], then: steps, otherwise: [] };
    const done = await registry.propose(account, command);
    if (!done.ok) return done;
    if (last) return ok(true);
  }
}

/** The next leases to end, else the next permanent instances to deregister; none when there is neither. */
function stepsOf(view: AccountView | undefined): Command[] {
  const steps: Command[] = [];
  if (view === undefined) return steps;
  for (const { id } of view.leases()) {
    if (steps.length === LIMITS.transactionCommandsMax) return steps;
    steps.push({ kind: "end", lease: id, cause: "closed" });
  }
  if (steps.length > 0) return steps;
  for (const { service, id } of view.instances()) {
    if (steps.length === LIMITS.transactionCommandsMax) return steps;
    steps.push({ kind: "deregister", instance: { service, id } });
  }
  return steps;
}
