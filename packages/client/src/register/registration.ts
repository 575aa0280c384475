import { clientError, isTransient, RollcallError } from "../error.ts";
import { pathOf, type Transport } from "../http/transport.ts";
import { type LeaseSession, openSession } from "../leases.ts";
import type { RegisterBody, RegisteredBody } from "../shapes.ts";
import { backoffMs, pause } from "../wait.ts";
import { startHeartbeats } from "./heartbeats.ts";
import { ENDS, onSignals } from "./signals.ts";

/** What `register` takes: the service, the instance's id and the body of the API. */
export interface RegisterSpec extends RegisterBody {
  readonly service: string;
  readonly id: string;
}

/** `registered`: the latest word of the registry was yes. `away`: it is out of reach or refused, and is tried again. */
export type RegistrationState = "registered" | "away" | "closed";

export interface RegisterOptions {
  /** Refuse when the instance is there already. */
  readonly ifAbsent?: boolean;
  /** Keep trying while the registry is out of reach. Off: the first failure is thrown. */
  readonly patient?: boolean;
  /** Gives up waiting for the first answer. */
  readonly signal?: AbortSignal;
  readonly onState?: (state: RegistrationState, error?: unknown) => void;
  /**
   * `heartbeats` when left out. `connection`: one that is held open says that the instance lives, so that nothing is sent
   * while all is well; heartbeats while it is lost.
   */
  readonly alive?: "heartbeats" | "connection";
  /**
   * With a held connection: when that ends, as it does at once when the program is killed, the instance goes after so long
   * unless the connection is taken up again: 100 is a good value, 50 the least. After its time to live when left out.
   */
  readonly lingerMs?: number;
  /**
   * Signals at which the instance drains, goes, and the program ends as it would have by the signal; `true`: SIGTERM and
   * SIGINT. In Node only.
   */
  readonly endAt?: true | readonly string[];
  /** How long it is shown as draining before it goes at a signal, in ms: 0 when left out. */
  readonly drainMs?: number;
}

/** A registered instance that keeps itself alive until it is closed. */
export interface Registration {
  readonly service: string;
  readonly id: string;
  readonly state: RegistrationState;
  /** The registry's latest answer to the registration. */
  readonly registered: RegisteredBody;
  /** Changes what is registered: a new status, other tags. */
  update(change: Partial<RegisterBody>): Promise<RegisteredBody>;
  /**
   * Stops the heartbeats and deregisters. An instance that is gone already is no error. Throws when the registry is out
   * of reach, after `timeoutMs` at the latest: the instance then goes with its time to live.
   */
  close(): Promise<void>;
  /** Shown as draining for so long, in ms, so that calls go elsewhere; then `close`. */
  drain(ms: number): Promise<void>;
}

export function instancePath(account: string, service: string, id: string, ...rest: readonly string[]): string {
  return pathOf("v2", account, "services", service, "instances", id, ...rest);
}

/** One registration, without heartbeats. */
export function registerOnce(
  transport: Transport,
  spec: RegisterSpec,
  options: Pick<RegisterOptions, "ifAbsent" | "signal"> & { readonly timeoutMs?: number } = {},
): Promise<RegisteredBody> {
  const { service, id, ...json } = spec;
  return transport.json<RegisteredBody>({
    method: "PUT",
    path: instancePath(transport.account, service, id),
    headers: options.ifAbsent ? { "if-none-match": "*" } : undefined,
    json,
    signal: options.signal,
    timeoutMs: options.timeoutMs,
  });
}

/** Registers and goes on heartbeating at a third of the time to live. */
export async function register(
  transport: Transport,
  spec: RegisterSpec,
  options: RegisterOptions = {},
): Promise<Registration> {
  return new Kept(transport, spec, options, await registerPatiently(transport, spec, options));
}

class Kept implements Registration {
  readonly service: string;
  readonly id: string;
  readonly #transport: Transport;
  readonly #options: RegisterOptions;
  readonly #stop = new AbortController();
  readonly #heartbeats;
  #spec: RegisterSpec;
  #registered: RegisteredBody;
  #state: RegistrationState = "registered";
  /** The connection that holds the lease, where one was asked for, and whether it is there. */
  #session: LeaseSession | undefined;
  #isHeld = false;
  #lingerMs: number | undefined;
  #forgetSignals = () => {};
  #closed: Promise<void> | undefined;
  /** The latest of what says the whole registration: one at a time, or an old one could come last. */
  #saying: Promise<unknown> = Promise.resolve();

