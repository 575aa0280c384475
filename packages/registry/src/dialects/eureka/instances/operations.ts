/** What clients and other servers do to instances: each in order, durable when it resolves. */
import type {
  Account,
  Clock,
  Command,
  Instance,
  InstanceKey,
  InstanceRecord,
  Life,
  Outcome,
  Receipt,
  Refused,
  Registry,
  Status,
} from "../../../core/index.ts";
import { refuse } from "../../../core/index.ts";
import type { Done, Operations, Origin, Replication } from "../desk.ts";
import { STATUS } from "../refusals.ts";
import type { Settings } from "../settings.ts";
import type { EurekaStatus, InstanceInfo } from "../wire/messages.ts";
import { dirtyOf, lastDirtyOf, toInfo, vitalsOf } from "./info.ts";
import { keepMetadata, META } from "./meta.ts";
import { toInstance, VIA } from "./registration.ts";
import type { Spellings } from "./spellings.ts";
import { fromEurekaStatus, isOverridden, saidStatus } from "./status.ts";

/** How often a change is decided again when others changed the instance meanwhile. */
const TRIES_MAX = 8;

const NO_CONTENT: Done = { statusCode: 204, responseEntity: undefined };
const OK: Done = { statusCode: 200, responseEntity: undefined };
const NOT_FOUND: Done = { statusCode: 404, responseEntity: undefined };

export interface OperationParts {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly spellings: Spellings;
  /** Asked each time: it is made after this. */
  replication(): Replication;
}

export function createOperations(parts: OperationParts): Operations {
  return new Work(parts);
}

/** What one try comes to: an answer, or "somebody else was faster". */
type Try = Done | "again";

class Work implements Operations {
  readonly #parts: OperationParts;

  constructor(parts: OperationParts) {
    this.#parts = parts;
  }

  /** An older copy changes nothing but renews; an equal or newer one replaces what is there. */
  async register(info: InstanceInfo, app: string, origin: Origin): Promise<Done> {
    if (info.app.toUpperCase() !== app.toUpperCase()) return { statusCode: 400, responseEntity: undefined };
    return this.#retry(async () => {
      const before = this.#find(origin.account, app, info.instanceId);
      if (before !== undefined && livesHere(before, origin)) return NO_CONTENT;
      const dirty = info.lastDirtyTimestamp;
      if (before !== undefined && dirty !== undefined && (dirtyOf(before) ?? 0) > dirty) {
        // Its lease may have run out in this moment.
        return (await this.#renew(origin.account, before)) ? NO_CONTENT : "again";
      }
      const made = toInstance(info, before, this.#parts.clock.now());
      if (!made.ok) return refusedAs(made);
      const instance = before === undefined ? made.value.instance : { ...made.value.instance, service: before.service };
      const overridden = origin.replicated ? info.overriddenStatus : "UNKNOWN";
      const { ttlMs } = made.value;
      const tried = await this.#put(origin, before, withOverride(instance, overridden), { ttlMs }, overridden);
      if (tried !== undefined) return tried;
      const after = this.#find(origin.account, app, info.instanceId);
      if (after === undefined) return NO_CONTENT;
      await this.#renew(origin.account, after);
      return NO_CONTENT;
    });
  }

