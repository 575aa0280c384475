/**
 * @live The nodes as the core sees them. Who wrote a lease last keeps it, and vouches for all that it keeps by being there. Of
 * a keeper that is gone every node keeps the leases for itself, each for one more ttl, and the first that hears one takes
 * it over.
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
  #present = "";
  #wasOnDuty = false;

  constructor(options: NodesOptions) {
    this.#options = options;
    options.network.on(CHANNEL, (payload, from) => {
      const end = payload.indexOf(0);
      this.#listeners.get(payload.toString("utf8", 0, end))?.(Uint8Array.from(payload.subarray(end + 1)), from);
      return undefined;
    });
  }

  #isPresent(node: string): boolean {
    return this.#options.members.isPresent(node, this.#options.clock.monotonic());
  }

  get keeper(): Keeper {
    return { node: this.#options.name, term: this.#options.line };
  }

  keeperOf(_account: Account, { origin }: LeaseRecord): string {
    return this.#isPresent(origin) ? origin : this.#options.name;
  }

  keeps(_account: Account, { origin }: LeaseRecord): boolean {
    return origin === this.#options.name || !this.#isPresent(origin);
  }

  /** Whether an end that this node proposes may be decided: nobody else has written the lease since. */
  isKeeper(account: Account, lease: LeaseRecord): boolean {
    return this.keeps(account, lease);
  }

  async renew(account: Account, leases: readonly LeaseId[]): Promise<Float64Array> {
    const { view } = this.#options.sink;
    const here = leases.filter((lease) => view.lease(account, lease) !== undefined);
    if (here.length > 0) {
      const taken = await this.#options.propose(account, { kind: "take", leases: here });
      if (!taken.ok) return Float64Array.from(leases, (lease) => (here.includes(lease) ? -1 : 0));
    }
    return Float64Array.from(leases, (lease) => view.lease(account, lease)?.ttlMs ?? 0);
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
      this.#moved();
    }
    const isOnDuty = this.isOnDuty();
    if (isOnDuty && !this.#wasOnDuty) for (const listener of this.#onDuty) listener();
    this.#wasOnDuty = isOnDuty;
  }

  /**
   * Of what another node has, that which may be merged. That a lease ran out, or is held, its keeper alone can say while
   * it is there; when this node is the keeper and has heard the lease, it says so anew.
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

  #contests({ account, unit }: Placed, from: string, alive: Map<Account, Taken>): boolean {
    if (!saysSilent(unit)) return false;
    const { view } = this.#options.sink;
    const name = nameOfUnit(unit);
    const here = findLiving(view, account, name);
    const leaseId = here?.kind === "lease" ? here.record.id : here?.record.lease;
    const lease = leaseId == null ? undefined : view.lease(account, leaseId);
    if (here === undefined || lease === undefined) return false;
    if (lease.origin !== this.#options.name) return lease.origin !== from && this.#isPresent(lease.origin);
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
