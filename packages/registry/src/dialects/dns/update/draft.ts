/** The instances that an UPDATE touches, as they are to be. */

import {
  type Account,
  type Bytes,
  type Command,
  type CommandOf,
  type Instance,
  type InstanceRecord,
  isTimeless,
  LIMITS,
  type Life,
} from "../../../core/index.ts";
import { TTL_MS_MAX } from "../../contract.ts";
import { fileOf } from "../labels/meta.ts";
import { matchLabel } from "../labels/text.ts";
import type { World } from "../zone/model.ts";

interface Touch {
  readonly service: string;
  readonly id: string;
  readonly before: InstanceRecord | undefined;
  now: Instance | undefined;
  /** The TTL of the record that registers it; undefined when it was only changed. */
  ttlS: number | undefined;
}

/** The lease of what a record with this TTL registers, in milliseconds; undefined: none. */
export type LeaseRule = (ttlS: number) => number | undefined;

/** A view of one account with changes laid over it. */
export class Draft {
  readonly account: Account;
  readonly #world: World;
  readonly #touched = new Map<string, Touch>();
  #stuck = false;

  constructor(account: Account, world: World) {
    this.account = account;
    this.#world = world;
  }

  /** True when an instance of a zone file was touched: nobody else changes those. */
  get stuck(): boolean {
    return this.#stuck;
  }

  /** The services that the label names: those that are written like it, else all that look like it. */
  services(label: Bytes): readonly string[] {
    const known = this.#world.index.services(this.account, label);
    const exact = known.filter((service) => matchLabel(service, label) === 2);
    const found = exact.length > 0 ? exact : known;
    const drafted = [...this.#touched.values()].map(({ service }) => service);
    return [...new Set([...found, ...drafted.filter((service) => matchLabel(service, label) === 2)])];
  }

  /** All instances of the service in the draft. */
  list(service: string): Instance[] {
    const found: Instance[] = [];
    for (const record of this.#world.view.account(this.account)?.service(service)?.instances.values() ?? []) {
      const touch = this.#touched.get(keyOf(service, record.id));
      if (touch === undefined) found.push(record);
    }
    for (const { service: of, now } of this.#touched.values()) if (of === service && now !== undefined) found.push(now);
    return found;
  }

  /** Instances with this id, of any service. */
  withId(id: string): Instance[] {
    const found: Instance[] = [];
    for (const record of this.#world.view.instancesById(this.account, id)) {
      const touch = this.#touched.get(keyOf(record.service, id));
      if (touch === undefined) found.push(record);
    }
    for (const touch of this.#touched.values()) if (touch.id === id && touch.now !== undefined) found.push(touch.now);
    return found;
  }

  get(service: string, id: string): Instance | undefined {
    const touch = this.#touched.get(keyOf(service, id));
    return touch === undefined ? this.#world.view.instance(this.account, service, id) : touch.now;
  }

  /** The instance that the label names. */
  find(service: string, label: Bytes): Instance | undefined {
    const same = this.get(service, label);
    if (same !== undefined && matchLabel(same.id, label) === 2) return same;
    let like: Instance | undefined;
    for (const instance of this.list(service)) {
      const match = matchLabel(instance.id, label);
      if (match === 2) return instance;
      if (match === 1) like ??= instance;
    }
    return like;
  }

  /** `ttlS`: of the record that registers it; left out when it is only changed. */
  set(instance: Instance, ttlS?: number): void {
    const touch = this.#touch(instance.service, instance.id);
    touch.now = instance;
    if (ttlS !== undefined) touch.ttlS = ttlS;
  }

  remove({ service, id }: Instance): void {
    const touch = this.#touch(service, id);
    touch.now = undefined;
    touch.ttlS = undefined;
  }

  #touch(service: string, id: string): Touch {
    const key = keyOf(service, id);
    let touch = this.#touched.get(key);
    if (touch === undefined) {
      const before = this.#world.view.instance(this.account, service, id);
      touch = { service, id, before, now: before, ttlS: undefined };
      this.#touched.set(key, touch);
    }
    if (touch.before !== undefined && fileOf(touch.before) !== undefined) this.#stuck = true;
    return touch;
  }

  /** All changes or none; null when there is nothing to do. */
  toCommand(lease: LeaseRule): CommandOf<"when"> | null {
    const steps: Command[] = [];
    for (const { service, id, before, now, ttlS } of this.#touched.values()) {
      if (before === undefined && now === undefined) continue;
      if (now === undefined) steps.push({ kind: "deregister", instance: { service, id } });
      else if (now !== before || ttlS !== undefined)
        steps.push({ kind: "register", instance: toInstance(now), life: this.#lifeOf(before, ttlS, lease) });
    }
    return steps.length === 0 ? null : { kind: "when", guards: [], then: steps, otherwise: [] };
  }

  /**
   * An instance that came through another protocol keeps its life, unless the update grants a lease; one that it has
   * alone begins anew, a shared one is its owner's to renew.
   */
  #lifeOf(before: InstanceRecord | undefined, ttlS: number | undefined, lease: LeaseRule): Life {
    if (ttlS === undefined) return "keep";
    const ttlMs = lease(ttlS);
    if (ttlMs !== undefined) return { ttlMs };
    if (before === undefined || before.via === "dns") return "permanent";
    const current = before.lease === null ? undefined : this.#world.view.lease(this.account, before.lease);
    return current?.own === true && !isTimeless(current) ? { ttlMs: current.ttlMs } : "keep";
  }
}

/** An instance without the fields that the catalog adds. */
function toInstance(instance: Instance): Instance {
  const { service, id, address, ports, protocol, tags, meta, version, zone, weight, status, checks, via } = instance;
  return { service, id, address, ports, protocol, tags, meta, version, zone, weight, status, checks, via };
}

function keyOf(service: string, id: string): string {
  // Neither may hold a slash.
  return `${service}/${id}`;
}

/** The lease that was asked for, within the bounds of the registry. */
export function clampLease(ms: number): number {
  return Math.min(Math.max(ms, LIMITS.ttlMsMin), TTL_MS_MAX);
}
