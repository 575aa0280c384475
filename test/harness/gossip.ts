/**
 * Nodes that gossip, in this process: the real registry and replicator of each, over a network, disks and clocks that the
 * test holds. Everything that is left to chance follows from one number, so a run can be had again.
 */
import { createProtection, PROTECTION_DEFAULTS } from "../../packages/registry/src/around/protection.ts";
import {
  type Clock,
  type Commit,
  type Core,
  compareContents,
  nameOfUnit,
  type Outcome,
  ok,
  openCore,
  type Replicator,
  type Restored,
  refuse,
  Sequencer,
  type SequencerOptions,
  type Sink,
  TICK_MS,
  type Unit,
  unitKey,
} from "../../packages/registry/src/core/index.ts";
import { unitsOf } from "../../packages/registry/src/replicators/gossip/book.ts";
import type { Network, Receiver } from "../../packages/registry/src/replicators/gossip/network.ts";
import { createGossip, type GossipReplicator } from "../../packages/registry/src/replicators/gossip/replicator.ts";
import { LIMITS_OF_TESTS, restoredOf } from "./registry.ts";

/** mulberry32. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** What outlives a process. */
class Disk {
  static made = 0;
  readonly line = `line${Disk.made++}`;
  restored: Restored | null = null;
  commits: Commit[] = [];
}

const EMPTY: Restored = {
  ...{ revision: 0, orderMs: 0, nth: 0, floor: 0 },
  ...{ accounts: [], leases: [], instances: [], keys: [], recent: [] },
};

/** A store that is durable at once. */
function openDisk(disk: Disk, clock: Clock, origin: string, local: Pick<SequencerOptions, "stamps" | "isKeeper">) {
  let sequencer: Sequencer | null = null;
  const store: Omit<Replicator, "keeping" | "nodes" | "head"> = {
    name: "disk",
    order: "local",
    line: disk.line,
    floor: 0,
    open: async (sink) => {
      const last = disk.restored ?? EMPTY;
      sink.restore(last);
      sequencer = new Sequencer({
        ...local,
        ...{ sink, clock, origin, last, explain: String, rules: { limits: () => LIMITS_OF_TESTS } },
        append: (commits, settle) => {
          disk.commits.push(...commits);
          queueMicrotask(settle.delivered);
        },
      });
    },
    propose: (...proposal) => (sequencer as Sequencer).propose(...proposal),
    history: async (after, limit) => disk.commits.filter(({ revision }) => revision > after).slice(0, limit),
    goneAt: async () => 0,
    firstChanges: async () => refuse("unsupported", "not here"),
    revisionAt: async () => 0,
    compact: async () => refuse("unsupported", "not here"),
    close: async () => sequencer?.close(),
  };
  return store;
}

interface Message {
  readonly at: number;
  readonly to: string;
  deliver(): void;
  lost(): void;
}

export interface Node {
  readonly name: string;
  readonly core: Core;
  readonly port: GossipReplicator;
  readonly disk: Disk;
}

