/** @live The containers of this machine as instances, by the Engine's events. While the Engine is away, they stay as they are. */
import { setTimeout as sleep } from "node:timers/promises";
import { sayWhy } from "../../net/why.ts";
import type { DockerConfig, LocalService } from "../config.ts";
import type { Once } from "../host/once.ts";
import { servicesOf } from "./containers.ts";
import { Engine } from "./engine.ts";

const ABOUT = "Docker";
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 15_000;
/** After these a container is another one; what runs in it (`exec_start: …`) changes nothing. */
const TELLING = /^(?:start|die|stop|kill|destroy|pause|unpause|rename|update|oom|health_status(?::.*)?)$/;

export class Docker {
  readonly #config: DockerConfig;
  readonly #once: Once;
  readonly #tell: (services: readonly LocalService[]) => void;
  readonly #stop = new AbortController();
  readonly #services = new Map<string, readonly LocalService[]>();
  readonly #running: Promise<void>;

  /** `tell`: all of them, each time that one changed; not called before the Engine has listed them. */
  constructor(config: DockerConfig, once: Once, tell: (services: readonly LocalService[]) => void) {
    this.#config = config;
    this.#once = once;
    this.#tell = tell;
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#follow(() => {
          failures = 0;
        });
        if (!signal.aborted) throw new Error("it ended the connection");
      } catch (error) {
        if (signal.aborted) return;
        this.#once.trouble(ABOUT, `${this.#config.socketPath}: ${sayWhy(error)}`);
        const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures++, 10));
        await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  async #follow(onListed: () => void): Promise<void> {
    const { signal } = this.#stop;
    const engine = new Engine(this.#config.socketPath);
    // First the events, then the list: nothing falls between them.
    const events = await engine.events(signal);
    const ids = await engine.running(signal);
    for (const id of [...this.#services.keys()]) if (!ids.includes(id)) this.#services.delete(id);
    for (const id of ids) await this.#read(engine, id);
    this.#say();
    this.#once.over(ABOUT);
    onListed();
    for await (const { Action, status, Actor, id } of events) {
      const container = Actor?.ID ?? id;
      if (container === undefined || !TELLING.test(Action ?? status ?? "")) continue;
      await this.#read(engine, container);
      this.#say();
    }
  }

  async #read(engine: Engine, id: string): Promise<void> {
    const container = await engine.container(id, this.#stop.signal);
    const services = container === undefined ? [] : servicesOf(container, this.#config);
    if (services.length === 0) this.#services.delete(id);
    else this.#services.set(id, services);
  }

  #say(): void {
    if (!this.#stop.signal.aborted) this.#tell([...this.#services.values()].flat());
  }
}
