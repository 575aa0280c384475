/** A zone that somebody transfers: its records, brought up to date when they are asked for. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Account, AccountView, Commit, View, Watch } from "../../core/index.ts";
import { type Name, type Resource, TYPE } from "./codec-model.ts";
import { isWithin, lowerLabel, sameName } from "./codec-name.ts";
import type { Desk } from "./session-model.ts";
import { authorityOf } from "./translate-authority.ts";
import { Journal, serialOf } from "./translate-journal.ts";
import { toLabel } from "./translate-label.ts";
import type { FileZone, World, Zone } from "./translate-model.ts";
import { serviceRecords, zoneRecords } from "./translate-zone.ts";

/** A zone that can be given away as a whole. */
export type WholeZone = Extract<Zone, { kind: "account" | "file" }>;

export function isWhole(zone: Zone): zone is WholeZone {
  return zone.kind === "account" || zone.kind === "file";
}

/** A secondary that was away for longer takes the whole zone. */
const LIMITS = { stepsMax: 2000, bytesMax: 4 * 1024 * 1024 };
/** More than this at once is not worth an increment, nor holding up everybody else for it: the zone is built anew. */
const STEP_SERVICES_MAX = 100;
const STEP_INSTANCES_MAX = 5000;
/** How long one turn of building a large zone takes. */
const TURN_MS = 4;
/** The part that is no service's: the apex, a zone file's records, delegations. */
const REST = "";

/** Services whose records changed are noted with each commit, and rendered when the zone is asked for. */
export class KeptZone {
  readonly #desk: Desk;
  readonly #name: Name;
  readonly #account: Account | undefined;
  /** Labels of services, or `REST`. */
  readonly #dirty = new Set<string>();
  readonly #lapsing = new Set<string>();
  #watch: Watch | undefined;
  #journal: Journal | undefined;
  #building: Promise<void> | undefined;
  #file: FileZone | undefined;
  /** Last labels of zones below this one. */
  #below: ReadonlySet<string>;
  #closed = false;

  constructor(desk: Desk, zone: WholeZone) {
    this.#desk = desk;
    this.#name = zone.name;
    this.#account = zone.kind === "account" ? zone.account : undefined;
    this.#file = zone.file;
    this.#below = this.#findBelow();
    this.#follow();
  }

  /** False once its name belongs to another account. */
  fits(zone: WholeZone): boolean {
    return this.#account === (zone.kind === "account" ? zone.account : undefined);
  }

