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
  // Nothing but reserved keys can be left.
  const cleared = await empty(registry, account);
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

/** Ends leases, deregisters what has none, and deletes all keys, reserved ones too: they belong to what goes. */
async function empty(registry: Registry, account: Account): Promise<Outcome<true>> {
  for (;;) {
    const steps = registry.read((view) => stepsOf(view.account(account)));
    if (steps.length === 0) return ok(true);
    const done = await takeAll(registry, account, steps);
    if (!done.ok) return done;
  }
}

/** At once if that can be; else each for itself, as one may have ended meanwhile, or all may be too much for a commit. */
async function takeAll(registry: Registry, account: Account, steps: readonly Command[]): Promise<Outcome<unknown>> {
  const together = await registry.propose(account, { kind: "when", guards: [], then: steps, otherwise: [] });
  if (together.ok || (together.refusal !== "not-found" && together.refusal !== "too-large")) return together;
  const alone = await Promise.all(steps.map((step) => registry.propose(account, step)));
  return alone.find((done) => !done.ok && done.refusal !== "not-found") ?? ok(true);
}

/** The next leases to end, else the next permanent instances to deregister, else the next keys to delete. */
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
  if (steps.length > 0) return steps;
  return keySteps(view);
}

/** Of keys and values that one commit deletes; the last one may pass it. */
const KEY_BYTES = LIMITS.commitBytesMax / 4;
const KEYS = LIMITS.changesMax / 4;

/** The first keys, as many as go into one commit. */
function keySteps(view: AccountView): Command[] {
  let [count, bytes] = [0, 0];
  for (const { key, value } of view.entries("", "")) {
    // Up to this one, which is the first of the next commit.
    if (count === KEYS || bytes > KEY_BYTES) return [{ kind: "delete", from: "", to: key }];
    count++;
    bytes += key.length + value.length;
  }
  return count === 0 ? [] : [{ kind: "delete", from: "", to: "" }];
}
