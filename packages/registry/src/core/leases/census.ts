/** Counts who is there and who is missing in a service and in an account, from the catalog and the wheel. */
import type { LeaseState } from "../catalog/lease.ts";
import type { ServiceState } from "../catalog/service.ts";
import type { AccountState } from "../catalog/state.ts";
import { type InstanceRecord, isTimeless, mainPort } from "../types.ts";
import type { Departure, Departures } from "./departures.ts";
import { addCensus, type Census, NOBODY } from "./policy.ts";
import { estimate, SAMPLE_MAX, strideOf } from "./sample.ts";
import { isLooping, isSteady, type Life, matchSuccessors, type Span, together } from "./turnover.ts";
import { type LeaseWheel, TICK_MS } from "./wheel.ts";

/** A census of many takes milliseconds: it is reused for so long for each instance, and for so long at most. */
const REUSED_MS_PER_INSTANCE = 0.1;
const REUSED_MS_MAX = 500;
/** Not when by more than this share more are silent than were then. */
const GROWTH_SHARE = 1 / 16;
/** Up to so many instances of an account are counted one by one. */
const SUMMED_MAX = 20_000;

interface Living extends Life {
  readonly record: InstanceRecord;
  readonly lease: LeaseState;
}

export interface Survey {
  readonly census: Census;
  /** Instances that are silent and not lost. */
  readonly excused: ReadonlySet<InstanceRecord>;
}

/** A census before it is known who stands in for whom. */
interface Tally extends Census {
  /** When the first of the silent ones that nobody stands in for was last heard. */
  readonly firstLostAt: number;
  /** When the last of those came that stand in for nobody. */
  readonly lastBornAt: number;
  /** When one that was there for a whole ttl was last heard. */
  readonly guardLeftAt: number;
  /** Somebody stands in for one of the silent. */
  readonly replaced: boolean;
}

interface Taken<T> {
  readonly at: number;
  readonly silent: number;
  /** Who counts as heard goes by the time before. */
  readonly looksBack: boolean;
  readonly result: T;
}

const NONE: Survey["excused"] = new Set();

/** Where an instance is reached, for telling whether another is reached there now. */
export function placeOf(record: InstanceRecord): string {
  return record.address === "" ? "" : `${record.address} ${mainPort(record.ports) ?? 0}`;
}

export class Surveyor {
  readonly #wheel: LeaseWheel;
  readonly #departures: Departures;
  readonly #onExcused: (account: AccountState, held: LeaseState) => void;
  readonly #surveys = new WeakMap<ServiceState, Taken<Survey>>();
  readonly #sums = new WeakMap<AccountState, Taken<Census>>();

  /** `onExcused` is told of held leases that are not lost. */
  constructor(wheel: LeaseWheel, departures: Departures, onExcused: (account: AccountState, held: LeaseState) => void) {
    this.#wheel = wheel;
    this.#departures = departures;
    this.#onExcused = onExcused;
  }

  /** `span`: in which those that lapse fell silent. */
  service(account: AccountState, service: ServiceState, span: Span): Survey {
    return this.#reuse(this.#surveys, service, span, () => this.review(account, service, span));
  }

  account(account: AccountState, span: Span): Census {
    return this.#reuse(this.#sums, account, span, () => {
      if (account.kept > SUMMED_MAX) return estimate(account, sampleAccount(account), this.#wheel, span);
      let sum = NOBODY;
      for (const service of account.serviceStates.values())
        if (service.kept + this.#departures.size(account.name, service.name) > 0)
          sum = addCensus(sum, this.service(account, service, span).census);
      return sum;
    });
  }

