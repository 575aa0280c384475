/** @live What clients and other servers do to instances: each in order, durable when it resolves. */
import {
  type Account,
  type Clock,
  type Command,
  type Guard,
  type Instance,
  type InstanceRecord,
  type Outcome,
  ok,
  type Receipt,
  type Refused,
  type Revision,
  type Status,
  succeeded,
  untilDecided,
} from "../../../core/index.ts";
import { STATUS } from "../refusals.ts";
import type { EurekaStatus, InstanceInfo, PeerResult } from "../wire/messages.ts";
import { dirtyOf, type InfoSource, infoOf, lastDirtyOf } from "./info.ts";
import { keepMetadata, META } from "./meta.ts";
import { toInstance, VIA } from "./registration.ts";
import type { Spellings } from "./spellings.ts";
import { fromEurekaStatus, isOverridden, saidStatus } from "./status.ts";

const NO_CONTENT: Done = { statusCode: 204, responseEntity: undefined };
const OK: Done = { statusCode: 200, responseEntity: undefined };
const NOT_FOUND: Done = { statusCode: 404, responseEntity: undefined };

/** Where a change came from. */
export interface Origin {
  /** From another server: applied, but never passed on. */
  readonly replicated: boolean;
  readonly account: Account;
}

/** How an operation ended, as Eureka's HTTP status; with an instance only at 409. */
export type Done = PeerResult & {
  /** What is wrong, for people; at 400. */
  readonly detail?: string;
};

/** What a heartbeat says; a bare one says nothing. */
export interface Said {
  readonly lastDirtyTimestamp?: number | undefined;
  readonly overriddenStatus?: EurekaStatus | undefined;
}

/**
 * The other servers, as operations know them (peers/peers.ts). Of registrations, ends and overrides they learn by the
 * commits, whichever dialect these came through; what no commit tells is told here.
 */
export interface Replication {
  /** A client's heartbeat arrived here, and not by way of another server. Called often: costs next to nothing. */
  beaten(account: Account, record: InstanceRecord): void;
  /** This commit came from another server and is not passed on. To be told as soon as the proposal has resolved. */
  taken(account: Account, revision: Revision): void;
  /**
   * Whether an instance that is not here was taken out a moment ago, in this copy or a newer one. Then a peer that still
   * speaks of it is not asked for its copy: it is about to hear of the end.
   */
  isGone(account: Account, app: string, id: string, dirtyMs: number | undefined): boolean;
}

export interface OperationParts extends InfoSource {
  readonly clock: Clock;
  readonly spellings: Spellings;
  /** A function, as the peers are opened after this. */
  replication(): Replication;
}

/** Unknown instances are 404; refusals of the registry become statuses by the table in refusals.ts. */
export class Operations {
  readonly #parts: OperationParts;

  constructor(parts: OperationParts) {
    this.#parts = parts;
  }

