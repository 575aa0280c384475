/**
 * @live The agent beside applications: it registers what is alive on this machine, and keeps a local HAProxy and files right
 * for what the machine calls. What SmartStack's Nerve and Synapse do, and Registrator and skydock for containers.
 *
 *   files, containers ──> local ──checks──> registry
 *   registry ──> watched ──> haproxy, files
 *
 * @rooms agent > load > docker > zookeeper > local > watched > haproxy > files > nerve > synapse > names > tree > host > config
 */
import type { Client } from "@rollcall/client";
import type { Account, Clock, Registry } from "../core/index.ts";
import { Names } from "../net/hosts/names.ts";
import type { AgentConfig, DockerConfig, HaproxyConfig, LocalService } from "./config.ts";
import { Docker } from "./docker/docker.ts";
import { Files } from "./files/files.ts";
import { Haproxy } from "./haproxy/proxy.ts";
import { Once, type Say } from "./host/once.ts";
import { Local } from "./local/local.ts";
import type { Registrar } from "./local/speaker.ts";
import { Watched } from "./watched/watched.ts";
import { Lookout } from "./zookeeper/lookout.ts";
import { reporterAt } from "./zookeeper/reporter.ts";
import { Sessions } from "./zookeeper/sessions.ts";

export { describe, type Loaded, loadConfig, type Sources } from "./load.ts";
export type { AgentConfig };

export interface AgentParts {
  /** To the registry: local instances are registered there. */
  readonly client: Client;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Say;
  /** Of authorities that certificates of checks' targets may be of, besides the system's: PEM. */
  readonly caFile?: string;
}

export class Agent {
  readonly #once: Once;
  readonly #sessions: Sessions;
  readonly #local: Local;
  readonly #files: Files;
  readonly #watched: Watched;
  #config: AgentConfig;
  #proxy: Haproxy | undefined;
  #proxyConfig: HaproxyConfig | null = null;
  #docker: Docker | undefined;
  #dockerConfig: DockerConfig | null = null;
  #containers: readonly LocalService[] = [];
  /** Reloads and the end come one after the other. */
  #changing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor({ client, clock, log, caFile }: AgentParts, config: AgentConfig) {
    this.#config = config;
    this.#once = new Once(log);
    this.#sessions = new Sessions(this.#once);
    const registrarOf = ({ zookeeper }: LocalService): Registrar =>
      zookeeper === undefined
        ? client
        : reporterAt(this.#sessions.of(zookeeper.hosts), zookeeper.path, zookeeper.encodes);
    this.#local = new Local({ registrarOf, clock, caFile, once: this.#once });
    this.#files = new Files(this.#once);
    const names = new Names(clock);
    this.#watched = new Watched({
      ...{ names, once: this.#once, onChange: () => this.#tellWatched() },
      lookOut: ({ hosts, path }, tell) => new Lookout(this.#sessions.of(hosts), path, tell),
    });
    void this.reload(config);
  }

  /** Where services are looked up from now on: the agent's own catalog. What was known stays until it has been read. */
  follow(registry: Registry, account: Account): void {
    if (!this.#isClosed) this.#watched.follow(registry, account);
  }

  /** Brings all to a new configuration: what is the same goes on undisturbed. */
  reload(config: AgentConfig): Promise<void> {
    const change = async (): Promise<void> => {
      if (this.#isClosed) return;
      this.#config = config;
      await this.#changeProxy(config.haproxy);
      await this.#changeDocker(config.docker);
      this.#watched.set(config.watched);
      this.#tellLocal();
      this.#tellWatched();
      const asked = [...config.services, ...config.watched];
      await this.#sessions.keep(asked.flatMap(({ zookeeper }) => (zookeeper === undefined ? [] : [zookeeper.hosts])));
    };
    this.#changing = this.#changing.then(change);
    return this.#changing;
  }

  /** Checks end, then instances go; HAProxy and the files stay as they are. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#changing;
    this.#watched.close();
    await Promise.all([this.#docker?.close(), this.#proxy?.close(), this.#files.close()]);
    await this.#local.close();
    await this.#sessions.keep([]);
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
    const all = this.#config.watched.map((service) => ({
      ...service,
      backends: this.#watched.backendsOf(service.name),
    }));
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
