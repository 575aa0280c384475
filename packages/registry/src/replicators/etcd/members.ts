/**
 * @live This node among the others: it is there as long as its lease of etcd lives. Who keeps a lease of the registry, and
 * who does what one does for all, follows from who is there; every node works it out for itself.
 */
import { hash, randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Account,
  ALONE,
  type Clock,
  type Keeper,
  type Keeping,
  type LeaseId,
  type LeaseRecord,
  type Nodes,
  type Pulse,
} from "../../core/index.ts";
import { encodeMeta } from "../../records/meta.ts";
import type { Client } from "./client/client.ts";
import type { KeyValue, WatchEvent } from "./client/messages.ts";
import { type Keys, readTerm } from "./keys.ts";

export interface MembersOptions {
  readonly client: Client;
  readonly keys: Keys;
  readonly name: string;
  readonly clock: Clock;
  /** It was not renewed, or not taken, in time; null when it is again. */
  state(error: unknown): void;
}

const TTL_SECONDS = 5;
/** Before its end nobody is sure of it: the answer to a renewal was on its way. */
const MARGIN_MS = 1500;
const BEAT_MS = 1000;
const RETRY_MS = 200;
const LEASE_MAX = 2 ** 47;

export class Members implements Keeping {
  readonly #options: MembersOptions;
  /** The term of each node that is there. */
  #terms = new Map<string, string>();
  /** The term of the node that has the duty; empty while nobody has. */
  #holder = "";
  #holderRevision = 0;
  #lease = 0;
  /** Monotonic time up to which the lease lives for certain. */
  #sureMs = Number.NEGATIVE_INFINITY;
  #wasSure = false;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | null = null;
  #moved: () => void = () => {};
  readonly #onDuty = new Set<() => void>();
  /** There is no way yet to send anything to another node. */
  readonly nodes: Nodes = {
    ...ALONE,
    isOnDuty: () => this.isOnDuty,
    onDuty: (listener) => {
      this.#onDuty.add(listener);
      return () => this.#onDuty.delete(listener);
    },
  };

  constructor(options: MembersOptions, nodes: readonly KeyValue[], holder: KeyValue | undefined) {
    this.#options = options;
    this.read(nodes, holder);
  }

  /** All of it anew. */
  read(nodes: readonly KeyValue[], holder: KeyValue | undefined): void {
    this.#terms = new Map();
    for (const { key, value } of nodes) {
      const node = this.#options.keys.nodeOf(key);
      if (node !== undefined) this.#terms.set(node, readTerm(value));
    }
    this.#holder = "";
    this.#holderRevision = 0;
    if (holder !== undefined) this.#setHolder(readTerm(holder.value), holder.modRevision);
    this.#moved();
  }

  take({ key, value, isDelete, modRevision }: WatchEvent): void {
    const node = this.#options.keys.nodeOf(key);
    if (node !== undefined) {
      if (isDelete) this.#terms.delete(node);
      else this.#terms.set(node, readTerm(value));
      this.#moved();
    } else if (key.equals(this.#options.keys.holder)) {
      this.#setHolder(isDelete ? "" : readTerm(value), modRevision);
      if (isDelete) this.#beat();
    }
  }

  /** At this revision of etcd; what is older is no news. */
  #setHolder(term: string, revision: number): void {
    if (revision <= this.#holderRevision) return;
    this.#holder = term;
    this.#holderRevision = revision;
    if (term !== "" && term === this.#term) for (const listener of this.#onDuty) listener();
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

  get #term(): string {
    return this.#lease.toString(16);
  }

  get #isSure(): boolean {
    return this.#options.clock.monotonic() < this.#sureMs;
  }

  get isOnDuty(): boolean {
    return this.#isSure && this.#holder === this.#term;
  }

  /** What a write of the one on duty is guarded by. */
  get duty(): { readonly key: Buffer; readonly modRevision: number } {
    return { key: this.#options.keys.holder, modRevision: this.#holderRevision };
  }

  /** A lease of etcd and the node's key bound to it; false while another process has the name. */
  async #enter(): Promise<boolean> {
    const { client, keys, name, clock } = this.#options;
    const lease = randomInt(1, LEASE_MAX);
    const startMs = clock.monotonic();
    await client.grantLease(lease, TTL_SECONDS);
    const key = keys.node(name);
    const term = lease.toString(16);
    const done = await client.transact({
      guards: [{ key, modRevision: 0 }],
      then: [{ kind: "put", key, value: encodeMeta({ term }), lease }],
    });
    if (!done.succeeded) {
      await client.revokeLease(lease);
      return false;
    }
    this.#lease = lease;
    this.#terms.set(name, term);
    this.#sureMs = startMs + TTL_SECONDS * 1000 - MARGIN_MS;
    await this.#takeDuty();
    this.#wasSure = true;
    this.#moved();
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
      this.#sureMs = Number.NEGATIVE_INFINITY;
      await this.#enter();
      return;
    }
    this.#sureMs = startMs + TTL_SECONDS * 1000 - MARGIN_MS;
    this.#noteSure();
    if (this.#holder === "") await this.#takeDuty();
  }

  async #takeDuty(): Promise<void> {
    const { client, keys } = this.#options;
    const done = await client.transact({
      guards: [{ key: keys.holder, modRevision: 0 }],
      then: [{ kind: "put", key: keys.holder, value: encodeMeta({ term: this.#term }), lease: this.#lease }],
    });
    if (done.succeeded) this.#setHolder(this.#term, done.revision);
  }

  get keeper(): Keeper | null {
    return this.#isSure ? { node: this.#options.name, term: this.#term } : null;
  }

  /** The node that granted it while that is there, else one that all agree on. */
  #keeperOf(account: Account, { origin, id }: LeaseRecord): string {
    if (this.#terms.size === 0 || this.#terms.has(origin)) return origin;
    let [best, most] = ["", ""];
    for (const node of this.#terms.keys()) {
      const weight = hash("sha1", `${node}\0${account}\0${id}`);
      if (weight > most) [best, most] = [node, weight];
    }
    return best;
  }

  /**
   * While this node is not sure that it is there for the others, they may keep what it kept. When it knows of none it goes
   * on: heartbeats do not depend on etcd then.
   */
  keeps(account: Account, lease: LeaseRecord): boolean {
    const { name } = this.#options;
    if (this.#keeperOf(account, lease) !== name) return false;
    return this.#isSure || [...this.#terms.keys()].every((node) => node === name);
  }

  /** Whether an end that names this keeper may be decided. */
  isKeeper(account: Account, lease: LeaseRecord, { node, term }: Keeper): boolean {
    return this.#keeperOf(account, lease) === node && this.#terms.get(node) === term;
  }

  /** There is no way yet to ask another node. */
  async renew(_account: Account, leases: readonly LeaseId[]): Promise<Float64Array> {
    return new Float64Array(leases.length).fill(-1);
  }

  async pulses(_account: Account, leases: readonly LeaseId[]): Promise<readonly (Pulse | undefined)[]> {
    return leases.map(() => undefined);
  }

  onMoved(listener: () => void): void {
    this.#moved = listener;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    if (this.#lease !== 0) await this.#options.client.revokeLease(this.#lease).catch(() => {});
  }
}
