/**
 * @live The agent beside applications: it registers what is alive on this machine, and keeps a local HAProxy and files right
 * for what the machine calls. What SmartStack's Nerve and Synapse do, and Registrator and skydock for containers.
 *
 *   files, containers ──> local ──checks──> registry
 *   registry ──> watched ──> haproxy, files
 *
 * @rooms agent > load > describe > docker > local > watched > haproxy > files > nerve > synapse > names > tree > host > config
 */
import { hostname } from "node:os";
import type { Client, Snapshots } from "@rollcall/client";
import type { Clock } from "../core/index.ts";
import { Names } from "../net/hosts/names.ts";
import type { AgentConfig, DockerConfig, HaproxyConfig, LocalService, WatchedService } from "./config.ts";
import { Docker } from "./docker/docker.ts";
import { Files } from "./files/files.ts";
import { Haproxy } from "./haproxy/proxy.ts";
import { Once, type Say } from "./host/once.ts";
import { Local } from "./local/local.ts";
import { Watcher } from "./watched/watcher.ts";

export { describe } from "./describe.ts";
export { type Loaded, loadConfig, type Sources } from "./load.ts";
export type { AgentConfig };

export interface AgentParts {
  readonly client: Client;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Say;
  /** Keeps what is known of services over a restart. */
  readonly snapshots?: Snapshots;
  /** Of authorities that certificates of checks' targets may be of, besides the system's: PEM. */
  readonly caFile?: string;
}

export class Agent {
  readonly #parts: AgentParts;
  readonly #once: Once;
  readonly #names: Names;
  readonly #local: Local;
  readonly #files: Files;
  readonly #watchers = new Map<string, Watcher>();
  #config: AgentConfig;
  #proxy: Haproxy | undefined;
  #proxyConfig: HaproxyConfig | null = null;
  #docker: Docker | undefined;
  #dockerConfig: DockerConfig | null = null;
  #containers: readonly LocalService[] = [];
  /** Reloads and the end come one after the other. */
  #changing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(parts: AgentParts, config: AgentConfig) {
    const { client, clock, log, caFile } = parts;
    this.#parts = parts;
    this.#config = config;
    this.#once = new Once(log);
    this.#names = new Names(clock);
    this.#local = new Local({ client, clock, caFile, once: this.#once });
    this.#files = new Files(this.#once);
    void this.reload(config);
  }

  /** Brings all to a new configuration: what is the same goes on undisturbed. */
  reload(config: AgentConfig): Promise<void> {
    const change = async (): Promise<void> => {
      if (this.#isClosed) return;
      this.#config = config;
      await this.#changeProxy(config.haproxy);
      await this.#changeDocker(config.docker);
      this.#changeWatchers(config.watched);
      this.#tellLocal();
      this.#tellWatched();
    };
    this.#changing = this.#changing.then(change);
    return this.#changing;
  }

  /** Checks end, then instances go; HAProxy and the files stay as they are. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#changing;
    for (const watcher of this.#watchers.values()) watcher.close();
    await Promise.all([this.#docker?.close(), this.#proxy?.close(), this.#files.close()]);
    await this.#local.close();
  }

  async #changeProxy(config: HaproxyConfig | null): Promise<void> {
    if (isSame(config, this.#proxyConfig)) return;
    await this.#proxy?.close();
    this.#proxyConfig = config;
    this.#proxy = config === null ? undefined : new Haproxy(config, this.#once);
  }

  /** Containers of an engine that is not asked any more go. */
  async #changeDocker(config: DockerConfig | null): Promise<void> {
    if (isSame(config, this.#dockerConfig)) return;
    await this.#docker?.close();
    // Another engine has other containers; of the same one they stay until it has listed them.
    if (config?.socketPath !== this.#dockerConfig?.socketPath) this.#containers = [];
    this.#dockerConfig = config;
    this.#docker = undefined;
    if (config === null) return;
    this.#docker = new Docker(config, this.#once, (services) => {
      this.#containers = services;
      this.#tellLocal();
    });
  }

  #changeWatchers(services: readonly WatchedService[]): void {
    const wanted = new Set(services.map(({ name }) => name));
    for (const [name, watcher] of this.#watchers) {
      if (wanted.has(name)) continue;
      watcher.close();
      this.#watchers.delete(name);
    }
    for (const service of services) {
      const known = this.#watchers.get(service.name);
      if (known === undefined) this.#watchers.set(service.name, this.#watch(service));
      else if (!isSame(known.service, service)) known.change(service);
    }
  }

  #watch(service: WatchedService): Watcher {
    const { client, snapshots } = this.#parts;
    return new Watcher(service, {
      ...{ client, snapshots, names: this.#names, once: this.#once, consumer: hostname() },
      onChange: () => this.#tellWatched(),
    });
  }

  /** Of two that are the same instance, the file's stays. */
  #tellLocal(): void {
    if (this.#isClosed) return;
    const { services } = this.#config;
    const own = new Set(services.map(({ service, id }) => `${service}/${id}`));
    this.#local.set([...services, ...this.#containers.filter(({ service, id }) => !own.has(`${service}/${id}`))]);
  }

  #tellWatched(): void {
    if (this.#isClosed) return;
    // In the order of the file, as its sections stand there.
    const watchers = this.#config.watched.flatMap(({ name }) => this.#watchers.get(name) ?? []);
    const all = watchers.map(({ service, backends }) => ({ ...service, backends }));
    this.#proxy?.set(
      all.flatMap(({ name, haproxy, backends }) => (haproxy === null ? [] : [{ name, haproxy, backends }])),
    );
    this.#files.set(
      all.flatMap(({ name, outputs, backends }) => outputs.map((output) => ({ name, output, backends }))),
    );
  }
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
