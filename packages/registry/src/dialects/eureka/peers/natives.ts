/**
 * Natives: instances that no client of Eureka beats for, because they live by other protocols or for good. The other
 * servers would evict them, so this one beats for them.
 */
import { type AccountView, type InstanceRecord, isTimeless, type LeaseId, type Pulse } from "../../../core/index.ts";
import { lastDirtyOf } from "../instances/info.ts";
import { VIA } from "../instances/registration.ts";
import { keyOf, toBehalfMs } from "./news.ts";

interface Native {
  readonly service: string;
  readonly id: string;
  /** The others are told next at this time at the earliest, in monotonic ms. */
  nextMs: number;
  /** The number of its client's heartbeats when the others were last told of one; -1 before that. */
  beats: number;
  /**
   * The time of the copy that peers were sent. The record's own moves with every report of a check, also where nothing
   * changes that Eureka shows.
   */
  dirtyMs: number;
}

/** The state in which the natives are looked through. */
export interface Due {
  readonly account: AccountView | undefined;
  /** Of leases that this node keeps. */
  readonly pulse: (lease: LeaseId) => Pulse | undefined;
  /** Whether this node speaks for those of whom no heartbeats are expected. */
  readonly isOnDuty: boolean;
  readonly nowMs: number;
}

/** After a start the others are told of so many natives a second, or more. */
const SPREAD_MIN = 250;

/** The first heartbeat comes so long after the registration. */
const REGISTERED_MS = 500;

export class Natives {
  readonly #natives = new Map<string, Native>();

  /** Begins anew with the account's natives. The others are told of them soon, but not of all at once. */
  scan(account: AccountView | undefined, nowMs: number): void {
    this.#natives.clear();
    for (const service of account?.services() ?? [])
      for (const record of service.instances.values()) if (record.via !== VIA) this.#set(record, nowMs);
    const perSecond = Math.max(SPREAD_MIN, Math.ceil(this.#natives.size / 20));
    let nth = 0;
    for (const native of this.#natives.values()) native.nextMs = nowMs + (nth++ / perSecond) * 1000;
  }

  /** `isNew`: the others are sent the registration now, so its heartbeats can wait. */
  learn(record: InstanceRecord, isNew: boolean, nowMs: number): void {
    const key = keyOf(record.service, record.id);
    if (record.via !== VIA) {
      if (isNew || !this.#natives.has(key)) this.#set(record, nowMs + REGISTERED_MS);
    } else this.#natives.delete(key);
  }

  has(service: string, id: string): boolean {
    return this.#natives.has(keyOf(service, id));
  }

  forget(service: string, id: string): void {
    this.#natives.delete(keyOf(service, id));
  }

  /** Undefined when it is not one of these. */
  dirtyOf(record: InstanceRecord): number | undefined {
    return record.via === VIA ? undefined : this.#natives.get(keyOf(record.service, record.id))?.dirtyMs;
  }

  /**
   * Calls `tell` for each native whose time has come, with how long its heartbeat is worth sending. One with a lease that
   * has a time is left out until its client beats again: otherwise it would live longer elsewhere than here.
   */
  due({ account, pulse, isOnDuty, nowMs }: Due, tell: (service: string, id: string, everyMs: number) => void): void {
    for (const native of this.#natives.values()) {
      if (native.nextMs > nowMs) continue;
      const { service, id } = native;
      const record = account?.service(service)?.instances.get(id);
      if (record === undefined) continue;
      // What protection keeps listed here is kept alive there, too.
      const lease = record.lease === null ? undefined : account?.lease(record.lease);
      if (lease !== undefined && record.held === null && !isTimeless(lease)) {
        const beats = pulse(lease.id)?.beats;
        if (beats === undefined || beats === native.beats) continue;
        native.beats = beats;
      } else if (!isOnDuty) continue;
      const everyMs = toBehalfMs(lease?.ttlMs);
      native.nextMs = nowMs + everyMs;
      tell(service, id, everyMs);
    }
  }

  each(tell: (service: string, id: string) => void): void {
    for (const { service, id } of this.#natives.values()) tell(service, id);
  }

  #set(record: InstanceRecord, nextMs: number): void {
    const { service, id } = record;
    const key = keyOf(service, id);
    // The clock may have gone back: to peers a copy with an earlier time would be an older one.
    const dirtyMs = Math.max(lastDirtyOf(record), (this.#natives.get(key)?.dirtyMs ?? 0) + 1);
    this.#natives.set(key, { service, id, nextMs, beats: -1, dirtyMs });
  }
}
