/**
 * @live Every node holds everything, in an order of its own, and they tell each other what they write: at once, and by
 * comparing what they have. Of each unit the newest version stays everywhere. Durability is the store's below.
 * @rooms replicator > peers > nodes > inbox > outbox > exchange > book > status > members > messages
 * > chores > in-step > stamps > network
 */
import type { Logger } from "pino";
import {
  type Account,
  ALL_TOMBSTONES,
  type Clock,
  type Cluster,
  type Command,
  type Commit,
  type Outcome,
  ok,
  type Replicator,
  refuse,
  type SequencerOptions,
  type Sink,
  versionOfUnit,
} from "../../core/index.ts";
import { Book, unitsOf } from "./book.ts";
import { Chores } from "./chores.ts";
import { answer, compare, type Side } from "./exchange.ts";
import { InStep } from "./in-step.ts";
import { Inbox } from "./inbox.ts";
import { decodeBeats, encodeBeats, Members } from "./members.ts";
import { decodeUnits, encodeUnits, type Placed } from "./messages.ts";
import type { Network } from "./network.ts";
import { GossipNodes } from "./nodes.ts";
import { Outbox, UNITS } from "./outbox.ts";
import { NodeStamps } from "./stamps.ts";
import { type GossipStatus, judgeMembers, sayPartition, toCluster } from "./status.ts";

type Store = Omit<Replicator, "keeping" | "nodes" | "head">;

export interface GossipOptions<S extends Store> {
  /** This node's name; no other one may have it. */
  readonly name: string;
  readonly clock: Clock;
  readonly network: Network;
  /** The store of this node's own order. */
  readonly store: (local: Pick<SequencerOptions, "stamps" | "isKeeper">) => S;
  /** Of one round: beats, and a comparison with one of the others. */
  readonly intervalMs?: number;
  /** How long it is remembered that something is gone. */
  readonly tombstoneMs?: number;
  /** How long a start waits until it has compared with another node. */
  readonly firstMs?: number;
  /** From 0 to 1. */
  random(): number;
  /** Calls about so often; what it returns ends that. */
  every(ms: number, run: () => void): () => void;
  readonly log?: Pick<Logger, "info" | "warn" | "error">;
}

export interface GossipReplicator<S extends Store = Store> extends Replicator {
  readonly store: S;
  status(): GossipStatus;
}

const INTERVAL_MS = 1000;
const TOMBSTONE_MS = 24 * 3600 * 1000;
const FIRST_MS = 3000;
/** So many others are told who is there, each interval. */
const TOLD = 3;
/** Every so many comparisons what changed just now is looked at as well. */
const THOROUGH = 8;
/** So many rounds are between two times that chores are done. */
const CHORES = 30;
/** As `UNITS`, but answered when they are merged. */
const GIVEN = "gossip/given";
const COMPARE = "gossip/compare";
const BEAT = "gossip/beat";
/** Whether all units that were given are merged. */
const WHOLE = Buffer.from([1]);
const NOT_WHOLE = Buffer.from([0]);

class Gossip<S extends Store> implements GossipReplicator<S> {
  readonly name = "gossip";
  readonly order = "local";
  readonly store: S;
  readonly #options: GossipOptions<S>;
  readonly #stamps = new NodeStamps();
  readonly #book = new Book();
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #inStep = new InStep();
  readonly #chores: Chores;
  /** The orders of nodes, by their names. */
  readonly #lines = new Map<string, string>();
  #sink: Sink | null = null;
  #members: Members | null = null;
  #nodes: GossipNodes | null = null;
  #stop: () => void = () => {};
  #rounds = 0;
  #comparing = false;
  #wasPartitioned = false;
  #sinceMs = 0;
  #isClosed = false;
  #compared: () => void = () => {};

  constructor(options: GossipOptions<S>) {
    this.#options = options;
    this.store = options.store({
      stamps: this.#stamps,
      isKeeper: (account, lease) => this.#nodes?.isKeeper(account, lease) ?? true,
    });
    this.#inbox = new Inbox((account, command) => this.store.propose(account, command));
    const { network, clock, tombstoneMs = TOMBSTONE_MS } = options;
    this.#outbox = new Outbox(network, clock);
    this.#chores = new Chores({ clock, tombstoneMs, inStep: this.#inStep, store: this.store });
  }