  #reuse<K extends ServiceState | AccountState, T>(
    taken: WeakMap<K, Taken<T>>,
    of: K,
    { heardAfter }: Span,
    take: () => T,
  ): T {
    const { now } = this.#wheel;
    const last = taken.get(of);
    const reusedMs = Math.min(of.kept * REUSED_MS_PER_INSTANCE, REUSED_MS_MAX);
    // Many whose connections end together are silent within milliseconds.
    const isLike = last !== undefined && of.silent <= last.silent + Math.floor(last.silent * GROWTH_SHARE);
    const looksBack = heardAfter !== undefined;
    if (isLike && last.looksBack === looksBack && now - last.at <= reusedMs) return last.result;
    const { silent } = of;
    const result = take();
    taken.set(of, { at: now, silent, looksBack, result });
    return result;
  }

  /** As `service`, but as things are now. */
  review(account: AccountState, service: ServiceState, span: Span): Survey {
    if (service.kept > SAMPLE_MAX)
      return { census: estimate(service, sampleService(account, service), this.#wheel, span), excused: NONE };
    const tally = this.#tally(account, service, span);
    const departed = [...this.#departures.of(account.name, service.name)];
    const { there, heard, late, lost } = tally;
    if (departed.length === 0 && !tally.replaced && tally.lastBornAt <= tally.firstLostAt)
      return { census: { there, heard, late, lost, elsewhere: 0 }, excused: NONE };
    const living = this.#livingOf(account, service, departed, tally.firstLostAt);
    const lives = [...departed, ...living];
    matchSuccessors(lives, this.#wheel.now, tally.guardLeftAt);
    const looping = isLooping(lives);
    const excused = new Set<InstanceRecord>();
    let back = 0;
    for (const one of living) {
      if (one.silent && (one.replaced || (looping && !isSteady(one)))) {
        excused.add(one.record);
        if (!this.#wheel.isReplaced(one.lease.slot) && together(one.heardAt, one.overdueAt, span)) back++;
        if (one.lease.record.held !== null && one.lease.keepsOne()) this.#onExcused(account, one.lease);
      }
      this.#note(one);
    }
    const left = lost - back + this.#departures.countLost(account.name, service.name, span);
    return { census: { there, heard, late, lost: left, elsewhere: 0 }, excused };
  }

  /** In plain numbers, as there may be very many. */
  #tally(account: AccountState, service: ServiceState, span: Span): Tally {
    const wheel = this.#wheel;
    let [there, heard, late, lost] = [0, 0, 0, 0];
    let [firstLostAt, lastBornAt, guardLeftAt] = [
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ];
    let replaced = false;
    for (const record of service.instances.values()) {
      const lease = leaseOf(account, record);
      if (lease === undefined) continue;
      const { slot } = lease;
      if (slot < 0) {
        lastBornAt = Math.max(lastBornAt, this.#newAt(lease));
        continue;
      }
      const heardAt = wheel.heardAt(slot);
      const bornAt = wheel.bornAt(slot);
      if (bornAt > lastBornAt && !wheel.isSpent(slot)) lastBornAt = bornAt;
      if (heardAt > guardLeftAt && heardAt - bornAt >= wheel.ttlMs(slot)) guardLeftAt = heardAt;
      if (!lease.silent) {
        there++;
        if (heardAt > (span.heardAfter ?? span.to)) heard++;
        else if (wheel.dueAt(slot) < wheel.now) late++;
      } else if (wheel.isReplaced(slot)) replaced = true;
      else {
        if (heardAt < firstLostAt) firstLostAt = heardAt;
        if (together(heardAt, wheel.overdueAt(slot), span)) lost++;
      }
    }
    return { there, heard, late, lost, elsewhere: 0, firstLostAt, lastBornAt, guardLeftAt, replaced };
  }

  /** The silent ones, and those that may stand in for them. */
  #livingOf(
    account: AccountState,
    service: ServiceState,
    departed: readonly Departure[],
    firstLostAt: number,
  ): readonly Living[] {
    const first = departed.reduce((least, one) => (one.replaced ? least : Math.min(least, one.heardAt)), firstLostAt);
    const living: Living[] = [];
    for (const record of service.instances.values()) {
      const lease = leaseOf(account, record);
      if (lease === undefined) continue;
      const { slot } = lease;
      if (slot < 0) {
        if (this.#newAt(lease) > first) living.push({ record, lease, ...this.#lifeElsewhere(record, lease) });
      } else if (lease.silent || (!this.#wheel.isSpent(slot) && this.#wheel.bornAt(slot) > first))
        living.push({ record, lease, ...this.lifeOf(record, lease) });
    }
    return living;
  }

  lifeOf(record: InstanceRecord, { slot, silent }: LeaseState): Life {
    const wheel = this.#wheel;
    return {
      place: placeOf(record),
      bornAt: wheel.bornAt(slot),
      heardAt: wheel.heardAt(slot),
      overdueAt: wheel.overdueAt(slot),
      ttlMs: wheel.ttlMs(slot),
      heardOnce: wheel.beats(slot) === 1,
      silent,
      replaced: wheel.isReplaced(slot),
      spent: wheel.isSpent(slot),
    };
  }

  /** A newcomer that another node keeps: it is taken to be alive. */
  #lifeElsewhere(record: InstanceRecord, lease: LeaseState): Life {
    const { now } = this.#wheel;
    const { ttlMs } = lease.record;
    const times = { bornAt: this.#newAt(lease), heardAt: now, overdueAt: now + ttlMs, ttlMs, heardOnce: false };
    return { place: placeOf(record), ...times, silent: false, replaced: false, spent: false };
  }

  /** Another node keeps it: it came at this lease time and may stand in for another, or undefined, it may not. */
  noteElsewhere(lease: LeaseState, newAt: number | undefined): void {
    lease.newElsewhere = newAt === undefined ? undefined : Math.ceil(newAt / TICK_MS);
  }

  #newAt(lease: LeaseState): number {
    return (lease.newElsewhere ?? Number.NEGATIVE_INFINITY) * TICK_MS;
  }

  /** How many ended just now, of an account or of one of its services. */
  departed(account: AccountState, service?: ServiceState): number {
    return this.#departures.size(account.name, service?.name);
  }

  /** A match holds until the silent one is heard. One that keeps several instances is replaced by no single one. */
  #note({ lease, replaced, spent }: Living): void {
    if (spent && lease.slot >= 0) this.#wheel.spend(lease.slot);
    else if (spent) this.noteElsewhere(lease, undefined);
    if (replaced && lease.keepsOne()) this.#wheel.replace(lease.slot);
  }
}

/** The instances that a lease keeps. */
export function* instancesOf(lease: LeaseState): Iterable<InstanceRecord> {
  for (const member of lease.each()) if (!("key" in member)) yield member;
}

function* sampleService(account: AccountState, service: ServiceState): Iterable<LeaseState> {
  const stride = strideOf(service);
  let at = 0;
  for (const record of service.instances.values()) {
    const lease = at++ % stride === 0 ? leaseOf(account, record) : undefined;
    if (lease !== undefined && lease.slot >= 0) yield lease;
  }
}

function* sampleAccount(account: AccountState): Iterable<LeaseState> {
  const stride = strideOf(account);
  let at = 0;
  for (const lease of account.leaseStates.values())
    if (at++ % stride === 0 && lease.slot >= 0 && !isTimeless(lease.record))
      for (const _ of instancesOf(lease)) yield lease;
}

/** The lease that keeps the instance for a time, once the wheel has it, or when another node keeps that. */
function leaseOf(account: AccountState, record: InstanceRecord): LeaseState | undefined {
  const lease = record.lease === null ? undefined : account.leaseStates.get(record.lease);
  return lease === undefined || (lease.slot < 0 && !lease.isElsewhere) || isTimeless(lease.record) ? undefined : lease;
}
