/**
 * Several nodes in this process that write into one order, as over a store that they share: a group is in the order if it
 * was made at its end, everybody is told of all groups, and who keeps a lease follows from who is there.
 */

import { createProtection, PROTECTION_DEFAULTS } from "../../packages/registry/src/around/protection.ts";
import {
  type Account,
  type Clock,
  type Commit,
  type Core,
  type Keeper,
  type Keeping,
  type LeaseId,
  type LeaseRecord,
  type Nodes,
  ok,
  openCore,
  type Pulse,
  type Replicator,
  type Revision,
  type Rules,
  refuse,
  Sequencer,
  type Settle,
  type Sink,
  TICK_MS,
} from "../../packages/registry/src/core/index.ts";
import { LIMITS_OF_TESTS } from "./registry.ts";

interface Group {
  readonly commits: readonly Commit[];
  readonly by: SharedNode;
  readonly settle: Settle;
}

export class SharedOrder {
  readonly groups: Group[] = [];
  readonly nodes = new Map<string, SharedNode>();
  readonly line = "shared";
  #terms = 0;

  get head(): Revision {
    return this.groups.at(-1)?.commits.at(-1)?.revision ?? 0;
  }

  /** The node is there: it may keep leases. */
  enter(node: SharedNode): string {
    this.nodes.set(node.name, node);
    this.#move();
    return String(++this.#terms);
  }

  /** Nobody hears of the node any more; what it believes itself is another matter. */
  leave(node: SharedNode): void {
    this.nodes.delete(node.name);
    this.#move();
  }

  #move(): void {
    for (const node of this.nodes.values()) node.moved();
  }

  /** The node that granted it while that is there, else one that all agree on. */
  keeperOf({ origin, id }: LeaseRecord): SharedNode | undefined {
    const names = [...this.nodes.keys()].sort();
    return this.nodes.get(origin) ?? this.nodes.get(names[id.length % names.length] ?? "");
  }

  isKeeper(lease: LeaseRecord, { node, term }: Keeper): boolean {
    const keeper = this.keeperOf(lease);
    return keeper?.name === node && keeper.term === term;
  }

  take(group: Group): void {
    if (group.commits[0]?.revision !== this.head + 1) return group.settle.lostRace();
    this.groups.push(group);
    for (const node of this.nodes.values()) setImmediate(() => node.hear());
  }
}

/** A replicator over the order, with as much of history as watchers need. */
export class SharedNode implements Keeping, Nodes {
  readonly name: string;
  readonly #order: SharedOrder;
  readonly #clock: Clock;
  readonly #rules: Rules;
  #sink: Sink | null = null;
  #sequencer: Sequencer | null = null;
  #heard = 0;
  #listener: () => void = () => undefined;
  readonly #channels = new Map<string, (bytes: Uint8Array, from: string) => void>();
  term = "";
  /** The link between it and the others is cut. */
  isCut = false;
  /** It hears of the order later. */
  isLate = false;
  /** It knows whether it still keeps what it kept. */
  isSure = true;

  constructor(order: SharedOrder, name: string, clock: Clock, rules: Rules) {
    this.#order = order;
    this.name = name;
    this.#clock = clock;
    this.#rules = rules;
  }

  replicator(): Replicator {
    return {
      name: "shared",
      order: "total",
      keeping: this,
      nodes: this,
      line: this.#order.line,
      head: async () => (this.isCut ? refuse("unavailable", "it is cut off") : ok(this.#order.head)),
      floor: 0,
      open: async (sink) => this.#open(sink),
      propose: (account, command, signal) => {
        if (this.#sequencer === null) throw new Error("propose before open");
        return this.#sequencer.propose(account, command, signal);
      },
      goneAt: async () => 0,
      revisionAt: async () => 0,
      firstChanges: async () => refuse("unsupported", "not here"),
      compact: async () => refuse("unsupported", "not here"),
      history: async (after, limit) => this.#commits(after).slice(0, limit),
      close: async () => {
        this.#order.leave(this);
        await this.#sequencer?.close();
      },
    };
  }

  #open(sink: Sink): void {
    this.#sink = sink;
    this.#sequencer = new Sequencer({
      sink,
      clock: this.#clock,
      rules: this.#rules,
      origin: this.name,
      last: { revision: 0, orderMs: 0, nth: 0 },
      explain: String,
      isKeeper: (_account, lease, keeper) => this.#order.isKeeper(lease, keeper),
      append: (commits, settle) => setImmediate(() => this.#order.take({ commits, settle, by: this })),
    });
    this.term = this.#order.enter(this);
    this.hear();
  }

  #commits(after: number): readonly Commit[] {
    return this.#order.groups.flatMap(({ commits }) => commits).filter(({ revision }) => revision > after);
  }