  /** The zone at this moment. What is read from the journal before the next turn of the loop is of one serial. */
  async refresh(): Promise<Journal> {
    for (;;) {
      const journal = this.#journal;
      if (journal !== undefined && this.#step(journal)) return journal;
      this.#journal = undefined;
      this.#building ??= this.#build().finally(() => {
        this.#building = undefined;
      });
      await this.#building;
    }
  }

  /** Zones or zone files changed. A zone below this one hides the service of its name, and the names under it. */
  touch(): void {
    this.#dirty.add(REST);
    const below = this.#findBelow();
    for (const label of below) if (!this.#below.has(label)) this.#dirty.add(label);
    for (const label of this.#below) if (!below.has(label)) this.#dirty.add(label);
    this.#below = below;
  }

  #findBelow(): ReadonlySet<string> {
    const below = new Set<string>();
    for (const { name } of this.#desk.zones.list())
      if (name.length > this.#name.length && isWithin(name, this.#name))
        below.add(lowerLabel(name[name.length - this.#name.length - 1]!));
    return below;
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
  }

  #follow(): void {
    if (this.#account === undefined || this.#closed) return;
    const { registry } = this.#desk;
    const scope = { account: this.#account, anyService: true };
    const outcome = registry.follow(
      scope,
      registry.read((view) => view.revision),
      {
        deliver: (commit) => {
          this.#note(commit);
          return true;
        },
        lost: () => {
          this.#journal = undefined;
          this.#follow();
        },
      },
    );
    if (!outcome.ok) throw new Error(`cannot follow account ${this.#account}: ${outcome.detail}`);
    this.#watch = outcome.value;
  }

  #note(commit: Commit): void {
    for (const change of commit.changes) {
      if (change.kind !== "instance") continue;
      if (change.before !== null) this.#dirty.add(toLabel(change.before.service));
      if (change.after !== null) this.#dirty.add(toLabel(change.after.service));
    }
  }

  /** Makes one step of all that changed; false when that is too much. */
  #step(journal: Journal): boolean {
    return this.#desk.read((world) => {
      const zone = this.#find(world);
      if (zone.file !== this.#file) {
        this.#file = zone.file;
        // What the file says is left out of the services' parts.
        this.#noteAll(world);
      }
      for (const label of this.#lapsing) this.#dirty.add(label);
      this.#lapsing.clear();
      if (this.#dirty.size > STEP_SERVICES_MAX && this.#weigh(world) > STEP_INSTANCES_MAX) return false;
      const parts = new Map([...this.#dirty].map((label) => [label, this.#render(label, world, zone)] as const));
      this.#dirty.clear();
      this.#lapsedLater(parts.keys(), world);
      const serial = world.serialOf(zone);
      if (parts.size > 0 || serial !== serialOf(journal.authority)) {
        journal.replace(parts, authorityOf(zone, world));
      }
      return true;
    });
  }

  /** A large zone is rendered over several turns of the loop; what changes meanwhile is rendered again. */
  async #build(): Promise<void> {
    const journal = this.#desk.read((world) => {
      const zone = this.#find(world);
      this.#file = zone.file;
      this.#noteAll(world);
      const authority = authorityOf(zone, world);
      return new Journal(authority, LIMITS, (record) => isShared(record, this.#name));
    });
    // Within a few rounds nearly all is there; `#step` does what is left at once.
    let left = this.#dirty.size * 3;
    while (this.#dirty.size > 0 && left > 0) {
      const before = this.#dirty.size;
      this.#desk.read((world) => this.#buildSome(journal, world));
      left -= Math.max(1, before - this.#dirty.size);
      await nextTurn();
    }
    this.#journal = journal;
  }

  #buildSome(journal: Journal, world: World): void {
    const zone = this.#find(world);
    const untilMs = this.#desk.clock.monotonic() + TURN_MS;
    const done: string[] = [];
    for (const label of this.#dirty) {
      this.#dirty.delete(label);
      journal.load(label, this.#render(label, world, zone));
      done.push(label);
      if (this.#desk.clock.monotonic() >= untilMs) break;
    }
    this.#lapsedLater(done, world);
  }

  /** Instances that lapsed are shown for a while, and then vanish without a commit: those services are read again. */
  #lapsedLater(labels: Iterable<string>, world: World): void {
    const account = this.#account;
    if (account === undefined || world.settings.whenNoneHealthy !== "held") return;
    for (const label of labels) {
      const services = world.index.services(account, label);
      if (services.some((service) => world.index.lapsed(account, service).length > 0)) this.#lapsing.add(label);
    }
  }

  #noteAll(world: World): void {
    this.#dirty.add(REST);
    if (this.#account === undefined) return;
    for (const service of world.view.account(this.#account)?.services() ?? []) this.#dirty.add(toLabel(service.name));
    for (const label of this.#journal?.names() ?? []) this.#dirty.add(label);
  }

  /** How many instances there are to be rendered. */
  #weigh(world: World): number {
    if (this.#account === undefined) return 0;
    const account = world.view.account(this.#account);
    let weight = 0;
    for (const label of this.#dirty)
      for (const service of world.index.services(this.#account, label))
        weight += account?.service(service)?.instances.size ?? 0;
    return weight;
  }

  #find(world: World): WholeZone {
    const zone = world.zoneOf(this.#name);
    if (zone === undefined || !isWhole(zone) || !sameName(zone.name, this.#name) || !this.fits(zone)) {
      throw new ZoneGone();
    }
    return zone;
  }

  #render(label: string, world: World, zone: WholeZone): readonly Resource[] {
    if (label === REST) return restRecords(world, zone);
    if (zone.kind === "file") return [];
    return world.index.services(zone.account, label).flatMap((service) => serviceRecords(world, zone, service));
  }
}

/** The account or the file went away while its zone was being read. */
export class ZoneGone extends Error {
  override readonly name = "ZoneGone";
}

/** Two services may have an address in common, and lists name all of them; all else is below a service's own label. */
function isShared(record: Resource, zone: Name): boolean {
  const left = record.name.length - zone.length;
  if (left < 1 || !isWithin(record.name, zone)) return true;
  const last = lowerLabel(record.name[left - 1]!);
  return last === "addr" || (left > 1 && lowerLabel(record.name[left - 2]!) === "_dns-sd");
}

/** All that is no service's: the zone as it is when the account has none. */
function restRecords(world: World, zone: WholeZone): Resource[] {
  const records: Resource[] = [];
  for (const record of zoneRecords(toBareWorld(world, zone), zone))
    if (!isAuthority(record, zone)) records.push(record);
  return records;
}

function toBareWorld(world: World, zone: WholeZone): World {
  return zone.kind === "file" ? world : { ...world, view: withoutServices(world.view, zone.account) };
}

function isAuthority(record: Resource, zone: Zone): boolean {
  return record.type === TYPE.SOA && sameName(record.name, zone.name);
}

function withoutServices(view: View, account: Account): View {
  return {
    revision: view.revision,
    instance: (...args) => view.instance(...args),
    instancesById: (...args) => view.instancesById(...args),
    lease: (...args) => view.lease(...args),
    entry: (...args) => view.entry(...args),
    entries: (...args) => view.entries(...args),
    members: (...args) => view.members(...args),
    counts: (...args) => view.counts(...args),
    serviceSize: (...args) => view.serviceSize(...args),
    accounts: () => view.accounts(),
    account: (name) => {
      const found = view.account(name);
      return found === undefined || name !== account ? found : withoutServicesOf(found);
    },
  };
}

function withoutServicesOf(account: AccountView): AccountView {
  return {
    name: account.name,
    revision: account.revision,
    catalogRevision: account.catalogRevision,
    keysRevision: account.keysRevision,
    createdAtMs: account.createdAtMs,
    counts: account.counts,
    services: () => [],
    service: () => undefined,
    instances: () => [],
    leases: () => account.leases(),
    lease: (id) => account.lease(id),
    entry: (key) => account.entry(key),
    entries: (from, to) => account.entries(from, to),
  };
}
