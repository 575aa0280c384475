/** @live All hooks of all accounts: each node knows them, and the one on duty tells them what happens. */
import { type Account, type Commit, type Following, keepUp, subjectOf, type View } from "../../../../core/index.ts";
import type { Metrics } from "../../../contract.ts";
import type { Desk } from "../../desk.ts";
import { Delivery, RESULTS } from "./deliver.ts";
import { hooksOf, isHookKey, nameIn, PREFIX, readHook, type StoredHook } from "./stored.ts";

export class Deliveries {
  readonly #desk: Desk;
  readonly #posts: Float64Array;
  readonly #all = new Map<Account, Map<string, Delivery>>();
  readonly #following: Following;
  readonly #resign: () => void;

  constructor(desk: Desk) {
    this.#desk = desk;
    const { registry, house } = desk;
    const help = "Posts of hooks, by what came of them.";
    this.#posts = house.metrics.tally("http", "hook_posts", help, "result", RESULTS);
    this.#show(house.metrics);
    const read = (view: View): void => this.#read(view);
    this.#following = keepUp(registry, {}, { read, take: (commit) => this.#take(commit) });
    // From where the node before has come to.
    this.#resign = house.nodes.onDuty(() => registry.read(read));
  }

  /** Of those that this node tells. */
  #show({ gauge }: Metrics): void {
    const told = (): readonly Delivery[] => this.#each().filter((delivery) => delivery.isTelling);
    gauge("http", "hooks", "Hooks that this node tells what happens.", () => told().length);
    const failing = "Those of them whose receivers do not take it.";
    gauge("http", "hooks_failing", failing, () => told().filter((delivery) => delivery.isFailing).length);
    const behind = "How long ago the oldest event happened that is still to be taken by one of them, in seconds.";
    gauge(
      "http",
      "hooks_behind_seconds",
      behind,
      () => told().reduce((most, { behindMs }) => Math.max(most, behindMs), 0) / 1000,
    );
  }

  #each(): readonly Delivery[] {
    return [...this.#all.values()].flatMap((hooks) => [...hooks.values()]);
  }

  /** Notes how far each has come. */
  async close(): Promise<void> {
    this.#following.close();
    this.#resign();
    const all = this.#each();
    this.#all.clear();
    await Promise.all(all.map((delivery) => delivery.stop(true)));
  }

  #read(view: View): void {
    for (const [account, hooks] of this.#all) for (const name of hooks.keys()) this.#forget(account, name);
    for (const account of view.accounts()) for (const hook of hooksOf(account)) this.#learn(hook);
  }

  #take({ account, changes }: Commit): void {
    let isForeign = false;
    for (const change of changes) {
      const key = change.kind === "key" ? subjectOf(change).key : "";
      isForeign ||= !key.startsWith(PREFIX);
      if (change.kind !== "key" || !isHookKey(key)) continue;
      this.#forget(account, nameIn(key));
      const hook = change.after === null ? undefined : readHook(account, change.after);
      if (hook !== undefined) this.#learn(hook);
    }
    if (isForeign) for (const delivery of this.#all.get(account)?.values() ?? []) delivery.wake();
  }

  #learn(hook: StoredHook): void {
    const hooks = this.#all.get(hook.account) ?? new Map<string, Delivery>();
    this.#all.set(hook.account, hooks.set(hook.name, new Delivery(this.#desk, hook, this.#posts)));
  }

  #forget(account: Account, name: string): void {
    const hooks = this.#all.get(account);
    const delivery = hooks?.get(name);
    if (hooks === undefined || delivery === undefined) return;
    hooks.delete(name);
    if (hooks.size === 0) this.#all.delete(account);
    void delivery.stop(false);
  }
}
