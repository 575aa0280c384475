/**
 * @live The nodes as the core sees them. Who wrote a lease last keeps it, and vouches for all that it keeps by being there. The
 * leases of a keeper that is gone are kept by the next node by name, each for one more ttl, and the first that hears one
 * takes it over.
 */
import {
  type Account,
  type Bytes,
  type Clock,
  type Command,
  findLiving,
  type InstanceKey,
  type Keeper,
  type Keeping,
  type LeaseId,
  type LeaseRecord,
  type Nodes,
  nameOfUnit,
  type Outcome,
  type Pulse,
  type Sink,
  type Unit,
  unitKey,
  versionOfUnit,
} from "../../core/index.ts";
import type { Members } from "./members.ts";
import type { Placed } from "./messages.ts";
import type { Network } from "./network.ts";

export interface NodesOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly members: Members;
  readonly network: Network;
  readonly sink: Sink;
  readonly line: string;
  /** The end of what was here at the start: of later leases this process has heard. */
  readonly startRevision: number;
  propose(account: Account, command: Command): Promise<Outcome<unknown>>;
}

const CHANNEL = "gossip/word";
const RENEW = "gossip/renew";
/** Of a heartbeat that was passed on: keep the lease yourself. */
const YOURS = -2;
/** So many heartbeats in a row must come by one other node. Clients behind a balancer come by several. */
const YOURS_AFTER = 3;
const PASSED_ON_MAX = 100_000;

/** What this node says anew. */
interface Taken {
  readonly leases: Set<LeaseId>;
  readonly instances: Map<string, InstanceKey>;
  readonly keys: Set<Bytes>;
}

export class GossipNodes implements Keeping, Nodes {
  readonly #options: NodesOptions;
  readonly #listeners = new Map<string, (bytes: Uint8Array, from: string) => void>();
  readonly #onDuty = new Set<() => void>();
  #moved: () => void = () => {};
  /** Leases whose last heartbeat came by another node: by which, and how many were heard by then. */
  readonly #passedOn = new Map<string, { readonly from: string; readonly beats: number; readonly times: number }>();
  /** Keepers of whose leases others have said that they ran out. */
  readonly #doubted = new Set<string>();
  /** By a keeper that is gone: who keeps its leases, of those that were there at the last look. */
  readonly #heirs = new Map<string, string>();
  #present = "";
  #wasOnDuty = false;

  constructor(options: NodesOptions) {
    this.#options = options;
    options.network.on(CHANNEL, (payload, from) => {
      const end = payload.indexOf(0);
      this.#listeners.get(payload.toString("utf8", 0, end))?.(Uint8Array.from(payload.subarray(end + 1)), from);
      return undefined;
    });
    options.network.on(RENEW, (payload, from) => this.#renewFor(payload, from));
  }

  #isPresent(node: string): boolean {
    return this.#options.members.isPresent(node, this.#options.clock.monotonic());
  }

  get keeper(): Keeper {
    return { node: this.#options.name, term: this.#options.line };
  }

  keeperOf(_account: Account, { origin }: LeaseRecord): string {
    return this.#isPresent(origin) ? origin : this.#heirOf(origin);
  }

  keeps(account: Account, lease: LeaseRecord): boolean {
    return this.keeperOf(account, lease) === this.#options.name;
  }

  /** One alone: were all to keep the leases, each would count them among the silent ones, and protection all of these. */
  #heirOf(gone: string): string {
    let heir = this.#heirs.get(gone);
    if (heir === undefined) {
      const present = this.#options.members.present(this.#options.clock.monotonic());
      heir = present.find((node) => node > gone) ?? (present[0] as string);
      this.#heirs.set(gone, heir);
    }
    return heir;
  }

  /** Whether an end that this node proposes may be decided: nobody else has written the lease since. */
  isKeeper(account: Account, lease: LeaseRecord): boolean {
    return this.keeps(account, lease);
  }

