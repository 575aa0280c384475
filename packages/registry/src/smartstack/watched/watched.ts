/**
 * @live The services that this machine calls, out of the catalog that the agent keeps: one follower for all of them, however
 * many there are. What was known stays while there is no catalog, and is told of on change only.
 */
import { isIP } from "node:net";
import { type Account, type Commit, type Following, keepUp, type Registry } from "../../core/index.ts";
import type { Names } from "../../net/hosts/names.ts";
import type { Backend, WatchedService, ZooKeeperPlace } from "../config.ts";
import type { Once } from "../host/once.ts";
import { backendsOf, type Found, hostsOf } from "./backends.ts";

export interface WatchedParts {
  readonly names: Names;
  readonly once: Once;
  /** Looks below nodes of a ZooKeeper that is asked itself. */
  lookOut(place: ZooKeeperPlace, tell: (found: readonly Found[]) => void): Following;
  /** The servers of a service are others than before. */
  onChange(): void;
}

/** Names of hosts are looked up again after so long: their addresses may change without a word. */
const LOOK_UP_MS = 30_000;

/** A service with its servers; null while nobody knows them. */
interface Seat {
  service: WatchedService;
  backends: readonly Backend[] | null;
  /** Of the hosts by name that were looked up last; undefined for one that has none. */
  addresses: ReadonlyMap<string, string | undefined>;
  /** Where a ZooKeeper is asked: what it told, and the end of it. */
  found: readonly Found[] | null;
  lookout: Following | undefined;
}

export class Watched {
  readonly #parts: WatchedParts;
  /** By the name that the file gives it. */
  readonly #seats = new Map<string, Seat>();
  /** Names of the file, by the service of the registry that they stand for. */
  readonly #of = new Map<string, Set<string>>();
  readonly #changed = new Set<string>();
  #catalog: { readonly registry: Registry; readonly account: Account } | undefined;
  #following: Following | undefined;
  #isPlanned = false;
  readonly #timer: NodeJS.Timeout;

  constructor(parts: WatchedParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#lookUpAll(), LOOK_UP_MS).unref();
  }

  backendsOf(name: string): readonly Backend[] | null {
    return this.#seats.get(name)?.backends ?? null;
  }

  /** What is the same goes on undisturbed. */
  set(services: readonly WatchedService[]): void {
    const before = new Map(this.#seats);
    this.#seats.clear();
    this.#of.clear();
    for (const service of services) {
      const known = before.get(service.name);
      const isKnown = known !== undefined && sourceOf(known.service) === sourceOf(service);
      const seat = isKnown ? known : this.#open(service);
      if (isKnown) before.delete(service.name);
      seat.service = service;
      this.#seats.set(service.name, seat);
      const found = service.service ?? "";
      this.#of.set(found, (this.#of.get(found) ?? new Set()).add(service.name));
      this.#changed.add(service.name);
    }
    for (const { lookout } of before.values()) lookout?.close();
    this.#plan();
  }

  #open(service: WatchedService): Seat {
    const seat: Seat = { service, backends: null, addresses: new Map(), found: null, lookout: undefined };
    if (service.zookeeper !== undefined)
      seat.lookout = this.#parts.lookOut(service.zookeeper, (found) => {
        seat.found = found;
        this.#changed.add(service.name);
        this.#plan();
      });
    return seat;
  }

  /** Reads another catalog from now on; what was known stays until that has been read. */
  follow(registry: Registry, account: Account): void {
    this.#following?.close();
    this.#catalog = { registry, account };
    const read = (): void => {
      for (const name of this.#seats.keys()) this.#changed.add(name);
      this.#plan();
    };
    this.#following = keepUp(registry, { account, anyService: true }, { read, take: (commit) => this.#take(commit) });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#following?.close();
    for (const { lookout } of this.#seats.values()) lookout?.close();
    this.#seats.clear();
    this.#changed.clear();
  }

  /** Told before the change can be read: only noted. */
  #take({ changes }: Commit): void {
    for (const change of changes) {
      if (change.kind !== "instance") continue;
      for (const record of [change.before, change.after])
        for (const name of this.#of.get(record?.service ?? "") ?? []) this.#changed.add(name);
    }
    if (this.#changed.size > 0) this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      const names = [...this.#changed];
      this.#changed.clear();
      this.#readAll(names);
    });
  }

  #readAll(names: readonly string[]): void {
    let isOther = false;
    for (const name of names) {
      const seat = this.#seats.get(name);
      if (seat !== undefined) isOther = this.#read(seat) || isOther;
    }
    if (isOther) this.#parts.onChange();
  }

  /** True when its servers are others. */
  #read(seat: Seat): boolean {
    const instances = this.#instancesOf(seat);
    if (instances === null) return false;
    const hosts = hostsOf(seat.service, instances);
    if (hosts.some((host) => !seat.addresses.has(host))) {
      void this.#lookUp(seat, hosts);
      // What comes is added when it has an address; but nobody is taken away for want of one that is asked for just now.
      if (seat.backends === null) return false;
    }
    const addressOf = (host: string): string | undefined => (isIP(host) === 0 ? seat.addresses.get(host) : host);
    const backends = backendsOf(seat.service, instances, seat.backends, addressOf);
    if (JSON.stringify(backends) === JSON.stringify(seat.backends)) return false;
    seat.backends = backends;
    return true;
  }

  /** Null while there is no catalog to read. */
  #instancesOf({ service: { service, zookeeper }, found }: Seat): readonly Found[] | null {
    if (zookeeper !== undefined) return found;
    if (service === null) return [];
    const catalog = this.#catalog;
    if (catalog === undefined) return null;
    return catalog.registry.read((view) => [
      ...(view.account(catalog.account)?.service(service)?.instances.values() ?? []),
    ]);
  }

  async #lookUp(seat: Seat, hosts: readonly string[]): Promise<void> {
    const addresses = new Map(await Promise.all(hosts.map((host) => this.#find(host))));
    if (this.#seats.get(seat.service.name) !== seat) return;
    seat.addresses = addresses;
    this.#changed.add(seat.service.name);
    this.#plan();
  }

  #lookUpAll(): void {
    for (const seat of this.#seats.values()) {
      const hosts = hostsOf(seat.service, this.#instancesOf(seat) ?? []);
      if (hosts.length > 0) void this.#lookUp(seat, hosts);
    }
  }

  async #find(host: string): Promise<readonly [string, string | undefined]> {
    const about = `the host ${host}`;
    try {
      const [address] = await this.#parts.names.find(host);
      this.#parts.once.over(about);
      return [host, address];
    } catch {
      this.#parts.once.trouble(about, "has no address, and is left out");
      return [host, undefined];
    }
  }
}

/** Where its instances come from. */
function sourceOf({ service, zookeeper }: WatchedService): string {
  return JSON.stringify(zookeeper ?? service);
}
