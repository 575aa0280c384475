/**
 * @live The chains of heartbeat tokens. A token is a version-1 UUID whose time is the deadline that it stands for and whose
 * other bits prove that a node of this registry made it, for this service and this incarnation of it. So nothing is
 * written at a beat, and a token is still good after a restart, when nothing of the chain is remembered, and at another
 * node, which remembers an older part of the chain or none.
 */
import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import {
  type Account,
  type Clock,
  type Commit,
  type Follower,
  type LeaseId,
  type LeaseRecord,
  LIMITS,
  type Registry,
  type View,
} from "../../../core/index.ts";
import { hear, whenHeard } from "../../../net/routes/heard.ts";
import { formatUuid, parseUuid, type Ticks, toMaker, toTicks } from "../wire/uuid.ts";

/** What a token is for. */
export interface Bearer {
  readonly kind: "service" | "session";
  readonly account: Account;
  readonly id: string;
}

interface Chain {
  /** A lease granted anew under the same name begins a new chain. */
  readonly incarnation: number;
  /** What the latest token stands for, and the ttl that it was made with. */
  last: Ticks;
  ttlMs: number;
  /** Tokens up to this time were used before; later ones were made by other nodes. */
  floor: Ticks;
  current: string;
  /** Good until `current` is first used: a client that lost the answer retries with it. */
  previous: string | null;
  /** Wall-clock ms of the last use; 0 before the first. */
  usedAtMs: number;
}

/** When a lease had its last heartbeat, in ms; 0 for never. */
export type LastBeat = (lease: LeaseId) => number;

/** How far the time of a beat as the registry tells it may lie off: its lease time moves in ticks. */
const PULSE_ERROR_MS = 500;

/** Follows the registry, as a chain ends with its lease. */
export class Tokens implements Follower {
  readonly #registry: Registry;
  readonly #secret: () => Buffer;
  #made: { readonly of: Buffer; readonly key: KeyObject } | undefined;
  readonly #clock: Clock;
  /** One for each live lease that was given a token, or had a heartbeat by token, since the start. */
  readonly #chains = new Map<string, Chain>();

  constructor(registry: Registry, clock: Clock, secret: () => Buffer) {
    this.#registry = registry;
    this.#secret = secret;
    this.#clock = clock;
  }

  /** The first token of a new lease. */
  begin(bearer: Bearer, lease: LeaseRecord): string {
    const ticks = this.#deadline(lease);
    const token = this.#sign(bearer, lease, ticks);
    const { ttlMs } = lease;
    const incarnation = this.#incarnationOf(lease);
    const chain = { incarnation, last: ticks, ttlMs, floor: 0n, current: token, previous: null, usedAtMs: 0 };
    this.#chains.set(chainKey(bearer.account, lease.id), chain);
    return token;
  }

  /** The token for the next heartbeat; null when this one is not, or no longer, good. Lower case. */
  use(bearer: Bearer, lease: LeaseRecord, token: string): string | null {
    const key = chainKey(bearer.account, lease.id);
    const chain = this.#chains.get(key);
    if (chain === undefined || chain.incarnation !== this.#incarnationOf(lease)) {
      return this.#resume(key, bearer, lease, token, 0n);
    }
    if (token !== chain.previous && token !== chain.current) {
      // After a lower timeout a later token may stand for an earlier time.
      const floor = lease.ttlMs < chain.ttlMs ? 0n : chain.floor;
      return this.#resume(key, bearer, lease, token, floor);
    }
    chain.usedAtMs = this.#clock.now();
    if (token === chain.previous) return chain.current;
    const used = chain.last;
    chain.last = this.#deadline(lease, chain);
    chain.floor = chain.last > used ? used : chain.last - 1n;
    chain.ttlMs = lease.ttlMs;
    chain.previous = token;
    chain.current = this.#sign(bearer, lease, chain.last);
    return chain.current;
  }

  /** The exact time of the last heartbeat by token; of one by another way, or at another node, when that is clearly later. */
  lastBeats(account: Account, leases: readonly LeaseId[]): LastBeat | Promise<LastBeat> {
    return whenHeard(hear(this.#registry, account, leases), (heard) => (lease) => {
      const beatMs = heard(lease)?.lastBeatMs ?? 0;
      const usedMs = this.#chains.get(chainKey(account, lease))?.usedAtMs ?? 0;
      // A time to come is one of a clock that was ahead.
      const isExact = usedMs > 0 && usedMs <= this.#clock.now() && beatMs < usedMs + PULSE_ERROR_MS;
      return isExact ? usedMs : beatMs;
    });
  }

  forget(account: Account, lease: string): void {
    this.#chains.delete(chainKey(account, lease));
  }

  read(view: View): void {
    for (const key of this.#chains.keys()) {
      const end = key.indexOf("\0");
      if (view.lease(key.slice(0, end), key.slice(end + 1)) === undefined) this.#chains.delete(key);
    }
  }

  take({ account, changes }: Commit): void {
    for (const change of changes) {
      if (change.kind === "lease" && change.after === null && change.before !== null) {
        this.forget(account, change.before.id);
      }
    }
  }

  /** A token that is not of what is remembered: whatever a node made after the floor, for this incarnation, is good. */
  #resume(key: string, bearer: Bearer, lease: LeaseRecord, token: string, floor: Ticks): string | null {
    const parsed = parseUuid(token);
    if (!parsed.ok || parsed.value <= floor || this.#sign(bearer, lease, parsed.value) !== token) return null;
    const { ttlMs } = lease;
    const incarnation = this.#incarnationOf(lease);
    const used = parsed.value;
    // Always later: nodes tell by that which of two is the older one, whatever their clocks say.
    const last = this.#deadline(lease, { last: used, ttlMs });
    const current = this.#sign(bearer, lease, last);
    const usedAtMs = this.#clock.now();
    this.#chains.set(key, { incarnation, last, ttlMs, floor: used, current, previous: token, usedAtMs });
    return current;
  }

  #key(): KeyObject {
    const secret = this.#secret();
    if (this.#made?.of !== secret) this.#made = { of: secret, key: createSecretKey(secret) };
    return this.#made.key;
  }

  /** What all nodes know this life of a lease by: its revision, but where each has an order of its own. */
  #incarnationOf({ createRevision, grantedAtMs }: LeaseRecord): number {
    return this.#registry.order === "local" ? grantedAtMs : createRevision;
  }

  /** Later than that of the token before, also when the clock stepped back; but not when the timeout was lowered since. */
  #deadline({ ttlMs }: LeaseRecord, before: Pick<Chain, "last" | "ttlMs"> = { last: 0n, ttlMs }): Ticks {
    const ticks = toTicks(this.#clock.now() + Math.min(ttlMs, LIMITS.ttlMsMax));
    const isFree = ticks > before.last || (ttlMs < before.ttlMs && ticks !== before.last);
    return isFree ? ticks : before.last + 1n;
  }

  #sign({ kind, account, id }: Bearer, lease: LeaseRecord, ticks: Ticks): string {
    const mac = createHmac("sha256", this.#key()).update(
      `${kind}\0${account}\0${id}\0${this.#incarnationOf(lease)}\0${ticks}`,
    );
    return formatUuid(ticks, toMaker(mac.digest()));
  }
}

function chainKey(account: Account, lease: string): string {
  return `${account}\0${lease}`;
}