  /** Passes heartbeats on to the keepers, and takes over what they do not hear themselves any more, or who is not reached. */
  async renew(account: Account, leases: readonly LeaseId[]): Promise<Float64Array> {
    const { network, name, sink } = this.#options;
    const ttls = new Float64Array(leases.length);
    const byKeeper = new Map<string, number[]>();
    for (const [nth, lease] of leases.entries()) {
      const origin = sink.view.lease(account, lease)?.origin;
      if (origin !== undefined) byKeeper.set(origin, [...(byKeeper.get(origin) ?? []), nth]);
    }
    const reached = new Set(network.reached);
    await Promise.all(
      [...byKeeper].map(async ([keeper, places]) => {
        const asked = places.map((nth) => leases[nth] as LeaseId);
        const isElsewhere = keeper !== name && reached.has(keeper);
        const found = isElsewhere ? await this.#passOn(keeper, account, asked) : asked.map(() => YOURS);
        const taken = places.filter((_, at) => found[at] === YOURS);
        for (const [at, nth] of places.entries()) ttls[nth] = found[at] ?? -1;
        if (taken.length > 0) await this.#take(account, leases, taken, ttls);
      }),
    );
    return ttls;
  }

  async #passOn(keeper: string, account: Account, leases: readonly LeaseId[]): Promise<readonly number[]> {
    const answer = await this.#options.network.ask(keeper, RENEW, Buffer.from(JSON.stringify([account, leases])));
    if (!answer.ok || answer.value.length !== 8 * leases.length) return leases.map(() => -1);
    return leases.map((_, nth) => answer.value.readDoubleLE(8 * nth));
  }

  async #take(account: Account, leases: readonly LeaseId[], places: readonly number[], ttls: Float64Array) {
    const { view } = this.#options.sink;
    const taken = places.map((nth) => leases[nth] as LeaseId);
    const outcome = await this.#options.propose(account, { kind: "take", leases: taken });
    for (const nth of places) ttls[nth] = outcome.ok ? (view.lease(account, leases[nth] as LeaseId)?.ttlMs ?? 0) : -1;
  }

  /** Heartbeats that another node heard. One that alone hears a lease is to keep it. */
  #renewFor(payload: Buffer, from: string): Buffer {
    const [account, leases] = JSON.parse(payload.toString()) as [Account, readonly LeaseId[]];
    const { sink } = this.#options;
    const pulses = sink.pulsesHere(account, leases);
    const ttls = sink.renewHere(account, leases);
    const answer = Buffer.alloc(8 * leases.length);
    for (const [nth, lease] of leases.entries()) {
      const ttlMs = ttls[nth] ?? 0;
      const beats = pulses[nth]?.beats ?? 0;
      answer.writeDoubleLE(ttlMs > 0 && this.#isYours(`${account}\0${lease}`, from, beats) ? YOURS : ttlMs, 8 * nth);
    }
    return answer;
  }

  #isYours(name: string, from: string, beats: number): boolean {
    const known = this.#passedOn.get(name);
    const times = known !== undefined && known.from === from && known.beats === beats ? known.times + 1 : 1;
    this.#passedOn.delete(name);
    if (times >= YOURS_AFTER) return true;
    if (this.#passedOn.size >= PASSED_ON_MAX) this.#passedOn.clear();
    this.#passedOn.set(name, { from, beats: beats + 1, times });
    return false;
  }

  async pulses(_account: Account, leases: readonly LeaseId[]): Promise<readonly (Pulse | undefined)[]> {
    return leases.map(() => undefined);
  }

  heard(account: Account, { id, origin }: LeaseRecord): void {
    if (origin !== this.#options.name) void this.#options.propose(account, { kind: "take", leases: [id] });
  }

  onMoved(listener: () => void): void {
    this.#moved = listener;
  }

  /** Looks who is there; to be called about once a second. */
  look(): void {
    const present = this.#options.members.present(this.#options.clock.monotonic()).join("\n");
    if (present !== this.#present) {
      this.#present = present;
      this.#heirs.clear();
      this.#moved();
    }
    const isOnDuty = this.isOnDuty();
    if (isOnDuty && !this.#wasOnDuty) for (const listener of this.#onDuty) listener();
    this.#wasOnDuty = isOnDuty;
  }

  /**
   * Of what another node has, that which may be merged. That a lease ran out, or is held, its keeper alone can say while
   * it is there, through whomever; when this node is the keeper and has heard the lease, it says so anew.
   */
  judge(units: readonly Placed[], from: string): readonly Placed[] {
    const alive = new Map<Account, Taken>();
    const rest = units.filter((placed) => !this.#contests(placed, from, alive));
    for (const [account, { leases, instances, keys }] of alive)
      void this.#options.propose(account, {
        kind: "take",
        leases: [...leases],
        instances: [...instances.values()].map(({ service, id }) => ({ service, id })),
        keys: [...keys],
      });
    return rest;
  }

  /** One of these nodes that is to be asked what is true of its leases. */
  takeDoubted(reached: readonly string[]): string | undefined {
    const node = reached.find((one) => this.#doubted.has(one));
    if (node !== undefined) this.#doubted.delete(node);
    return node;
  }

  #contests({ account, unit }: Placed, from: string, alive: Map<Account, Taken>): boolean {
    if (!saysSilent(unit)) return false;
    const { view } = this.#options.sink;
    const name = nameOfUnit(unit);
    const here = findLiving(view, account, name);
    const leaseId = here?.kind === "lease" ? here.record.id : here?.record.lease;
    const lease = leaseId == null ? undefined : view.lease(account, leaseId);
    if (here === undefined || lease === undefined) return false;
    if (lease.origin !== this.#options.name) {
      if ([from, versionOfUnit(unit).origin].includes(lease.origin) || !this.#isPresent(lease.origin)) return false;
      this.#doubted.add(lease.origin);
      return true;
    }
    if (!this.#isHeard(account, lease)) return false;
    const taken = alive.get(account) ?? { leases: new Set(), instances: new Map(), keys: new Set() };
    alive.set(account, taken);
    if (name.kind === "key") taken.keys.add(name.key);
    else if (here.kind === "instance" && here.own === null) taken.instances.set(unitKey(name), here.record);
    else taken.leases.add(lease.id);
    return true;
  }

  /** Its owner spoke to this process, and it is not held here. */
  #isHeard(account: Account, lease: LeaseRecord): boolean {
    if (lease.held !== null) return false;
    const [pulse] = this.#options.sink.pulsesHere(account, [lease.id]);
    return pulse !== undefined && (pulse.beats > 0 || lease.modRevision > this.#options.startRevision);
  }

  /** The first by name of those that are there: on each side of a cut there is one. */
  get onDutyName(): string {
    const { members, clock, name } = this.#options;
    return members.present(clock.monotonic())[0] ?? name;
  }

  isOnDuty(): boolean {
    return this.onDutyName === this.#options.name;
  }

  onDuty(listener: () => void): () => void {
    this.#onDuty.add(listener);
    return () => this.#onDuty.delete(listener);
  }

  broadcast(channel: string, bytes: Uint8Array): void {
    const { network } = this.#options;
    const message = Buffer.concat([Buffer.from(`${channel}\0`), bytes]);
    for (const node of network.reached) network.tell(node, CHANNEL, message);
  }

  on(channel: string, listener: (bytes: Uint8Array, from: string) => void): () => void {
    this.#listeners.set(channel, listener);
    return () => this.#listeners.delete(channel);
  }
}

/** That its lease ran out, or would have. */
function saysSilent(unit: Unit): boolean {
  if (unit.kind === "gone") return unit.cause === "expired";
  if (unit.kind === "key") return false;
  return (unit.kind === "lease" ? unit.record : unit.own)?.held != null;
}