  async heartbeat(
    app: string,
    id: string,
    said: Parameters<Operations["heartbeat"]>[2],
    origin: Origin,
  ): Promise<Done> {
    const { account } = origin;
    const record = this.#find(account, app, id);
    if (record === undefined) return this.#unknown(app, id, said.lastDirtyTimestamp, origin);
    // UNKNOWN is left behind by the end of an override: the client must say again what it is. An operator's UNKNOWN
    // outlasts registrations: asking for one would never end.
    if (saidStatus(record) === "UNKNOWN") return NOT_FOUND;
    if (livesHere(record, origin)) return OK;
    if (!(await this.#renew(account, record))) return NOT_FOUND;
    const dirty = said.lastDirtyTimestamp;
    const stored = dirtyOf(record);
    if (dirty !== undefined && stored !== undefined) {
      if (dirty > stored) return this.#takeOverride(record, said.overriddenStatus, origin);
      if (dirty < stored && origin.replicated) return { statusCode: 409, responseEntity: this.#show(account, record) };
    }
    if (!origin.replicated) this.#parts.replication().beaten(account, record);
    return OK;
  }

  async cancel(app: string, id: string, origin: Origin): Promise<Done> {
    const record = this.#find(origin.account, app, id);
    if (record === undefined) return NOT_FOUND;
    const outcome = await this.#propose(origin, { kind: "deregister", instance: keyOf(record) });
    return outcome.ok ? OK : refusedAs(outcome);
  }

  /** The operator's word. It renews as well, as the original does. */
  async override(
    app: string,
    id: string,
    status: EurekaStatus,
    dirty: number | undefined,
    origin: Origin,
  ): Promise<Done> {
    return this.#change(app, id, dirty, origin, (record) => {
      const said = status === "UP" && record.status === "draining" ? "passing" : record.status;
      const meta = withMeta(record.meta, META.overriddenStatus, status === "UP" ? "UP" : undefined);
      const core = status === "UP" || status === "UNKNOWN" ? null : fromEurekaStatus(status);
      return { instance: { ...record, status: said, meta: withDirty(record, meta, dirty) }, override: core };
    });
  }

  /**
   * Without a status the instance is UNKNOWN until it registers anew: its next heartbeat is told so. Clients of other
   * protocols would not learn of it: their instances are again what they said.
   */
  async removeOverride(
    app: string,
    id: string,
    status: EurekaStatus | undefined,
    dirty: number | undefined,
    origin: Origin,
  ): Promise<Done> {
    return this.#change(app, id, dirty, origin, (record) => {
      if (!isOverridden(record)) return undefined;
      const meta = withMeta(record.meta, META.overriddenStatus, undefined);
      const unsaid = record.via === VIA ? "unknown" : record.status;
      const said = status === undefined ? unsaid : fromEurekaStatus(status);
      return { instance: { ...record, status: said, meta: withDirty(record, meta, dirty) }, override: null };
    });
  }

  /** Adds to the metadata; what it does not name stays. */
  async mergeMetadata(app: string, id: string, pairs: Readonly<Record<string, string>>, origin: Origin): Promise<Done> {
    return this.#change(app, id, undefined, origin, (record) => ({
      instance: {
        ...record,
        meta: { ...record.meta, ...keepMetadata(pairs) },
        zone: pairs.zone ?? record.zone,
        version: pairs.version ?? record.version,
      },
      override: record.override,
    }));
  }

  /** A peer's newer copy: it must send the whole, and what an operator said there holds here from now on. */
  async #takeOverride(record: InstanceRecord, overridden: EurekaStatus | undefined, origin: Origin): Promise<Done> {
    if (!origin.replicated || overridden === undefined || overridden === "UNKNOWN") return NOT_FOUND;
    await this.override(record.service, record.id, overridden, undefined, origin);
    return NOT_FOUND;
  }

  /** A client, and a peer with a copy of its own, is asked for a registration by this. */
  #unknown(app: string, id: string, dirty: number | undefined, { account, replicated }: Origin): Done {
    return replicated && this.#parts.replication().isGone(account, app, id, dirty) ? OK : NOT_FOUND;
  }

  /** One change of an instance that is there, made again while others are faster. It is renewed in any case. */
  async #change(
    app: string,
    id: string,
    dirty: number | undefined,
    origin: Origin,
    change: (record: InstanceRecord) => Wanted,
  ): Promise<Done> {
    const { account } = origin;
    return this.#retry(async () => {
      const record = this.#find(account, app, id);
      if (record === undefined) return this.#unknown(app, id, dirty, origin);
      const wanted = change(record);
      if (wanted === undefined) return (await this.#renew(account, record)) ? OK : NOT_FOUND;
      const { instance, override } = wanted;
      const guards = [{ on: "instance-mod", instance: keyOf(record), revision: record.modRevision }] as const;
      const steps: Command[] = [{ kind: "register", instance: toPlain(instance), life: "keep" }];
      if (override !== record.override) steps.push({ kind: "override", instance: keyOf(record), status: override });
      const outcome = await this.#propose(origin, { kind: "when", guards, then: steps, otherwise: [] });
      if (!outcome.ok) return refusedAs(outcome);
      if (!succeeded(outcome.value)) return "again";
      await this.#renew(account, record);
      return OK;
    });
  }

  /** Registers on top of exactly `before`. Undefined when it is done. */
  async #put(
    origin: Origin,
    before: InstanceRecord | undefined,
    instance: Instance,
    life: Life,
    overridden: EurekaStatus,
  ): Promise<Try | undefined> {
    const guard =
      before === undefined
        ? ({ on: "instance", id: instance.id, service: instance.service, exists: false } as const)
        : ({ on: "instance-mod", instance: keyOf(before), revision: before.modRevision } as const);
    const then: Command[] = [{ kind: "register", instance, life }];
    const { service, id } = instance;
    if (overridden !== "UNKNOWN" && overridden !== "UP")
      then.push({ kind: "override", instance: { service, id }, status: fromEurekaStatus(overridden) });
    const put: Command = { kind: "when", guards: [guard], then, otherwise: [] };
    const outcome = await this.#propose(origin, put);
    if (!outcome.ok) return refusedAs(outcome);
    return succeeded(outcome.value) ? undefined : "again";
  }

  async #retry(attempt: () => Promise<Try>): Promise<Done> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const done = await attempt();
      if (done !== "again") return done;
    }
    return refusedAs(refuse("conflict", "the instance changed too often meanwhile"));
  }

  /** True when there is nothing to renew, too. */
  async #renew(account: Account, record: InstanceRecord): Promise<boolean> {
    return record.lease === null || (await this.#parts.registry.renew(account, record.lease)).ok;
  }

  #find(account: Account, app: string, id: string): InstanceRecord | undefined {
    const { registry, spellings } = this.#parts;
    return registry.read((view) => spellings.find(view, account, app, id));
  }

  #show(account: Account, record: InstanceRecord): InstanceInfo {
    const { registry, settings } = this.#parts;
    const vitals = registry.read((view) =>
      vitalsOf(record, view.account(account), (lease) => registry.pulse(account, lease)),
    );
    return toInfo(record, vitals, "ADDED", settings.dataCenter);
  }

  async #propose(origin: Origin, command: Command): Promise<Outcome<Receipt>> {
    const outcome = await this.#parts.registry.propose(origin.account, command);
    if (origin.replicated && outcome.ok && outcome.value.commit !== null)
      this.#parts.replication().taken(origin.account, outcome.value.commit.revision);
    return outcome;
  }
}

/** What an instance is to become; undefined when it is to stay as it is. */
type Wanted = { readonly instance: InstanceRecord; readonly override: Status | null } | undefined;

/**
 * A peer's copy of an instance that another protocol's client keeps alive here says less than what is here, and must
 * not keep it alive either. Once that client is gone, the peer's next heartbeat finds nothing and brings the copy.
 */
function livesHere(record: InstanceRecord, origin: Origin): boolean {
  return origin.replicated && record.via !== VIA;
}

function keyOf({ service, id }: InstanceRecord): InstanceKey {
  return { service, id };
}

function refusedAs({ refusal, detail }: Refused): Done {
  return { statusCode: STATUS[refusal], responseEntity: undefined, detail };
}

function succeeded({ result }: Receipt): boolean {
  return result.kind !== "when" || result.succeeded;
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

/** A later time is the copy's new one: set back, older registrations would count again. Other dialects' have none. */
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

/** The part of a record that a registration says. */
function toPlain(record: InstanceRecord): Instance {
  const { service, id, address, ports, protocol, tags, meta, version, zone, weight, status, checks, via } = record;
  return { service, id, address, ports, protocol, tags, meta, version, zone, weight, status, checks, via };
}