  constructor(transport: Transport, spec: RegisterSpec, options: RegisterOptions, registered: RegisteredBody) {
    this.service = spec.service;
    this.id = spec.id;
    this.#transport = transport;
    this.#options = options;
    this.#lingerMs = options.lingerMs;
    this.#spec = spec;
    this.#registered = registered;
    this.#heartbeats = startHeartbeats({
      // The owner of a shared lease renews it; a permanent instance needs no heartbeats, and a held connection is one.
      ttlMs: () => (this.#spec.lease === undefined && !this.#isHeld ? this.#registered.ttlMs : null),
      beat: (limitMs) => this.#beat(Math.min(limitMs, transport.timeoutMs)),
      onBeat: () => this.#become("registered"),
      onMissed: (error) => this.#become("away", error),
    });
    this.#hold();
    const { endAt } = options;
    if (endAt !== undefined)
      this.#forgetSignals = onSignals(endAt === true ? ENDS : endAt, () => this.drain(options.drainMs ?? 0));
  }

  get state(): RegistrationState {
    return this.#state;
  }

  get registered(): RegisteredBody {
    return this.#registered;
  }

  async update(change: Partial<RegisterBody>): Promise<RegisteredBody> {
    const registered = await this.#say(change);
    this.#become("registered");
    this.#heartbeats.renewed();
    return registered;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#become("closed");
    this.#forgetSignals();
    this.#stop.abort();
    // What is under way could register again what is about to go.
    await Promise.all([this.#heartbeats.stop(), this.#saying]);
    const timeoutMs = this.#transport.timeoutMs / 2;
    try {
      await deregister(this.#transport, this.service, this.id, timeoutMs);
    } catch (error) {
      if (!isTransient(error)) throw error;
      await deregister(this.#transport, this.service, this.id, timeoutMs);
    } finally {
      // Not before: an instance that is closed is not to go as one whose program was killed.
      this.#session?.close();
    }
  }

  async drain(ms: number): Promise<void> {
    const byMs = performance.now() + ms;
    if (ms > 0) await this.update({ status: "draining" }).catch(() => {});
    await pause(byMs - performance.now(), undefined, true);
    await this.close();
  }

  /** Holds the lease by a connection, where that is asked for; anew when the instance has another lease. */
  #hold(): void {
    const { lease } = this.#registered;
    if (this.#options.alive !== "connection" || this.#spec.lease !== undefined) return;
    if (this.#state === "closed" || lease === (this.#session?.lease ?? null)) return;
    this.#session?.close();
    this.#session = undefined;
    this.#isHeld = false;
    if (lease === null) return;
    const isCurrent = () => this.#session === session && this.#state !== "closed";
    const become = (isHeld: boolean, error?: unknown) => {
      if (!isCurrent()) return;
      this.#isHeld = isHeld;
      this.#become(isHeld ? "registered" : "away", error);
      this.#heartbeats.renewed();
    };
    const session: LeaseSession = openSession(this.#transport, lease, {
      lingerMs: this.#lingerMs,
      onUp: () => become(true),
      onDown: (error) => become(false, error),
    });
    this.#session = session;
    void session.ended.then((error) => {
      if (!isCurrent()) return;
      become(false, error);
      this.#session = undefined;
      if (this.#lingerMs !== undefined && error instanceof RollcallError && error.code === "invalid") {
        // It takes no such linger, or is of a version that knows none: the time to live is enough.
        this.#lingerMs = undefined;
        return this.#hold();
      }
      // The registry does not know the lease any more: register again; what fails is tried again by the heartbeats.
      this.#say({}).catch(() => {});
    });
  }

  #become(next: RegistrationState, error?: unknown): void {
    if (this.#state === "closed" || (this.#state === next && error === undefined)) return;
    this.#state = next;
    this.#options.onState?.(next, error);
  }

  async #beat(timeoutMs: number): Promise<void> {
    const path = instancePath(this.#transport.account, this.service, this.id, "heartbeat");
    try {
      await this.#transport.json({ method: "POST", effect: "same", path, signal: this.#stop.signal, timeoutMs });
    } catch (error) {
      if (!(error instanceof RollcallError) || error.status !== 404) throw error;
      // The registry does not know the lease (it expired, or the store was restored): register again.
      await this.#say({}, timeoutMs);
    }
  }

  /** Registers with a change, which stays only when the registry took it. */
  #say(change: Partial<RegisterBody>, timeoutMs = this.#transport.timeoutMs): Promise<RegisteredBody> {
    const say = async (): Promise<RegisteredBody> => {
      const spec = { ...this.#spec, ...change };
      // A lease of its own and a shared one exclude each other.
      if (change.lease !== undefined) delete spec.ttl;
      else if (change.ttl !== undefined) delete spec.lease;
      this.#registered = await registerOnce(this.#transport, spec, { signal: this.#stop.signal, timeoutMs });
      this.#spec = spec;
      this.#hold();
      return this.#registered;
    };
    const saying = this.#saying.then(say);
    this.#saying = saying.catch(() => {});
    return saying;
  }
}

async function registerPatiently(
  transport: Transport,
  spec: RegisterSpec,
  options: RegisterOptions,
): Promise<RegisteredBody> {
  let unsure = false;
  for (let attempt = 0; ; attempt++) {
    try {
      return await registerOnce(transport, spec, options);
    } catch (error) {
      if (unsure && error instanceof RollcallError && error.code === "exists")
        throw clientError("unknown", `it may be there by an earlier try: ${error.detail}`, error);
      if (options.patient === false || !isTransient(error)) throw error;
      unsure ||= error.unsure;
      options.onState?.("away", error);
      await pause(backoffMs(attempt), options.signal, true);
      options.signal?.throwIfAborted();
    }
  }
}

/** True when it was there. */
export async function deregister(
  transport: Transport,
  service: string,
  id: string,
  timeoutMs?: number,
): Promise<boolean> {
  try {
    await transport.json({ method: "DELETE", path: instancePath(transport.account, service, id), timeoutMs });
    return true;
  } catch (error) {
    // It is gone, perhaps by an earlier try of the same.
    if (error instanceof RollcallError && error.code === "not-found") return error.unsure;
    throw error;
  }
}
