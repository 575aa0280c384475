/**
 * @live This node among the others: it is there as long as its lease of etcd lives. Who keeps a lease of the registry, and
 * who does what one does for all, follows from who is there; every node works it out for itself.
 */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Account, Clock, Keeper, Keeping, LeaseId, LeaseRecord, Nodes, Pulse, View } from "../../core/index.ts";
import { encodeMeta } from "../../records/meta.ts";
import type { Client } from "./client/client.ts";
import type { Guard, KeyValue, WatchEvent } from "./client/messages.ts";
import { encodeNode, type Keys, type NodeEntry, readNode, readTerm } from "./keys.ts";
import { Beats } from "./peers/beats.ts";
import { choose, hashOf } from "./peers/rendezvous.ts";
import type { Address, Roster } from "./peers/roster.ts";

export interface MembersOptions {
  readonly client: Client;
  readonly keys: Keys;
  readonly name: string;
  readonly clock: Clock;
  readonly view: Pick<View, "lease">;
  /** The others, as they are reached. */
  readonly roster: Roster;
  /** Where the others reach this node; undefined when they do not. */
  readonly address: Address | undefined;
  /** It was not renewed, or not taken, in time; null when it is again. */
  state(error: unknown): void;
}

const TTL_SECONDS = 5;
/** Before its end nobody is sure of it: the answer to a renewal was on its way. */
const MARGIN_MS = 1500;
const BEAT_MS = 1000;
const RETRY_MS = 200;
const LEASE_MAX = 2 ** 47;

/** Who has the duty, and the revision of etcd that gave it. */
export interface Holder {
  readonly node: string;
  readonly revision: number;
}

interface Known extends NodeEntry {
  readonly modRevision: number;
}

export class Members implements Keeping {
  readonly #options: MembersOptions;
  /** The nodes that are there. */
  #known = new Map<string, Known>();
  /** The last revision of etcd that brought a node, as far as it is known here. */
  #broughtRevision = 0;
  readonly #beats: Beats;
  /** The same, as leases without a node of their own are given to them. */
  #weighed: readonly (readonly [name: string, hash: number])[] = [];
  /** The term of the node that has the duty; empty while nobody has. */
  #holder = "";
  #holderRevision = 0;
  /** Who has the duty, as far as is known here; null while nobody has, or who it is has not come here yet. */
  holder: Holder | null = null;
  #lease = 0;
  /** Names this life of the node. */
  #term = "0";
  /** Monotonic time up to which the lease lives for certain. */
  #sureMs = Number.NEGATIVE_INFINITY;
  #wasSure = false;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | null = null;
  #moved: () => void = () => {};
  readonly #onDuty = new Set<() => void>();
  #holderMoved: () => void = () => {};
  readonly nodes: Nodes;

