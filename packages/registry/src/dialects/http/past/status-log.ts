/**
 * @live The latest changes of status, of all accounts: a ring in memory, in which the changes of one instance, and of one
 * service, are linked backwards. It begins when somebody first asks, with what history has of the last day, and is in step
 * from then on; until then it costs nothing.
 */
import {
  type Account,
  CAUSES,
  type Cause,
  type Clock,
  type Commit,
  type InstanceKey,
  type InstanceRecord,
  leaverOf,
  type Registry,
  type Revision,
  STATUSES,
  statusOf,
  type Watch,
  type Watcher,
} from "../../../core/index.ts";
import type { Standing } from "./net.ts";

const RING_SIZE = 1 << 17;
/** Taken in at the beginning. */
const COMMITS_MAX = 100_000;
const PAST_MS_MAX = 24 * 3600 * 1000;

/** As numbers: the statuses, then what is held with one, then what is not there. */
const HELD = STATUSES.length;
const GONE = 2 * STATUSES.length;

/** A change of status. */
export interface Turn {
  readonly atMs: number;
  readonly revision: Revision;
  readonly cause: Cause;
  readonly was: Place;
  readonly is: Place;
}

/** How an instance stands; null while it is not there. */
export type Place = { readonly status: InstanceRecord["status"]; readonly held: boolean } | null;

const PLACES: readonly Place[] = [
  ...STATUSES.map((status) => ({ status, held: false })),
  ...STATUSES.map((status) => ({ status, held: true })),
  null,
];

export function countedAs(place: Place): Standing | undefined {
  return place === null ? undefined : place.held ? "held" : place.status;
}

function numberOf(record: InstanceRecord | null): number {
  if (record === null) return GONE;
  return STATUSES.indexOf(statusOf(record)) + (record.held === null ? 0 : HELD);
}

export class StatusLog implements Watcher {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #size: number;
  /** How many there were; the ring has the last of them. */
  #count = 0;
  #columns: Columns | undefined;
  /** The last turn of each instance and service that has one in the ring. */
  readonly #last = new Map<string, number>();
  #sinceMs = 0;
  #watch: Watch | undefined;
  #ready: Promise<void> | undefined;
  #tellReady: () => void = () => {};
  #isClosed = false;

  constructor(registry: Registry, clock: Clock, size = RING_SIZE) {
    this.#registry = registry;
    this.#clock = clock;
    this.#size = size;
  }

  /** Resolves when all is known that there is by now. */
  async open(): Promise<void> {
    this.#ready ??= this.#begin();
    await this.#ready;
    this.#watch?.pull();
  }

  close(): void {
    this.#isClosed = true;
    this.#tellReady();
    this.#watch?.close();
  }

  /** What was before is not known. */
  get sinceMs(): number {
    const oldest = this.#count - this.#size;
    return oldest > 0 ? ((this.#columns as Columns).at[oldest % this.#size] as number) : this.#sinceMs;
  }

  async #begin(): Promise<void> {
    const registry = this.#registry;
    const nowMs = this.#clock.now();
    const [now, day] = [registry.read((view) => view.revision), await registry.revisionAt(nowMs - PAST_MS_MAX)];
    const after = Math.max(registry.floor, day, now - COMMITS_MAX);
    const first = await registry.history(after, 1);
    this.#count = 0;
    this.#last.clear();
    this.#columns = new Columns(this.#size);
    this.#sinceMs = (first.ok ? first.value[0]?.atMs : undefined) ?? nowMs;
    await new Promise<void>((resolve) => {
      this.#tellReady = resolve;
      this.#follow(after);
    });
  }

  #follow(after: Revision): void {
    if (this.#isClosed) return;
    const watch = this.#registry.follow({ anyService: true }, after, this);
    if (watch.ok) this.#watch = watch.value;
    else this.lost();
  }

  deliver(commits: readonly Commit[]): number {
    for (const commit of commits) this.#take(commit);
    return commits.length;
  }

  caughtUp(): void {
    this.#tellReady();
  }

  /** Begins anew with the next question. */
  lost(): void {
    this.#ready = undefined;
    this.#watch = undefined;
    this.#tellReady();
  }

  #take(commit: Commit): void {
    for (const change of commit.changes) {
      if (change.kind !== "instance") continue;
      const { before, after } = change;
      const leaver = leaverOf(change);
      if (leaver !== null) this.#note(commit, change.cause, leaver, numberOf(leaver), GONE);
      if (after !== null)
        this.#note(commit, change.cause, after, leaver === null ? numberOf(before) : GONE, numberOf(after));
    }
  }

  #note({ account, atMs, revision }: Commit, cause: Cause, instance: InstanceKey, was: number, is: number): void {
    if (was === is) return;
    const columns = this.#columns as Columns;
    const nth = this.#count++;
    const at = nth % this.#size;
    for (const name of [columns.instances[at], columns.services[at]])
      if (name !== undefined && this.#last.get(name) === nth - this.#size) this.#last.delete(name);
    const [name, service] = [instanceName(account, instance), serviceName(account, instance.service)];
    columns.at[at] = atMs;
    columns.revisions[at] = revision;
    columns.causes[at] = CAUSES.indexOf(cause);
    columns.was[at] = was;
    columns.is[at] = is;
    columns.instances[at] = name;
    columns.services[at] = service;
    columns.beforeOfInstance[at] = this.#last.get(name) ?? -1;
    columns.beforeOfService[at] = this.#last.get(service) ?? -1;
    this.#last.set(name, nth);
    this.#last.set(service, nth);
  }

  /** Latest first. */
  *turnsOf(account: Account, instance: InstanceKey): Iterable<Turn> {
    yield* this.#turns(instanceName(account, instance), (columns) => columns.beforeOfInstance);
  }

  /** Of all instances of a service, latest first. */
  *turnsIn(account: Account, service: string): Iterable<Turn> {
    yield* this.#turns(serviceName(account, service), (columns) => columns.beforeOfService);
  }

  *#turns(name: string, before: (columns: Columns) => Float64Array): Iterable<Turn> {
    const columns = this.#columns;
    if (columns === undefined) return;
    for (let nth = this.#last.get(name) ?? -1; nth >= 0 && nth >= this.#count - this.#size; ) {
      const at = nth % this.#size;
      yield columns.turn(at);
      nth = before(columns)[at] as number;
    }
  }
}

class Columns {
  readonly at: Float64Array;
  readonly revisions: Float64Array;
  readonly causes: Uint8Array;
  readonly was: Uint8Array;
  readonly is: Uint8Array;
  /** Where the turn before of the same stands. */
  readonly beforeOfInstance: Float64Array;
  readonly beforeOfService: Float64Array;
  readonly instances: string[] = [];
  readonly services: string[] = [];

  constructor(size: number) {
    [this.at, this.revisions] = [new Float64Array(size), new Float64Array(size)];
    [this.beforeOfInstance, this.beforeOfService] = [new Float64Array(size), new Float64Array(size)];
    [this.causes, this.was, this.is] = [new Uint8Array(size), new Uint8Array(size), new Uint8Array(size)];
  }

  turn(at: number): Turn {
    return {
      atMs: this.at[at] as number,
      revision: this.revisions[at] as number,
      cause: CAUSES[this.causes[at] as number] as Cause,
      was: PLACES[this.was[at] as number] as Place,
      is: PLACES[this.is[at] as number] as Place,
    };
  }
}

function serviceName(account: Account, service: string): string {
  return `${account}\0${service}`;
}

function instanceName(account: Account, { service, id }: InstanceKey): string {
  return `${account}\0${service}\0${id}`;
}