  /** An older copy changes nothing but renews; an equal or newer one replaces what is there. */
  async register(info: InstanceInfo, app: string, origin: Origin): Promise<Done> {
    if (info.app.toUpperCase() !== app.toUpperCase()) return { statusCode: 400, responseEntity: undefined };
    const { account } = origin;
    const outcome = await untilDecided(async () => {
      const before = this.#find(account, app, info.instanceId);
      if (before !== undefined && livesHere(before, origin)) return ok(NO_CONTENT);
      const dirty = info.lastDirtyTimestamp;
      if (before !== undefined && dirty !== undefined && (dirtyOf(before) ?? 0) > dirty) {
        // Its lease may have run out in this moment.
        return (await this.#renew(account, before)) ? ok(NO_CONTENT) : null;
      }
      const made = toInstance(info, before, this.#parts.clock.now());
      if (!made.ok) return made;
      const { instance, ttlMs } = made.value;
      const service = before?.service ?? instance.service;
      const put = await this.#put(origin, before, { ...instance, service }, ttlMs, info.overriddenStatus);
      return put?.ok === true ? ok(NO_CONTENT) : put;
    });
    return outcome.ok ? outcome.value : refusedAs(outcome);
  }

  async heartbeat(app: string, id: string, said: Said, origin: Origin): Promise<Done> {
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
      if (dirty < stored && origin.replicated)
        return { statusCode: 409, responseEntity: infoOf(this.#parts, account, record) };
    }
    if (!origin.replicated) this.#parts.replication().beaten(account, record);
    return OK;
  }

  async cancel(app: string, id: string, origin: Origin): Promise<Done> {
    const record = this.#find(origin.account, app, id);
    if (record === undefined) return NOT_FOUND;
    const outcome = await this.#propose(origin, { kind: "deregister", instance: record });
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

  /** 404 asks a client for a registration, and a peer for its copy. */
  #unknown(app: string, id: string, dirty: number | undefined, { account, replicated }: Origin): Done {
    return replicated && this.#parts.replication().isGone(account, app, id, dirty) ? OK : NOT_FOUND;
  }

  /** Changes an instance that is there, and renews it in any case. */
  async #change(
    app: string,
    id: string,
    dirty: number | undefined,
    origin: Origin,
    change: (record: InstanceRecord) => Wanted,
  ): Promise<Done> {
    const { account } = origin;
    const outcome = await untilDecided(async () => {
      const record = this.#find(account, app, id);
      if (record === undefined) return ok(this.#unknown(app, id, dirty, origin));
      const wanted = change(record);
      if (wanted === undefined) return ok((await this.#renew(account, record)) ? OK : NOT_FOUND);
      const { instance, override } = wanted;
      const steps: Command[] = [{ kind: "register", instance, life: "keep" }];
      if (override !== record.override) steps.push({ kind: "override", instance: record, status: override });
      const changed = await this.#proposeWhen(origin, isStill(record), steps);
      if (changed?.ok !== true) return changed;
      await this.#renew(account, record);
      return ok(OK);
    });
    return outcome.ok ? outcome.value : refusedAs(outcome);
  }

  /** Registers in the place of exactly `before`. What an operator said at a peer comes along. */
  #put(
    origin: Origin,
    before: InstanceRecord | undefined,
    said: Instance,
    ttlMs: number,
    overriddenThere: EurekaStatus,
  ): Promise<Outcome<Receipt> | null> {
    const overridden = origin.replicated ? overriddenThere : "UNKNOWN";
    const instance = withOverride(said, overridden);
    const { service, id } = instance;
    const guard: Guard = before === undefined ? { on: "instance", id, service, exists: false } : isStill(before);
    const steps: Command[] = [{ kind: "register", instance, life: { ttlMs } }];
    if (overridden !== "UNKNOWN" && overridden !== "UP")
      steps.push({ kind: "override", instance, status: fromEurekaStatus(overridden) });
    return this.#proposeWhen(origin, guard, steps);
  }

  /** False when its lease has ended; true for an instance without one. */
  async #renew(account: Account, record: InstanceRecord): Promise<boolean> {
    return record.lease === null || (await this.#parts.registry.renew(account, record.lease)).ok;
  }

  #find(account: Account, app: string, id: string): InstanceRecord | undefined {
    const { registry, spellings } = this.#parts;
    return registry.read((view) => spellings.find(view, account, app, id));
  }

  /** Null when the guard does not hold. */
  async #proposeWhen(origin: Origin, guard: Guard, then: readonly Command[]): Promise<Outcome<Receipt> | null> {
    const outcome = await this.#propose(origin, { kind: "when", guards: [guard], then, otherwise: [] });
    return outcome.ok && !succeeded(outcome.value) ? null : outcome;
  }

  async #propose(origin: Origin, command: Command): Promise<Outcome<Receipt>> {
    const outcome = await this.#parts.registry.propose(origin.account, command);
    if (origin.replicated && outcome.ok && outcome.value.commit !== null)
      this.#parts.replication().taken(origin.account, outcome.value.commit.revision);
    return outcome;
  }
}

/** What becomes of an instance; undefined when it stays as it is. */
type Wanted = { readonly instance: InstanceRecord; readonly override: Status | null } | undefined;

/**
 * A peer's copy of an instance that another protocol's client keeps alive here says less than what is here, and must
 * not keep it alive either. Once that client is gone, the peer's next heartbeat finds nothing and brings the copy.
 */
function livesHere(record: InstanceRecord, origin: Origin): boolean {
  return origin.replicated && record.via !== VIA;
}

function isStill(record: InstanceRecord): Guard {
  return { on: "instance-mod", instance: record, revision: record.modRevision };
}

function refusedAs({ refusal, detail }: Refused): Done {
  return { statusCode: STATUS[refusal], responseEntity: undefined, detail };
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