  /** What it has not heard yet of the order. */
  hear(): void {
    if (this.isLate) return;
    for (; this.#heard < this.#order.groups.length; this.#heard++) {
      const { by, commits, settle } = this.#order.groups[this.#heard] as Group;
      if (by === this) settle.delivered();
      else this.#sequencer?.foreign(commits);
    }
  }

  moved(): void {
    this.#listener();
  }

  get keeper(): Keeper | null {
    return this.isSure ? { node: this.name, term: this.term } : null;
  }

  keeperOf(_account: Account, lease: LeaseRecord): string {
    return this.#order.keeperOf(lease)?.name ?? "";
  }

  keeps(_account: Account, lease: LeaseRecord): boolean {
    return this.#order.keeperOf(lease) === this;
  }

  async renew(account: Account, leases: readonly LeaseId[]): Promise<Float64Array> {
    return Float64Array.from(leases, (lease) => this.#ask(account, lease)?.renewHere(account, [lease])[0] ?? -1);
  }

  async pulses(account: Account, leases: readonly LeaseId[]): Promise<readonly (Pulse | undefined)[]> {
    return leases.map((lease) => this.#ask(account, lease)?.pulsesHere(account, [lease])[0]);
  }

  #ask(account: Account, lease: LeaseId): Sink | null {
    const record = this.#sink?.view.lease(account, lease);
    const keeper = record && this.#order.keeperOf(record);
    return keeper === undefined || keeper.isCut || this.isCut ? null : keeper.#sink;
  }

  isOnDuty(): boolean {
    return [...this.#order.nodes.keys()].sort()[0] === this.name;
  }

  onDuty(): () => void {
    return () => undefined;
  }

  broadcast(channel: string, bytes: Uint8Array): void {
    for (const node of this.#order.nodes.values())
      if (node !== this && !node.isCut && !this.isCut)
        setImmediate(() => node.#channels.get(channel)?.(bytes, this.name));
  }

  on(channel: string, listener: (bytes: Uint8Array, from: string) => void): () => void {
    this.#channels.set(channel, listener);
    return () => this.#channels.delete(channel);
  }

  onMoved(listener: () => void): void {
    this.#listener = listener;
  }
}

export interface NodeRig {
  readonly node: SharedNode;
  readonly core: Core;
  readonly time: { now: number; monotonic: number };
}

/** A node of the order that stands still in time until the test moves it. */
export async function openNode(order: SharedOrder, name: string): Promise<NodeRig> {
  const time = { now: 1_000_000, monotonic: 0 };
  const clock: Clock = { now: () => time.now, monotonic: () => time.monotonic };
  const node = new SharedNode(order, name, clock, { limits: () => LIMITS_OF_TESTS });
  const core = await openCore({
    clock,
    replicator: node.replicator(),
    policy: createProtection(PROTECTION_DEFAULTS),
    wait: (ms, run) => setTimeout(run, ms).unref(),
    openLine: () => setImmediate,
    onBug: (error) => {
      throw error;
    },
  });
  return { node, core, time };
}

/** Lets all that is under way reach everybody. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Time goes on at these nodes. */
export async function pass(rigs: readonly NodeRig[], ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= TICK_MS) {
    for (const { core, time } of rigs) {
      time.now += TICK_MS;
      time.monotonic += TICK_MS;
      core.tick();
    }
    await settle();
  }
}
