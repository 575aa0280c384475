/** @live A zone that somebody transfers: its records, brought up to date when they are asked for. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Account, type Commit, type Following, keepUp } from "../../../core/index.ts";
import type { Desk } from "../desk.ts";
import { toLabel } from "../labels/text.ts";
import { authorityOf } from "../names/authority.ts";
import { type Name, type Resource, TYPE } from "../wire/message.ts";
import { isWithin, lowerLabel, sameName } from "../wire/name.ts";
import type { FileZone, World, Zone } from "../zone/model.ts";
import { freeze, type Live, withoutServices } from "./frozen-world.ts";
import { Journal, type Work } from "./journal.ts";
import { serviceRecords, zoneRecords } from "./zone-records.ts";

/** A zone that can be transferred. */
export type WholeZone = Extract<Zone, { kind: "account" | "file" }>;

export function isWhole(zone: Zone): zone is WholeZone {
  return zone.kind === "account" || zone.kind === "file";
}

const MIB = 1024 * 1024;
/** A secondary that is behind by more takes the whole zone. A longer zone is refused. */
const LIMITS = { stepsMax: 2000, bytesMax: 4 * MIB, zoneBytesMax: 256 * MIB };
/** When more services and instances than this changed, the zone is built anew instead of making a step. */
const STEP_WEIGHT_MAX = 15_000;
/** How long one turn of work takes. */
const TURN_MS = 4;
/** The name of the part without services: the apex, the records of a zone file, delegations. */
const REST = "";

/** Each commit notes the services that it changes; they are rendered when the zone is asked for. */
export class KeptZone {
  readonly #desk: Desk;
  readonly #name: Name;
  readonly #account: Account | undefined;
  /** Names of the parts that changed: labels of services, or `REST`. */
  readonly #dirty = new Set<string>();
  readonly #following: Following | undefined;
  #journal: Journal | undefined;
  #running: Promise<Journal> | undefined;
  #next: Promise<Journal> | undefined;
  #file: FileZone | undefined;
  /** Last labels of zones below this one. */
  #below: ReadonlySet<string>;
  /** How often the account was read: more than once if commits were missed. */
  #losses = 0;
  #closed = false;

  constructor(desk: Desk, zone: WholeZone) {
    this.#desk = desk;
    this.#name = zone.name;
    this.#account = zone.kind === "account" ? zone.account : undefined;
    this.#file = zone.file;
    this.#below = this.#findBelow();
    if (this.#account === undefined) return;
    this.#following = keepUp(
      desk.registry,
      { account: this.#account, anyService: true },
      { read: () => this.#lose(), take: (commit) => this.#note(commit) },
    );
  }

  /** Of the records that are kept. */
  get bytes(): number {
    return this.#journal?.bytes ?? 0;
  }

  /** The number of parts that wait to be rendered. */
  get noted(): number {
    return this.#dirty.size;
  }

  /** False when the name belongs to another account now. */
  fits(zone: WholeZone): boolean {
    return this.#account === (zone.kind === "account" ? zone.account : undefined);
  }

  /** The zone as it is after this call. What is read of the journal before the next turn of the loop is of one serial. */
  refresh(): Promise<Journal> {
    if (this.#running === undefined) return this.#start();
    // The run under way may have begun before the latest commit; all callers meanwhile share the next run.
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#running ?? this.#start();
      });
    return this.#next;
  }

  /** Zones or zone files changed. A zone below this one hides the service of its name. */
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
    this.#following?.close();
  }

