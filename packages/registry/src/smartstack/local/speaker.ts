/** @live Speaks for one instance on this machine: it is registered while its checks pass, and told of on change only. */
import type { RegisterSpec } from "@rollcall/client";
import type { Status } from "../../core/index.ts";
import type { LocalCheck, LocalService } from "../config.ts";
import type { Once } from "../host/once.ts";
import type { Examiner } from "./examiner.ts";
import { isLocal, standingOf } from "./standing.ts";

/** What is registered, as long as it is. */
export interface Reported {
  update(spec: RegisterSpec): Promise<unknown>;
  close(): Promise<void>;
}

/** Where an instance is registered: the registry, by the SDK, or a ZooKeeper. */
export interface Registrar {
  register(
    spec: RegisterSpec,
    options: { readonly patient: true; readonly alive: "connection"; readonly signal: AbortSignal },
  ): Promise<Reported>;
  deregister(service: string, id: string): Promise<unknown>;
}

export interface SpeakerParts {
  readonly registrar: Registrar;
  readonly examiner: Examiner;
  readonly once: Once;
}

const RETRY_MS = 2000;

export class Speaker {
  readonly #parts: SpeakerParts;
  #service: LocalService;
  readonly #found = new Map<string, Status>();
  #ends: (() => void)[] = [];
  #registration: Reported | undefined;
  /** What the registry was told last; null for nothing, or that it went. */
  #told: Status | null = null;
  /** The registry was asked to have it, and has not been seen to let it go. */
  #mayBeThere = false;
  /** What is registered is not what the configuration says now. */
  #isOld = false;
  #isDirty = false;
  #working: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Ends a registration that still waits for the registry. */
  #asking = new AbortController();
  #isClosed = false;

  constructor(service: LocalService, parts: SpeakerParts) {
    this.#service = service;
    this.#parts = parts;
    this.#examine();
  }

  get service(): LocalService {
    return this.#service;
  }

  /** The same instance, otherwise described. It stays as it is registered until its checks have been run. */
  change(service: LocalService): void {
    const isSame = JSON.stringify(this.#service.checks) === JSON.stringify(service.checks);
    const isThere = this.#service.address === service.address && this.#service.port === service.port;
    this.#service = service;
    this.#isOld = true;
    if (isSame && isThere) this.#work();
    else this.#examine();
  }

  /** Checks end first: what one finds could register again what goes. */
  async close(): Promise<void> {
    this.#stop();
    this.#isClosed = true;
    this.#work();
    await this.#working;
  }

  #stop(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
  }

  #examine(): void {
    this.#stop();
    this.#found.clear();
    const own = this.#service.checks.filter(isLocal);
    this.#ends = own.map((check) =>
      this.#parts.examiner.examine(this.#service, check, (...found) => this.#take(check, ...found)),
    );
    this.#work();
  }

  #take({ id, name }: LocalCheck, status: Status, output: string): void {
    this.#found.set(id, status);
    const about = `${this.#name}, check ${name || id}`;
    if (status === "critical") this.#parts.once.trouble(about, output.split("\n")[0] ?? "");
    else this.#parts.once.over(about);
    this.#work();
  }

  get #name(): string {
    return `${this.#service.service}/${this.#service.id}`;
  }

  #work(): void {
    this.#isDirty = true;
    clearTimeout(this.#timer);
    if (this.#wanted() === null) this.#asking.abort();
    this.#working ??= this.#workAll();
  }

  #wanted(): Status | null | undefined {
    return this.#isClosed ? null : standingOf(this.#service, this.#found);
  }

  async #workAll(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false;
      try {
        await this.#bring();
        this.#parts.once.over(this.#name);
      } catch (error) {
        if (this.#isDirty) continue;
        this.#parts.once.trouble(this.#name, (error as Error).message);
        if (!this.#isClosed) this.#timer = setTimeout(() => this.#work(), RETRY_MS).unref();
      }
    }
    this.#working = undefined;
  }

  async #bring(): Promise<void> {
    const wanted = this.#wanted();
    if (wanted === undefined) return;
    if (wanted === null) {
      if (this.#mayBeThere) await this.#withdraw();
      return;
    }
    if (wanted === this.#told && !this.#isOld) return;
    this.#mayBeThere = true;
    this.#isOld = false;
    const spec = toSpec(this.#service, wanted);
    try {
      if (this.#registration === undefined) {
        this.#asking = new AbortController();
        // Nothing is sent while all is well; once the agent is gone the time to live runs, as it does when it is restarted.
        const options = { patient: true, alive: "connection", signal: this.#asking.signal } as const;
        this.#registration = await this.#parts.registrar.register(spec, options);
      } else await this.#registration.update(spec);
    } catch (error) {
      this.#isOld = true;
      throw error;
    }
    this.#told = wanted;
  }

  /** What the registry could not be told is told again: it may come back, and show the instance for as long as its lease. */
  async #withdraw(): Promise<void> {
    const { service, id } = this.#service;
    const registration = this.#registration;
    this.#registration = undefined;
    this.#told = null;
    this.#isOld = false;
    if (registration === undefined) await this.#parts.registrar.deregister(service, id);
    else await registration.close();
    this.#mayBeThere = false;
  }
}

function toSpec(service: LocalService, status: Status): RegisterSpec {
  const { address, port, protocol, tags, meta, version, zone, weight, ttlMs, id } = service;
  const checks = service.checks
    .filter((check) => check.kind === "ttl")
    .map((check) => ({ id: check.id, kind: check.kind, name: check.name, interval: `${check.intervalMs}ms` }));
  return {
    ...{ service: service.service, id, address, status, weight, protocol, version, zone, checks },
    ports: port === 0 ? {} : { default: port },
    tags: [...tags],
    meta: { ...meta },
    ttl: `${ttlMs}ms`,
  };
}
