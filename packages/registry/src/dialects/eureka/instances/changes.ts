/** Registrations and operators' words, laid over the instance as it is in the moment of the decision. */
import {
  type Account,
  type AnyPlan,
  beatOf,
  type Command,
  type Facts,
  type Instance,
  type InstanceRecord,
  type Outcome,
  ok,
  type Plan,
  type Planned,
  refuse,
  type Status,
} from "../../../core/index.ts";
import type { EurekaStatus, InstanceInfo } from "../wire/messages.ts";
import { dirtyOf, lastDirtyOf } from "./info.ts";
import { keepMetadata, META } from "./meta.ts";
import { findInstance, toInstance, VIA } from "./registration.ts";
import { fromEurekaStatus, isOverridden } from "./status.ts";

interface Registered {
  readonly info: InstanceInfo;
  readonly app: string;
  readonly replicated: boolean;
}

/** An older copy changes nothing but renews; an equal or newer one replaces what is there. */
export const REGISTER: Plan<Registered> = {
  name: "eureka/register",
  make(facts, account, { info, app, replicated }, { atMs }) {
    const before = findInstance(facts, account, app, info.instanceId);
    if (before !== undefined && livesHere(before, replicated)) return ok({ command: null, note: null });
    const dirty = info.lastDirtyTimestamp;
    if (before !== undefined && dirty !== undefined && (dirtyOf(before) ?? 0) > dirty)
      return inOrder(beatsOf(facts, account, before));
    const made = toInstance(info, before, atMs);
    if (!made.ok) return made;
    const { ttlMs } = made.value;
    // What an operator said at a peer comes along.
    const overridden = replicated ? info.overriddenStatus : "UNKNOWN";
    const said = { ...made.value.instance, service: before?.service ?? made.value.instance.service };
    const instance = withOverride(said, overridden);
    const steps: Command[] = [{ kind: "register", instance, life: { ttlMs } }];
    if (overridden !== "UNKNOWN" && overridden !== "UP")
      steps.push({ kind: "override", instance, status: fromEurekaStatus(overridden) });
    return inOrder(steps);
  },
};

/** What is changed of an instance that is there. */
export type Wish =
  /** The operator's word. */
  | { readonly kind: "override"; readonly status: EurekaStatus; readonly dirty: number | undefined }
  /**
   * Without a status the instance is UNKNOWN until it registers anew: its next heartbeat is told so. Clients of other
   * protocols would not learn of it: their instances are again what they said.
   */
  | { readonly kind: "no-override"; readonly status: EurekaStatus | undefined; readonly dirty: number | undefined }
  /** Adds to the metadata; what it does not name stays. */
  | { readonly kind: "metadata"; readonly pairs: Readonly<Record<string, string>> };

interface Wished {
  readonly app: string;
  readonly id: string;
  readonly wish: Wish;
}

/** Changes an instance that is there, and renews it in any case. */
export const CHANGE: Plan<Wished> = {
  name: "eureka/change",
  make(facts, account, { app, id, wish }) {
    const record = findInstance(facts, account, app, id);
    if (record === undefined) return refuse("not-found", `there is no instance ${id} of ${app}`);
    const wanted = change(record, wish);
    const beats = beatsOf(facts, account, record);
    if (wanted === undefined) return inOrder(beats);
    const { instance, override } = wanted;
    const steps: Command[] = [{ kind: "register", instance, life: "keep" }];
    if (override !== record.override) steps.push({ kind: "override", instance: record, status: override });
    return inOrder([...steps, ...beats]);
  },
};

export const PLANS: readonly AnyPlan[] = [REGISTER, CHANGE];

function inOrder(then: readonly Command[]): Outcome<Planned<null>> {
  return ok({ command: { kind: "when", guards: [], then, otherwise: [] }, note: null });
}

/** The heartbeat that a request is besides; none of an instance without a lease. */
function beatsOf(facts: Facts, account: Account, { lease }: InstanceRecord): readonly Command[] {
  const found = lease === null ? undefined : facts.lease(account, lease);
  return found === undefined ? [] : [beatOf(found)];
}

/** What becomes of an instance; undefined when it stays as it is. */
function change(
  record: InstanceRecord,
  wish: Wish,
): { readonly instance: Instance; readonly override: Status | null } | undefined {
  switch (wish.kind) {
    case "override": {
      const { status, dirty } = wish;
      const said = status === "UP" && record.status === "draining" ? "passing" : record.status;
      const meta = withMeta(record.meta, META.overriddenStatus, status === "UP" ? "UP" : undefined);
      const core = status === "UP" || status === "UNKNOWN" ? null : fromEurekaStatus(status);
      return { instance: { ...record, status: said, meta: withDirty(record, meta, dirty) }, override: core };
    }
    case "no-override": {
      const { status, dirty } = wish;
      if (!isOverridden(record)) return undefined;
      const meta = withMeta(record.meta, META.overriddenStatus, undefined);
      const unsaid = record.via === VIA ? "unknown" : record.status;
      const said = status === undefined ? unsaid : fromEurekaStatus(status);
      return { instance: { ...record, status: said, meta: withDirty(record, meta, dirty) }, override: null };
    }
    case "metadata": {
      const { pairs } = wish;
      const meta = { ...record.meta, ...keepMetadata(pairs) };
      const { zone = record.zone, version = record.version } = pairs;
      return { instance: { ...record, meta, zone, version }, override: record.override };
    }
  }
}

/**
 * A peer's copy of an instance that another protocol's client keeps alive here says less than what is here, and must
 * not keep it alive either. Once that client is gone, the peer's next heartbeat finds nothing and brings the copy.
 */
export function livesHere(record: InstanceRecord, replicated: boolean): boolean {
  return replicated && record.via !== VIA;
}

function withMeta(
  meta: Readonly<Record<string, string>>,
  key: string,
  value: string | undefined,
): Readonly<Record<string, string>> {
  const { [key]: before, ...rest } = meta;
  if (value === before) return meta;
  return value === undefined ? rest : { ...rest, [key]: value };
}

/** Only a later time is taken: after an earlier one, older registrations would count again. Other dialects have none. */
function withDirty(
  record: InstanceRecord,
  meta: Readonly<Record<string, string>>,
  dirty: number | undefined,
): Readonly<Record<string, string>> {
  if (dirty === undefined || record.via !== VIA || dirty <= lastDirtyOf(record)) return meta;
  return { ...meta, [META.lastDirtyTimestamp]: String(dirty) };
}

/** An operator's UP that a peer knows of comes with the instance. */
function withOverride(instance: Instance, overridden: EurekaStatus): Instance {
  return overridden === "UP" ? { ...instance, meta: { ...instance.meta, [META.overriddenStatus]: "UP" } } : instance;
}