  /** Nothing that was known of the account counts any more. */
  #lose(): void {
    this.#losses++;
    this.#journal = undefined;
  }

  #note(commit: Commit): void {
    for (const change of commit.changes) {
      if (change.kind !== "instance") continue;
      if (change.before !== null) this.#dirty.add(toLabel(change.before.service));
      if (change.after !== null) this.#dirty.add(toLabel(change.after.service));
    }
    // Nobody may ask again, so the names of services that come and go must not pile up.
    if (this.#dirty.size > STEP_WEIGHT_MAX && this.#running === undefined) {
      this.#journal = undefined;
      this.#dirty.clear();
    }
  }

  #start(): Promise<Journal> {
    const running = this.#run().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #run(): Promise<Journal> {
    for (;;) {
      const losses = this.#losses;
      const before = this.#journal;
      // A journal in the middle of a step is of no use.
      this.#journal = undefined;
      const { journal, isNew } = this.#begin(before);
      if (isNew) await this.#work((live) => this.#building(journal, live));
      await this.#work((live) => this.#stepping(journal, isNew, live));
      if (losses !== this.#losses) continue;
      this.#journal = journal;
      return journal;
    }
  }

  /** The journal to go on with: a new one when too much has changed. */
  #begin(journal: Journal | undefined): { readonly journal: Journal; readonly isNew: boolean } {
    return this.#desk.read((world) => {
      const zone = this.#find(world);
      // The parts of services leave out what the file has.
      if (zone.file !== this.#file) this.#noteAll(world, journal);
      this.#file = zone.file;
      if (journal !== undefined && this.#isLight(world)) return { journal, isNew: false };
      this.#noteAll(world, journal);
      const isMany = (record: Resource): boolean => isShared(record, this.#name);
      return { journal: new Journal(authorityOf(zone, world), LIMITS, isMany), isNew: true };
    });
  }

  /** Does the work in several turns of the loop, each with the world as it is then. */
  async #work(begin: (live: Live) => Work): Promise<void> {
    let present: World | undefined;
    let work: Work | undefined;
    for (;;) {
      if (this.#closed) throw new ZoneGone();
      const isDone = this.#desk.read((world) => {
        this.#find(world);
        present = world;
        work ??= begin(() => present as World);
        const untilMs = this.#desk.clock.monotonic() + TURN_MS;
        do if (work.next().done === true) return true;
        while (this.#desk.clock.monotonic() < untilMs);
        return false;
      });
      if (isDone) return;
      await nextTurn();
    }
  }

  /** Renders every part as it is in its turn; parts that change meanwhile are rendered again later. */
  *#building(journal: Journal, live: Live): Work {
    const labels = [...this.#dirty];
    this.#dirty.clear();
    for (const label of labels) yield* journal.loading(label, this.#rendering([label], live).get(label) ?? []);
  }

  /** Renders the parts that changed, as they are now. */
  #stepping(journal: Journal, isFirst: boolean, live: Live): Work {
    const labels = [...this.#dirty];
    this.#dirty.clear();
    const authority = authorityOf(this.#find(live()), live());
    return journal.replacing(this.#rendering(labels, live), authority, isFirst);
  }

  /** The records of parts as they are now, whenever they are read. */
  #rendering(labels: readonly string[], live: Live): ReadonlyMap<string, Iterable<Resource>> {
    const zone = this.#find(live());
    const frozen = zone.kind === "account" ? freeze(live, zone.account, labels) : live();
    return new Map(labels.map((label) => [label, render(label, zone, frozen, live)]));
  }

  #noteAll(world: World, journal: Journal | undefined): void {
    this.#dirty.add(REST);
    if (this.#account === undefined) return;
    for (const service of world.view.account(this.#account)?.services() ?? []) this.#dirty.add(toLabel(service.name));
    for (const label of journal?.names() ?? []) this.#dirty.add(label);
  }

  /** Whether little enough changed to copy it in one turn. */
  #isLight(world: World): boolean {
    if (this.#account === undefined) return true;
    const account = world.view.account(this.#account);
    let weight = 0;
    for (const label of this.#dirty) {
      for (const service of world.index.services(this.#account, label))
        weight += 1 + (account?.service(service)?.instances.size ?? 0);
      if (weight > STEP_WEIGHT_MAX) return false;
    }
    return true;
  }

  #find(world: World): WholeZone {
    const zone = world.zoneOf(this.#name);
    if (zone === undefined || !isWhole(zone) || !sameName(zone.name, this.#name) || !this.fits(zone)) {
      throw new ZoneGone();
    }
    return zone;
  }
}

/** The account or the file went away while its zone was being read. */
export class ZoneGone extends Error {
  override readonly name = "ZoneGone";
}

/** Services may share addresses, and lists name all services; all other records are below the label of a service. */
function isShared(record: Resource, zone: Name): boolean {
  const left = record.name.length - zone.length;
  if (left < 1 || !isWithin(record.name, zone)) return true;
  const last = lowerLabel(record.name[left - 1]!);
  return last === "addr" || (left > 1 && lowerLabel(record.name[left - 2]!) === "_dns-sd");
}

function* render(label: string, zone: WholeZone, frozen: World, live: Live): Generator<Resource> {
  if (label === REST) yield* restRecords(zone, live);
  else if (zone.kind === "account")
    for (const service of frozen.index.services(zone.account, label)) yield* serviceRecords(frozen, zone, service);
}

/** The records of the zone as if the account had no services. */
function* restRecords(zone: WholeZone, live: Live): Generator<Resource> {
  const world = zone.kind === "account" ? withoutServices(live, zone.account) : live();
  for (const record of zoneRecords(world, zone)) if (!isAuthority(record, zone)) yield record;
}

function isAuthority(record: Resource, zone: Zone): boolean {
  return record.type === TYPE.SOA && sameName(record.name, zone.name);
}
