/** The instances that are held, by service and by place, longest held first; and how many are held at once. */
import { LIMITS } from "../limits.ts";
import type { Account, InstanceRecord, LeaseId } from "../types.ts";
import { placeOf } from "./census.ts";

/** Leases in one `hold`: all that lapse at once may be a hundred thousand. */
const HELD_AT_ONCE = 1000;
const HELD_BYTES_AT_ONCE = LIMITS.commitBytesMax / 2;

type ById = Map<string, InstanceRecord>;

export class HeldInstances {
  readonly #services = new Map<string, ById>();
  readonly #places = new Map<string, ById>();

  add(account: Account, record: InstanceRecord): void {
    for (const [index, key] of this.#keys(account, record)) {
      const ids = index.get(key);
      if (ids === undefined) index.set(key, new Map([[record.id, record]]));
      else ids.set(record.id, record);
    }
  }

  remove(account: Account, record: InstanceRecord): void {
    for (const [index, key] of this.#keys(account, record)) {
      const ids = index.get(key);
      if (ids?.delete(record.id) === true && ids.size === 0) index.delete(key);
    }
  }

  has(account: Account, service: string): boolean {
    return this.#services.has(`${account}/${service}`);
  }

  /** The one of the same service that was held longest at the same place. */
  at(account: Account, newcomer: InstanceRecord): InstanceRecord | undefined {
    const place = placeOf(newcomer);
    if (place === "") return undefined;
    for (const record of this.#places.get(`${account}/${newcomer.service}/${place}`)?.values() ?? []) return record;
    return undefined;
  }

  #keys(account: Account, record: InstanceRecord): (readonly [Map<string, ById>, string])[] {
    const service = `${account}/${record.service}`;
    const place = placeOf(record);
    return place === ""
      ? [[this.#services, service]]
      : [
          [this.#services, service],
          [this.#places, `${service}/${place}`],
        ];
  }
}

/** Leases as many at a time as go well into one commit; `bytesOf` is what one keeps alive. */
export function* portionsOf(
  leases: readonly LeaseId[],
  bytesOf: (lease: LeaseId) => number,
): Iterable<readonly LeaseId[]> {
  let [some, bytes] = [[] as LeaseId[], 0];
  for (const lease of leases) {
    const more = bytesOf(lease);
    if (some.length === HELD_AT_ONCE || (some.length > 0 && bytes + more > HELD_BYTES_AT_ONCE)) {
      yield some;
      [some, bytes] = [[], 0];
    }
    some.push(lease);
    bytes += more;
  }
  if (some.length > 0) yield some;
}
