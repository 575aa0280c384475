/** @live User events: told to all nodes of the registry, and the newest ones kept, by nobody longer than it runs. */
import type { Account, Nodes } from "../../../../core/index.ts";
import type { Events, UserEvent } from "../../desk.ts";

const CHANNEL = "consul/events";
/** Of an account, as in the original. */
const KEPT_MAX = 256;
/** Accounts with events; of more, those that had their first one earliest are forgotten. */
const ACCOUNTS_MAX = 1000;

export class RecentEvents implements Events {
  readonly #nodes: Nodes;
  readonly #stop: () => void;
  readonly #kept = new Map<Account, UserEvent[]>();
  readonly #waiting = new Map<Account, Set<() => void>>();
  /** Counts as Lamport's clocks do. */
  #lTime = 0;

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
    this.#stop = nodes.on(CHANNEL, (bytes) => {
      const [account, event] = JSON.parse(Buffer.from(bytes).toString("utf8")) as [Account, UserEvent];
      this.#lTime = Math.max(this.#lTime, event.LTime);
      this.#keep(account, event);
    });
  }

  fire(account: Account, said: Omit<UserEvent, "LTime">): void {
    const event = { ...said, LTime: ++this.#lTime };
    this.#nodes.broadcast(CHANNEL, Buffer.from(JSON.stringify([account, event])));
    this.#keep(account, event);
  }

  list(account: Account): readonly UserEvent[] {
    return this.#kept.get(account) ?? [];
  }

  onNext(account: Account, listener: () => void): () => void {
    const others = this.#waiting.get(account) ?? new Set();
    this.#waiting.set(account, others.add(listener));
    return () => {
      others.delete(listener);
      if (others.size === 0 && this.#waiting.get(account) === others) this.#waiting.delete(account);
    };
  }

  close(): void {
    this.#stop();
    this.#waiting.clear();
  }

  #keep(account: Account, event: UserEvent): void {
    const kept = this.#kept.get(account) ?? [];
    kept.push(event);
    if (kept.length > KEPT_MAX) kept.shift();
    this.#kept.set(account, kept);
    if (this.#kept.size > ACCOUNTS_MAX) for (const first of this.#kept.keys()) return void this.#kept.delete(first);
    for (const listener of [...(this.#waiting.get(account) ?? [])]) listener();
  }
}