  constructor(options: MembersOptions, nodes: readonly KeyValue[], holder: KeyValue | undefined) {
    this.#options = options;
    const { roster, view } = options;
    this.#beats = new Beats(roster, (account, id) => {
      const lease = view.lease(account, id);
      return lease === undefined ? undefined : this.keeperOf(account, lease);
    });
    this.nodes = {
      isOnDuty: () => this.isOnDuty,
      onDuty: (listener) => {
        this.#onDuty.add(listener);
        return () => this.#onDuty.delete(listener);
      },
      broadcast: (channel, bytes) => roster.broadcast(channel, bytes),
      on: (channel, listener) => roster.on(channel, listener),
    };
    this.read(nodes, holder);
  }

  /** All of it anew. */
  read(nodes: readonly KeyValue[], holder: KeyValue | undefined): void {
    this.#known = new Map();
    for (const entry of nodes) this.#bring(entry);
    this.#holder = "";
    this.#holderRevision = 0;
    if (holder !== undefined) this.#setHolder(readTerm(holder.value), holder.modRevision);
    this.#move();
  }

  #bring({ key, value, modRevision }: KeyValue): void {
    const node = this.#options.keys.nodeOf(key);
    if (node === undefined) return;
    this.#known.set(node, { ...readNode(value), modRevision });
    this.#broughtRevision = Math.max(this.#broughtRevision, modRevision);
  }

  take(event: WatchEvent): void {
    const { keys } = this.#options;
    const node = keys.nodeOf(event.key);
    if (node !== undefined) {
      if (event.isDelete) this.#known.delete(node);
      else this.#bring(event);
      this.#move();
    } else if (event.key.equals(keys.holder)) {
      this.#setHolder(event.isDelete ? "" : readTerm(event.value), event.modRevision);
      if (event.isDelete) this.#beat();
    }
  }

  /** Tells who follows from who is there, and reaches those that are new. */
  #move(): void {
    this.#weighed = [...this.#known.keys()].map((name) => [name, hashOf(name)]);
    this.#nameHolder();
    this.#options.roster.set([...this.#known].map(([node, entry]) => [node, addressOf(entry)]));
    this.#moved();
  }

  /** At this revision of etcd; what is older is no news. */
  #setHolder(term: string, revision: number): void {
    if (revision <= this.#holderRevision) return;
    this.#holder = term;
    this.#holderRevision = revision;
    this.#nameHolder();
    this.#holderMoved();
    if (term !== "" && term === this.#term) for (const listener of this.#onDuty) listener();
  }

  /** The nodes that are there, by their names. */
  list(): readonly (NodeEntry & { readonly node: string })[] {
    return [...this.#known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([node, entry]) => ({ node, ...entry }));
  }

  /** Calls when another process has the duty, or none. Who had it writes nothing more by it, then. */
  onHolder(listener: () => void): void {
    this.#holderMoved = listener;
  }

  #nameHolder(): void {
    const [node] = [...this.#known].find(([, { term }]) => term === this.#holder) ?? [];
    this.holder = node === undefined ? null : { node, revision: this.#holderRevision };
  }

  /**
   * Resolves when this node is there. Another process of its name may be one that was killed: its lease ends soon. Rejects
   * when it lives on.
   */
  async join(): Promise<void> {
    const untilMs = performance.now() + TTL_SECONDS * 1000 + MARGIN_MS;
    while (!(await this.#enter())) {
      if (performance.now() > untilMs) throw new Error(this.#nameTaken);
      await delay(RETRY_MS);
    }
    this.#timer = setInterval(() => this.#beat(), BEAT_MS).unref();
  }

  get #nameTaken(): string {
    return `another process is the node ${this.#options.name}: each needs a name of its own (--name)`;
  }

  get #isSure(): boolean {
    return this.#options.clock.monotonic() < this.#sureMs;
  }

  get isOnDuty(): boolean {
    return this.#isSure && this.#holder === this.#term;
  }

  /** What a write of the one on duty is guarded by. */
  get duty(): Guard {
    return { key: this.#options.keys.holder, modRevision: this.#holderRevision };
  }

  /** A lease of etcd and the node's key bound to it; false while another process has the name. */
  async #enter(): Promise<boolean> {
    const { client, keys, name, clock, address } = this.#options;
    const lease = randomInt(1, LEASE_MAX);
    const startMs = clock.monotonic();
    await client.grantLease(lease, TTL_SECONDS);
    const key = keys.node(name);
    const term = lease.toString(16);
    const sinceMs = clock.now();
    const done = await client.transact({
      guards: [{ key, modRevision: 0 }],
      then: [{ kind: "put", key, value: encodeNode({ term, sinceMs, ...address }), lease }],
    });
    if (!done.succeeded) {
      await client.revokeLease(lease);
      return false;
    }
    this.#lease = lease;
    this.#term = term;
    this.#known.set(name, { term, sinceMs, ...address, modRevision: done.revision });
    this.#sureMs = startMs + TTL_SECONDS * 1000 - MARGIN_MS;
    if (this.#holder === "") await this.#takeDuty();
    this.#wasSure = true;
    this.#move();
    return true;
  }

  #beat(): void {
    const { state } = this.#options;
    this.#noteSure();
    this.#beating ??= this.#beatOnce()
      .then(
        () => state(this.#isSure ? null : new Error(this.#nameTaken)),
        (error: unknown) => {
          if (!this.#isSure) state(error);
        },
      )
      .finally(() => {
        this.#beating = null;
      });
  }

  #noteSure(): void {
    if (this.#wasSure === this.#isSure) return;
    this.#wasSure = this.#isSure;
    this.#moved();
  }

  async #beatOnce(): Promise<void> {
    const { client, clock } = this.#options;
    const startMs = clock.monotonic();
    if (this.#lease === 0 || (await client.renewLease(this.#lease)) === 0) {
      this.#lease = 0;
      this.#term = "0";
      this.#sureMs = Number.NEGATIVE_INFINITY;
      await this.#enter();
      return;
    }
    this.#sureMs = startMs + TTL_SECONDS * 1000 - MARGIN_MS;
    this.#noteSure();
    if (this.#holder === "") await this.#takeDuty();
  }

  /** Where nobody has it, or in place of a holder that is not reached. */
  async #takeDuty(modRevision = 0): Promise<void> {
    const { client, keys } = this.#options;
    const done = await client.transact({
      guards: [{ key: keys.holder, modRevision }],
      then: [{ kind: "put", key: keys.holder, value: encodeMeta({ term: this.#term }), lease: this.#lease }],
    });
    if (done.succeeded) this.#setHolder(this.#term, done.revision);
  }

  /** Takes the duty away from a holder that is not reached: what it has not written by then it never will. */
  async depose({ revision }: Holder): Promise<void> {
    if (this.#isSure) await this.#takeDuty(revision);
  }

  get keeper(): Keeper | null {
    return this.#isSure ? { node: this.#options.name, term: this.#term } : null;
  }

  /** The node that granted it while that is there, else one that all agree on. */
  keeperOf(account: Account, { origin, id }: LeaseRecord): string {
    if (this.#known.size === 0 || this.#known.has(origin)) return origin;
    return choose(this.#weighed, `${account}\0${id}`);
  }

  /**
   * While this node is not sure that it is there for the others, they may keep what it kept. When it knows of none it goes
   * on: heartbeats do not depend on etcd then.
   */
  keeps(account: Account, lease: LeaseRecord): boolean {
    const { name } = this.#options;
    if (this.keeperOf(account, lease) !== name) return false;
    return this.#isSure || [...this.#known.keys()].every((node) => node === name);
  }

  /** Whether an end that names this keeper may be decided. */
  isKeeper(account: Account, lease: LeaseRecord, { node, term }: Keeper): boolean {
    return this.keeperOf(account, lease) === node && this.#known.get(node)?.term === term;
  }

  /** What an end is guarded by: the keeper is there, and no node has come since. Undefined when it is gone already. */
  keeperGuards({ node, term }: Keeper): readonly Guard[] | undefined {
    const { keys } = this.#options;
    const known = this.#known.get(node);
    if (known?.term !== term) return undefined;
    return [
      { key: keys.node(node), modRevision: known.modRevision },
      { ...keys.nodes, modRevision: this.#broughtRevision },
    ];
  }

  renew(account: Account, leases: readonly LeaseId[]): Promise<Float64Array> {
    return this.#beats.renew(account, leases);
  }

  pulses(account: Account, leases: readonly LeaseId[]): Promise<readonly (Pulse | undefined)[]> {
    return this.#beats.pulses(account, leases);
  }

  onMoved(listener: () => void): void {
    this.#moved = listener;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    this.#options.roster.close();
    if (this.#lease !== 0) await this.#options.client.revokeLease(this.#lease).catch(() => {});
  }
}

function addressOf({ host, port }: NodeEntry): Address | undefined {
  return host === undefined || port === undefined ? undefined : { host, port };
}
