/** @live One service as this machine calls it: followed through the SDK, and told of on change only. */
import { isIP } from "node:net";
import type { Client, Discovery, InstanceBody, Snapshots } from "@rollcall/client";
import type { Names } from "../../net/hosts/names.ts";
import type { Backend, WatchedService } from "../config.ts";
import type { Once } from "../host/once.ts";
import { backendsOf, hostsOf } from "./backends.ts";

export interface WatcherParts {
  readonly client: Client;
  readonly names: Names;
  readonly once: Once;
  readonly snapshots: Snapshots | undefined;
  /** Who asks, for the registry's graph of consumers. */
  readonly consumer: string;
  onChange(): void;
}

/** Names of hosts are looked up again after so long: their addresses may change without a word. */
const LOOK_UP_MS = 30_000;
/** Those that drain are shown to be drained. */
const STATUSES = ["passing", "warning", "draining"];

export class Watcher {
  readonly #parts: WatcherParts;
  #service: WatchedService;
  #discovery: Discovery | undefined;
  #instances: readonly InstanceBody[] = [];
  #isKnown = false;
  #backends: readonly Backend[] | null = null;
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(service: WatchedService, parts: WatcherParts) {
    this.#service = service;
    this.#parts = parts;
    this.#follow();
  }

  get service(): WatchedService {
    return this.#service;
  }

  /** Null while nobody knows: neither the registry nor a snapshot has told. */
  get backends(): readonly Backend[] | null {
    return this.#backends;
  }

  /** The same service of the registry, with other words of the configuration. */
  change(service: WatchedService): void {
    if (service.service !== this.#service.service) {
      this.#discovery?.close();
      this.#discovery = undefined;
      this.#instances = [];
      this.#isKnown = false;
      this.#service = service;
      this.#follow();
      return;
    }
    this.#service = service;
    if (this.#isKnown) void this.#take();
  }

  close(): void {
    this.#turn++;
    clearTimeout(this.#timer);
    this.#discovery?.close();
  }

  #follow(): void {
    const { client, snapshots, consumer } = this.#parts;
    const { service, name } = this.#service;
    if (service === null) {
      this.#isKnown = true;
      void this.#take();
      return;
    }
    const show = (instances: readonly InstanceBody[]): void => {
      if (this.#discovery !== discovery) return;
      this.#instances = instances;
      this.#isKnown = true;
      void this.#take();
    };
    const discovery = client.discover(service, {
      status: STATUSES,
      consumer,
      ...(snapshots === undefined ? {} : { snapshots }),
    });
    this.#discovery = discovery;
    discovery.onChange(show);
    discovery.ready.then(
      () => this.#parts.once.over(`service ${name}`),
      (error: unknown) => this.#parts.once.trouble(`service ${name}`, (error as Error).message),
    );
  }

  async #take(): Promise<void> {
    const turn = ++this.#turn;
    clearTimeout(this.#timer);
    const hosts = hostsOf(this.#service, this.#instances);
    const addresses = new Map(await Promise.all(hosts.map((host) => this.#lookUp(host))));
    if (turn !== this.#turn) return;
    const addressOf = (host: string): string | undefined => (isIP(host) === 0 ? addresses.get(host) : host);
    const backends = backendsOf(this.#service, this.#instances, this.#backends, addressOf);
    if (hosts.length > 0) this.#timer = setTimeout(() => void this.#take(), LOOK_UP_MS).unref();
    if (JSON.stringify(backends) === JSON.stringify(this.#backends)) return;
    this.#backends = backends;
    this.#parts.onChange();
  }

  async #lookUp(host: string): Promise<readonly [string, string | undefined]> {
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
