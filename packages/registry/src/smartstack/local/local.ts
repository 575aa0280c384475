/** @live All instances on this machine that the agent speaks for. */
import type { Clock } from "../../core/index.ts";
import type { LocalService } from "../config.ts";
import type { Once } from "../host/once.ts";
import { Examiner } from "./examiner.ts";
import { type Registrar, Speaker } from "./speaker.ts";

export interface LocalParts {
  registrarOf(service: LocalService): Registrar;
  readonly clock: Pick<Clock, "monotonic">;
  readonly once: Once;
  /** Of authorities that certificates of checks' targets may be of, besides the system's: PEM. */
  readonly caFile: string | undefined;
}

export class Local {
  readonly #parts: LocalParts;
  readonly #examiner: Examiner;
  readonly #speakers = new Map<string, Speaker>();
  /** Those that go. */
  readonly #leaving = new Map<string, Promise<void>>();
  #wanted: readonly LocalService[] = [];
  #isClosed = false;

  constructor(parts: LocalParts) {
    this.#parts = parts;
    this.#examiner = new Examiner(parts.clock, parts.caFile);
  }

  /** What is the same goes on undisturbed. */
  set(services: readonly LocalService[]): void {
    if (this.#isClosed) return;
    this.#wanted = services;
    const wanted = new Map(services.map((service) => [keyOf(service), service]));
    for (const [key, speaker] of this.#speakers) if (!wanted.has(key)) this.#end(key, speaker);
    for (const [key, service] of wanted) {
      const known = this.#speakers.get(key);
      if (known !== undefined) {
        if (JSON.stringify(known.service) !== JSON.stringify(service)) known.change(service);
      } else if (!this.#leaving.has(key)) {
        const { once } = this.#parts;
        const registrar = this.#parts.registrarOf(service);
        this.#speakers.set(key, new Speaker(service, { registrar, once, examiner: this.#examiner }));
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const [key, speaker] of this.#speakers) this.#end(key, speaker);
    await Promise.all(this.#leaving.values());
    this.#examiner.close();
  }

  /** One that comes back before it went waits, or its end would take it away again. */
  #end(key: string, speaker: Speaker): void {
    this.#speakers.delete(key);
    const leaving = speaker.close().finally(() => {
      this.#leaving.delete(key);
      this.set(this.#wanted);
    });
    this.#leaving.set(key, leaving);
  }
}

/** At another ZooKeeper it is another one: it is made there, and goes here. */
function keyOf({ service, id, zookeeper }: LocalService): string {
  return JSON.stringify([service, id, zookeeper]);
}