/** Answers that do not come are given up after so long. */
const ASK_MS = 2000;
/** As the link's: what is longer never arrives. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

export class World {
  readonly names: readonly string[];
  readonly random: () => number;
  readonly running = new Map<string, Node>();
  readonly #disks = new Map<string, Disk>();
  readonly #offsets = new Map<string, number>();
  readonly #sides = new Map<string, number>();
  readonly #apart = new Set<string>();
  readonly #receivers = new Map<string, Map<string, Receiver>>();
  readonly #timers = new Map<string, { ms: number; dueMs: number; run: () => void }[]>();
  #messages: Message[] = [];
  nowMs = 0;
  /** From 0 to 1: of messages that are lost, sent twice, and late. */
  loss = 0;
  /** What all have sent to each other. */
  readonly sent = { messages: 0, bytes: 0 };
  readonly tombstoneMs: number;

  constructor(count: number, seed: number, tombstoneMs = 600_000) {
    this.names = Array.from({ length: count }, (_, nth) => `n${nth}`);
    this.random = chance(seed);
    this.tombstoneMs = tombstoneMs;
  }

  async start(name: string): Promise<void> {
    if (this.running.has(name)) return;
    const disk = this.#disks.get(name) ?? new Disk();
    this.#disks.set(name, disk);
    const clock: Clock = {
      now: () => 1_000_000_000 + this.nowMs + (this.#offsets.get(name) ?? 0),
      monotonic: () => this.nowMs,
    };
    this.#receivers.set(name, new Map());
    this.#timers.set(name, []);
    const port = createGossip({
      ...{
        name,
        clock,
        network: this.#networkOf(name),
        random: this.random,
        tombstoneMs: this.tombstoneMs,
        firstMs: 0,
      },
      store: (local) => openDisk(disk, clock, name, local),
      every: (ms, run) => {
        const timer = { ms, dueMs: this.nowMs + Math.floor(this.random() * ms), run };
        this.#timers.get(name)?.push(timer);
        return () => {
          timer.dueMs = Number.POSITIVE_INFINITY;
        };
      },
    });
    const core = await openCore({
      ...{ clock, replicator: port, policy: createProtection(PROTECTION_DEFAULTS), openLine: () => setImmediate },
      wait: () => undefined,
      onBug: (error) => {
        throw error;
      },
    });
    this.running.set(name, { name, core, port, disk });
  }

  /** The process is gone from one moment to the next; with `wipe`, its data as well. */
  kill(name: string, wipe = false): void {
    const node = this.running.get(name);
    if (node === undefined) return;
    const { view } = node.core as unknown as Sink;
    const { orderMs, nth } = node.disk.commits.at(-1) ?? { orderMs: 0, nth: 0 };
    const stored = restoredOf(view);
    // What a later process does to the view must not show here.
    const [leases, instances, keys, accounts] = [stored.leases, stored.instances, stored.keys, stored.accounts].map(
      (rows) => [...rows],
    ) as [never, never, never, never];
    node.disk.restored = { ...stored, orderMs, nth: nth + 1000, leases, instances, keys, accounts };
    if (wipe) this.#disks.delete(name);
    this.running.delete(name);
    this.#receivers.delete(name);
    this.#timers.delete(name);
  }

  /** Nodes of one side reach each other. */
  cut(side: (nth: number) => number): void {
    for (const [nth, name] of this.names.entries()) this.#sides.set(name, side(nth));
  }

  /** These do not reach each other, but all others do. */
  part(...names: readonly string[]): void {
    for (const name of names) this.#apart.add(name);
  }

  heal(): void {
    this.#apart.clear();
    this.#sides.clear();
  }

  setClock(name: string, ms: number): void {
    this.#offsets.set(name, (this.#offsets.get(name) ?? 0) + ms);
  }

  #areJoined(a: string, b: string): boolean {
    if (this.#apart.has(a) && this.#apart.has(b)) return false;
    return this.running.has(a) && this.running.has(b) && this.#sides.get(a) === this.#sides.get(b);
  }

  #networkOf(name: string): Network {
    const world = this;
    return {
      get reached() {
        return world.names.filter((other) => other !== name && world.#areJoined(name, other));
      },
      address: "",
      learn: () => undefined,
      onReached: () => undefined,
      close: () => undefined,
      on: (channel, receiver) => void world.#receivers.get(name)?.set(channel, receiver),
      tell: (to, channel, payload) => {
        world.#count(payload);
        if (payload.length > MESSAGE_BYTES_MAX) return false;
        const times = world.random() < world.loss ? 2 : 1;
        const bytes = Buffer.from(payload);
        for (let i = 0; i < times; i++) world.#send(name, to, () => void world.#receive(name, to, channel, bytes));
        return true;
      },
      ask: (to, channel, payload) => {
        const bytes = Buffer.from(payload);
        world.#count(bytes);
        if (bytes.length > MESSAGE_BYTES_MAX) return Promise.resolve(refuse("unavailable", "too long"));
        return new Promise((resolve) => {
          const lost = (): void => resolve(refuse("unknown", "lost"));
          world.#send(
            name,
            to,
            () =>
              void world
                .#answer(name, to, channel, bytes)
                .then((answer) => world.#send(to, name, () => resolve(answer), lost)),
            lost,
          );
        });
      },
    };
  }

  #send(from: string, to: string, deliver: () => void, lost: () => void = () => {}): void {
    const isLost = !this.#areJoined(from, to) || this.random() < this.loss;
    const late = this.random() < this.loss ? 3000 : 20;
    const at = this.nowMs + (isLost ? ASK_MS : this.random() * late);
    this.#messages.push({ at, to, deliver: isLost ? lost : deliver, lost });
  }

  #receive(from: string, to: string, channel: string, payload: Buffer) {
    return this.#receivers.get(to)?.get(channel)?.(payload, from);
  }

  async #answer(from: string, to: string, channel: string, payload: Buffer): Promise<Outcome<Buffer>> {
    const answer = await this.#receive(from, to, channel, payload);
    if (answer === undefined || answer.length > MESSAGE_BYTES_MAX) return refuse("unknown", "no answer");
    this.#count(answer);
    return ok(Buffer.from(answer));
  }

  #count({ length }: Uint8Array): void {
    this.sent.messages++;
    this.sent.bytes += length;
  }

  /** A node gets these bytes on a channel, as if that other one had sent them. */
  async inject(to: string, channel: string, bytes: Buffer, from: string): Promise<Uint8Array | undefined> {
    return this.#receive(from, to, channel, bytes);
  }

  /** Time goes on for all; messages and rounds are due in steps of `stepMs`, which divides a tick. */
  async pass(ms: number, stepMs = TICK_MS): Promise<void> {
    for (const end = this.nowMs + ms; this.nowMs < end; ) {
      this.nowMs += stepMs;
      for (const { name, core } of this.running.values()) {
        if (this.nowMs % TICK_MS === 0) core.tick();
        for (const timer of this.#timers.get(name) ?? []) {
          if (timer.dueMs > this.nowMs) continue;
          timer.dueMs = this.nowMs + timer.ms;
          timer.run();
        }
      }
      await this.settle();
    }
  }

  /** What is due is delivered, and what follows from that is done. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      const due = this.#messages.filter(({ at }) => at <= this.nowMs).sort((a, b) => a.at - b.at);
      if (due.length > 0) this.#messages = this.#messages.filter(({ at }) => at > this.nowMs);
      for (const { to, deliver, lost } of due) (this.running.has(to) ? deliver : lost)();
      quiet = due.length > 0 ? 0 : quiet + 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What a node has, without what is its own. */
  picture(name: string): ReadonlyMap<string, Unit> {
    const node = this.running.get(name) as Node;
    return node.core.registry.read(
      (view) =>
        new Map(
          [...unitsOf(view)]
            .map(({ account, unit }) => [`${account}/${unitKey(nameOfUnit(unit))}`, unit] as const)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        ),
    );
  }

  /** Where two nodes have different things; empty when all are alike. */
  differences(): readonly string[] {
    const [first, ...rest] = [...this.running.keys()];
    if (first === undefined) return [];
    const ours = this.picture(first);
    return rest.flatMap((name) => {
      const theirs = this.picture(name);
      return [...new Set([...ours.keys(), ...theirs.keys()])]
        .filter((key) => {
          const [a, b] = [ours.get(key), theirs.get(key)];
          return a === undefined || b === undefined || compareContents(a, b) !== 0;
        })
        .map((key) => `${JSON.stringify(key)}: ${first} has ${tell(ours.get(key))}, ${name} ${tell(theirs.get(key))}`);
    });
  }

  async close(): Promise<void> {
    for (const { core } of this.running.values()) void core.close();
    await this.settle();
  }
}

function tell(unit: Unit | undefined): string {
  if (unit === undefined || unit.kind === "gone") return "nothing";
  const own = unit.kind === "instance" && unit.own !== null ? ` own ${unit.own.stampMs}@${unit.own.origin}` : "";
  const held = unit.kind === "key" || unit.record.held === null ? "" : " held";
  return `${unit.record.stampMs}@${unit.record.origin}${own}${held}`;
}