  async open(sink: Sink): Promise<void> {
    const { name, clock, network, every, intervalMs = INTERVAL_MS, firstMs = FIRST_MS } = this.#options;
    this.#sink = sink;
    this.#sinceMs = Math.floor(clock.now());
    await this.store.open(this.#wrap(sink));
    try {
      this.#chores.recall(sink.view);
    } catch (error) {
      this.#options.log?.warn({ err: error }, "what was known of other nodes cannot be read");
    }
    const own = { name, line: this.line, sinceMs: this.#sinceMs };
    const members = new Members(own, clock.monotonic(), Math.floor(this.#stamps.least(clock.now())));
    this.#members = members;
    const propose = (account: Account, command: Command) => this.store.propose(account, command);
    const startRevision = sink.view.revision;
    this.#nodes = new GossipNodes({ name, clock, members, network, sink, line: this.line, startRevision, propose });
    network.on(UNITS, (payload, from) => this.#takeUnits(payload, from));
    network.on(GIVEN, (payload, from) => this.#takeUnits(payload, from));
    network.on(BEAT, (payload, from) => void this.#takeBeats(payload, from));
    network.on(COMPARE, (payload, from) => this.#answer(payload, from));
    const first = new Promise<void>((resolve) => {
      this.#compared = resolve;
    });
    network.onReached((node) => {
      this.#tellBeats([node], false);
      if (!this.#comparing) void this.#compare(node);
    });
    this.#stop = every(intervalMs, () => this.#round());
    if (firstMs === 0) return;
    // A node that lost its data must not show that there is nothing, nor one that slept what is gone.
    this.#round();
    const waited = new Promise<void>((resolve) => {
      const end = every(firstMs, () => {
        end();
        resolve();
      });
      void first.then(end);
    });
    await Promise.race([first, waited]);
  }

  #wrap(sink: Sink): Sink {
    const begin = (): void => {
      this.#book.fill(sink.view);
      for (const { unit } of unitsOf(sink.view)) this.#stamps.note(versionOfUnit(unit).stampMs);
      for (const { name } of sink.view.accounts())
        for (const after of sink.view.entries(name, ALL_TOMBSTONES.from, ALL_TOMBSTONES.to))
          this.#stamps.used([{ kind: "key", cause: "put", before: null, after }]);
    };
    return {
      restore: (state) => {
        sink.restore(state);
        begin();
      },
      replace: (state) => {
        sink.replace(state);
        begin();
      },
      committed: (commits) => this.#committed(sink, commits),
      heard: (account, heard) => sink.heard(account, heard),
      renewHere: (account, leases) => sink.renewHere(account, leases),
      pulsesHere: (account, leases) => sink.pulsesHere(account, leases),
      get kept() {
        return sink.kept;
      },
      get view() {
        return sink.view;
      },
    };
  }

  /** What this node wrote goes to all others at once. */
  #committed(sink: Sink, commits: readonly Commit[]): void {
    sink.committed(commits);
    const nowMs = this.#options.clock.monotonic();
    for (const commit of commits)
      for (const placed of this.#book.note(sink.view, commit, nowMs))
        if (versionOfUnit(placed.unit).origin === this.#options.name) this.#outbox.add(placed);
  }

  async #takeUnits(payload: Buffer, from: string): Promise<Buffer> {
    const units = decodeUnits(payload);
    if (!units.ok) this.#options.log?.warn({ node: from }, `what another node sent is passed over: ${units.detail}`);
    const isWhole = units.ok && (await this.#merge(units.value, from));
    return isWhole ? WHOLE : NOT_WHOLE;
  }

  async #merge(units: readonly Placed[], from: string): Promise<boolean> {
    if (this.#isClosed || this.#nodes === null) return false;
    for (const { unit } of units) this.#stamps.note(versionOfUnit(unit).stampMs);
    const rest = this.#nodes.judge(units, from);
    const isWhole = rest.length === 0 || (await this.#inbox.add(rest));
    return isWhole && rest.length === units.length;
  }

  #takeBeats(payload: Buffer, from: string): undefined {
    const beats = decodeBeats(payload);
    const { clock, network } = this.#options;
    this.#members?.take(beats, clock.monotonic());
    const line = beats.find(({ name }) => name === from)?.line;
    if (line !== undefined) this.#lines.set(from, line);
    network.learn(new Map(beats.filter(({ left }) => !left).map(({ name, address }) => [name, address])));
    this.#nodes?.look();
  }

  #answer(payload: Buffer, from: string): Buffer {
    const answered = answer(this.#side(), payload, from);
    if (!answered.ok) throw new Error(answered.detail);
    return answered.value;
  }

  #side(): Side {
    const { name, clock, tombstoneMs = TOMBSTONE_MS } = this.#options;
    const stamps = this.#stamps;
    const { view } = this.#sink as Sink;
    return {
      ...{ name, line: this.line, book: this.#book, view, isComparing: this.#comparing },
      get last() {
        return stamps.least(clock.now());
      },
      noteStamp: (stampMs) => stamps.note(stampMs),
      nowMs: () => clock.monotonic(),
      merge: (units, from) => this.#merge(units, from),
      inStep: (line, stampMs) => this.#inStep.note(line, stampMs, clock.now()),
      apart: (line, units) => this.#inStep.differ(line, units),
      boundMs: (line) => this.#inStep.boundMs(line, clock.now(), tombstoneMs),
    };
  }

  #round(): void {
    const { network, clock } = this.#options;
    const members = this.#members as Members;
    this.#rounds++;
    for (const node of network.reached) members.reached(node, clock.monotonic());
    this.#tellBeats(this.#pick(TOLD), false);
    network.learn(new Map(members.list(clock.monotonic()).map(({ name, address }) => [name, address])));
    this.#nodes?.look();
    this.#tellPartition();
    const peer = this.#nodes?.takeDoubted(network.reached) ?? this.#pick(1)[0];
    if (peer !== undefined && !this.#comparing) void this.#compare(peer);
    if (this.#rounds % CHORES === 0) this.#chores.do((this.#sink as Sink).view);
  }

  #tellPartition(): void {
    const { isPartitioned } = this.status();
    if (isPartitioned !== this.#wasPartitioned) this.#options.log?.warn(sayPartition(isPartitioned));
    this.#wasPartitioned = isPartitioned;
  }

  #tellBeats(nodes: readonly string[], left: boolean): void {
    const { network } = this.#options;
    const beats = encodeBeats((this.#members as Members).beat(network.address, this.#sink?.kept ?? 0, left));
    for (const node of nodes) network.tell(node, BEAT, beats);
  }

  /** Some of those that are reached, by chance. */
  #pick(count: number): readonly string[] {
    const left = [...this.#options.network.reached];
    const picked: string[] = [];
    while (picked.length < count && left.length > 0)
      picked.push(...left.splice(Math.floor(this.#options.random() * left.length), 1));
    return picked;
  }

  async #compare(name: string): Promise<void> {
    const { network, clock } = this.#options;
    this.#comparing = true;
    try {
      const peer = {
        name,
        ask: (payload: Buffer) => network.ask(name, COMPARE, payload),
        give: async (units: readonly Placed[]) => {
          const answer = await network.ask(name, GIVEN, encodeUnits(units, clock.now()));
          return answer.ok ? ok(answer.value[0] === WHOLE[0]) : answer;
        },
      };
      const compared = await compare(this.#side(), peer, this.#rounds % THOROUGH === 0);
      if (!compared.ok) return;
      this.#compared();
    } catch (error) {
      this.#options.log?.error({ err: error, node: name }, "the comparison with another node failed");
    } finally {
      this.#comparing = false;
    }
  }

  status(): GossipStatus {
    const { clock, network } = this.#options;
    const members = this.#members?.list(clock.monotonic()) ?? [];
    const judged = judgeMembers(members, network.reached, (node) =>
      this.#inStep.standing(this.#lines.get(node) ?? "", clock.now()),
    );
    return { ...judged, waiting: this.#inbox.count };
  }

  cluster(): Cluster {
    const { name, network } = this.#options;
    const { kept = 0, view } = this.#sink ?? {};
    const own = { name, address: network.address, sinceMs: this.#sinceMs, kept, revision: view?.revision ?? 0 };
    return toCluster(this.status(), own, this.#nodes?.onDutyName ?? name);
  }

  get line(): string {
    return this.store.line;
  }

  get keeping(): GossipNodes {
    if (this.#nodes === null) throw new Error("the store is not open");
    return this.#nodes;
  }

  get nodes(): GossipNodes {
    return this.keeping;
  }

  get floor(): number {
    return this.store.floor;
  }

  propose(account: Account, command: Command, signal?: AbortSignal): ReturnType<Replicator["propose"]> {
    if (this.#nodes === null) return Promise.resolve(refuse("unavailable", "the store is not open"));
    return this.store.propose(account, command, signal);
  }

  history(...asked: Parameters<Replicator["history"]>): ReturnType<Replicator["history"]> {
    return this.store.history(...asked);
  }

  goneAt(...asked: Parameters<Replicator["goneAt"]>): ReturnType<Replicator["goneAt"]> {
    return this.store.goneAt(...asked);
  }

  firstChanges(...asked: Parameters<Replicator["firstChanges"]>): ReturnType<Replicator["firstChanges"]> {
    return this.store.firstChanges(...asked);
  }

  revisionAt(orderMs: number): Promise<number> {
    return this.store.revisionAt(orderMs);
  }

  compact(revision: number): Promise<Outcome<number>> {
    return this.store.compact(revision);
  }

  async close(): Promise<void> {
    this.#stop();
    if (this.#members !== null) {
      this.#outbox.flush();
      this.#tellBeats(this.#options.network.reached, true);
      this.#chores.remember();
    }
    this.#isClosed = true;
    await this.store.close();
    this.#options.network.close();
  }
}

/** This node's part of a registry that each node holds whole. */
export function createGossip<S extends Store>(options: GossipOptions<S>): GossipReplicator<S> {
  return new Gossip(options);
}
