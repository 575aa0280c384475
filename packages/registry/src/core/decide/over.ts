/** The services and instances of one account in a draft, laid over those below. */
import { compareStrings } from "../bytes.ts";
import type { Account, InstanceRecord, Revision } from "../types.ts";
import type { AccountFacts, Grouping, ServiceView } from "../view.ts";

type Records = ReadonlyMap<string, InstanceRecord | null>;

/** Instances by service and id; null stands for "gone here". */
export class ServiceDrafts {
  readonly #records = new Map<string, Map<string, InstanceRecord | null>>();
  /** As they were last looked at, over what was below then. */
  readonly #made = new Map<string, { readonly below: ServiceView | undefined; readonly service: ServiceView }>();

  set(service: string, id: string, after: InstanceRecord | null): void {
    let records = this.#records.get(service);
    if (records === undefined) {
      records = new Map();
      this.#records.set(service, records);
    }
    records.set(id, after);
    if (this.#made.size > 0) this.#made.delete(service);
  }

  /** Null for one that is gone here, undefined for one that did not change. */
  get(service: string, id: string): InstanceRecord | null | undefined {
    return this.#records.get(service)?.get(id);
  }

  has({ service, id }: InstanceRecord): boolean {
    return this.#records.get(service)?.has(id) === true;
  }

  /** Those that are not gone here. */
  *present(): Iterable<InstanceRecord> {
    for (const records of this.#records.values())
      for (const record of records.values()) if (record !== null) yield record;
  }

  names(): Iterable<string> {
    return this.#records.keys();
  }

  /** The service as it is with this draft. */
  over(below: ServiceView | undefined, name: string, revision: Revision): ServiceView | undefined {
    const records = this.#records.get(name);
    if (records === undefined) return below;
    const made = this.#made.get(name);
    if (made !== undefined && made.below === below) return made.service;
    const { changedAtMs = 0, lostAtMs = 0 } = below ?? {};
    const service = { name, revision, changedAtMs, lostAtMs, instances: merge(below, records) };
    this.#made.set(name, { below, service });
    return service;
  }
}

function merge(below: ServiceView | undefined, records: Records): ReadonlyMap<string, InstanceRecord> {
  const instances = new Map(below?.instances);
  for (const [id, record] of records) {
    if (record === null) instances.delete(id);
    else instances.set(id, record);
  }
  return instances;
}

interface Drafted {
  readonly catalogRevision: Revision;
  readonly services: ServiceDrafts;
}

export class AccountOver implements AccountFacts {
  readonly name: Account;
  readonly #below: AccountFacts | undefined;
  readonly #draft: Drafted;

  constructor(name: Account, below: AccountFacts | undefined, draft: Drafted) {
    this.name = name;
    this.#below = below;
    this.#draft = draft;
  }

  get catalogRevision(): Revision {
    return Math.max(this.#draft.catalogRevision, this.#below?.catalogRevision ?? 0);
  }

  /** One that changed here has at least its revision. */
  service(name: string): ServiceView | undefined {
    return this.#draft.services.over(this.#below?.service(name), name, this.#draft.catalogRevision);
  }

  *services(from = ""): Iterable<ServiceView> {
    const names = new Set<string>();
    for (const name of this.#draft.services.names()) if (name >= from) names.add(name);
    for (const { name } of this.#below?.services(from) ?? []) names.add(name);
    for (const name of [...names].sort()) {
      const service = this.service(name);
      if (service !== undefined && service.instances.size > 0) yield service;
    }
  }

  *instances(fromId = ""): Iterable<InstanceRecord> {
    const changed = new Set<string>(this.#draft.services.names());
    const records: InstanceRecord[] = [];
    for (const record of this.#below?.instances(fromId) ?? []) if (!changed.has(record.service)) records.push(record);
    for (const name of changed)
      for (const record of this.service(name)?.instances.values() ?? []) if (record.id >= fromId) records.push(record);
    yield* records.sort((a, b) => compareStrings(a.id, b.id) || compareStrings(a.service, b.service));
  }

  *grouped(by: Grouping, key: string): Iterable<InstanceRecord> {
    const { services } = this.#draft;
    for (const record of this.#below?.grouped(by, key) ?? []) if (!services.has(record)) yield record;
    for (const record of services.present()) if (by.keysOf(record).includes(key)) yield record;
  }

  *changedServices(after: Revision): Iterable<string> {
    yield* this.#below?.changedServices(after) ?? [];
    yield* this.#draft.services.names();
  }
}
