/** @live What clients and other servers do to instances: each in order, durable when it resolves. */
import {
  type Account,
  byPlan,
  type Command,
  type InstanceRecord,
  type Outcome,
  type Receipt,
  type Refused,
  type Revision,
} from "../../../core/index.ts";
import { findSurely } from "../../../net/routes/catch-up.ts";
import { STATUS } from "../refusals.ts";
import type { EurekaStatus, InstanceInfo, PeerResult } from "../wire/messages.ts";
import { CHANGE, livesHere, REGISTER, type Wish } from "./changes.ts";
import { dirtyOf, type InfoSource, infoOf } from "./info.ts";
import { findInstance } from "./registration.ts";
import { saidStatus } from "./status.ts";

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
    const outcome = await this.#propose(origin, byPlan(REGISTER, { info, app, replicated: origin.replicated }));
    return outcome.ok ? NO_CONTENT : refusedAs(outcome);
  }

  async heartbeat(app: string, id: string, said: Said, origin: Origin): Promise<Done> {
    const { account } = origin;
    const record = this.#find(account, app, id);
    if (record === undefined) return this.#beatUnknown(app, id, said, origin);
    // UNKNOWN is left behind by the end of an override: the client must say again what it is. An operator's UNKNOWN
    // outlasts registrations: asking for one would never end.
    if (saidStatus(record) === "UNKNOWN") return NOT_FOUND;
    if (livesHere(record, origin.replicated)) return OK;
    const refused = await this.#renew(account, record);
    // Only then must the client register again; where the lease's keeper is not reached, all of them would at once.
    if (refused !== undefined) return refused.refusal === "not-found" ? NOT_FOUND : refusedAs(refused);
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

  /** It may have registered at another node a moment ago: at 404 it would do so again. */
  async #beatUnknown(app: string, id: string, said: Said, origin: Origin): Promise<Done> {
    const found = await findSurely(this.#parts.registry, () => this.#find(origin.account, app, id));
    if (!found.ok) return refusedAs(found);
    if (found.value !== undefined) return this.heartbeat(app, id, said, origin);
    return this.#unknown(app, id, said.lastDirtyTimestamp, origin);
  }

  async cancel(app: string, id: string, origin: Origin): Promise<Done> {
    const found = await findSurely(this.#parts.registry, () => this.#find(origin.account, app, id));
    if (!found.ok) return refusedAs(found);
    const record = found.value;
    if (record === undefined) return NOT_FOUND;
    const outcome = await this.#propose(origin, { kind: "deregister", instance: record });
    return outcome.ok ? OK : refusedAs(outcome);
  }

  /** Changes an instance that is there, and renews it in any case, as the original does. */
  async change(app: string, id: string, wish: Wish, origin: Origin): Promise<Done> {
    const outcome = await this.#propose(origin, byPlan(CHANGE, { app, id, wish }));
    if (outcome.ok) return OK;
    const dirty = wish.kind === "metadata" ? undefined : wish.dirty;
    return outcome.refusal === "not-found" ? this.#unknown(app, id, dirty, origin) : refusedAs(outcome);
  }

  /** A peer's newer copy: it must send the whole, and what an operator said there holds here from now on. */
  async #takeOverride(record: InstanceRecord, overridden: EurekaStatus | undefined, origin: Origin): Promise<Done> {
    if (!origin.replicated || overridden === undefined || overridden === "UNKNOWN") return NOT_FOUND;
    const wish = { kind: "override", status: overridden, dirty: undefined } as const;
    await this.change(record.service, record.id, wish, origin);
    return NOT_FOUND;
  }

  /** 404 asks a client for a registration, and a peer for its copy. */
  #unknown(app: string, id: string, dirty: number | undefined, { account, replicated }: Origin): Done {
    return replicated && this.#parts.replication().isGone(account, app, id, dirty) ? OK : NOT_FOUND;
  }

  async #renew(account: Account, { lease }: InstanceRecord): Promise<Refused | undefined> {
    const outcome = lease === null ? undefined : await this.#parts.registry.renew(account, lease);
    return outcome === undefined || outcome.ok ? undefined : outcome;
  }

  #find(account: Account, app: string, id: string): InstanceRecord | undefined {
    return this.#parts.registry.read((view) => findInstance(view, account, app, id));
  }

  async #propose(origin: Origin, command: Command): Promise<Outcome<Receipt>> {
    const outcome = await this.#parts.registry.propose(origin.account, command);
    if (origin.replicated && outcome.ok && outcome.value.commit !== null)
      this.#parts.replication().taken(origin.account, outcome.value.commit.revision);
    return outcome;
  }
}

function refusedAs({ refusal, detail }: Refused): Done {
  return { statusCode: STATUS[refusal], responseEntity: undefined, detail };
}
