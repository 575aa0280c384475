import { isTransient, RollcallError } from "./error.ts";
import { pathOf, type Transport } from "./http/transport.ts";
import type { RegisterBody, RegisteredBody } from "./shapes.ts";
import { backoffMs, jitter, pause } from "./wait.ts";

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
  /** Stops the heartbeats and deregisters. An instance that is gone already is no error. */
  close(): Promise<void>;
}

export function instancePath(account: string, service: string, id: string, ...rest: readonly string[]): string {
  return pathOf("v2", account, "services", service, "instances", id, ...rest);
}

/** One registration, without heartbeats. */
export function registerOnce(
  transport: Transport,
  spec: RegisterSpec,
  options: Pick<RegisterOptions, "ifAbsent" | "signal"> = {},
): Promise<RegisteredBody> {
  const { service, id, ...json } = spec;
  return transport.json<RegisteredBody>({
    method: "PUT",
    path: instancePath(transport.account, service, id),
    headers: options.ifAbsent ? { "if-none-match": "*" } : undefined,
    json,
    signal: options.signal,
  });
}

/** Registers and goes on heartbeating at a third of the time to live. */
export async function register(
  transport: Transport,
  spec: RegisterSpec,
  options: RegisterOptions = {},
): Promise<Registration> {
  let current = spec;
  let registered = await registerPatiently(transport, spec, options);
  let state: RegistrationState = "registered";
  const stop = new AbortController();

  function become(next: RegistrationState, error?: unknown): void {
    if (state === "closed" || (state === next && error === undefined)) return;
    state = next;
    options.onState?.(next, error);
  }

  async function beat(): Promise<void> {
    const path = instancePath(transport.account, spec.service, spec.id, "heartbeat");
    try {
      await transport.json({ method: "POST", path, signal: stop.signal });
    } catch (error) {
      if (!(error instanceof RollcallError) || error.status !== 404) throw error;
      // The registry does not know the lease (it expired, or the store was restored): register again.
      registered = await registerOnce(transport, current, { signal: stop.signal });
    }
  }

  async function keepAlive(): Promise<void> {
    let failures = 0;
    // An update may have made it permanent.
    while (!stop.signal.aborted && registered.ttlMs !== null) {
      const { ttlMs } = registered;
      const thirdMs = jitter(ttlMs / 3);
      await pause(failures === 0 ? thirdMs : Math.min(thirdMs, backoffMs(failures)), stop.signal);
      if (stop.signal.aborted) return;
      try {
        await beat();
        failures = 0;
        become("registered");
      } catch (error) {
        failures++;
        become("away", error);
      }
    }
  }

  // The owner of a shared lease renews it; a permanent instance needs no heartbeats.
  const beats = spec.lease === undefined && registered.ttlMs !== null;
  const running = beats ? keepAlive() : Promise.resolve();

  return {
    service: spec.service,
    id: spec.id,
    get state() {
      return state;
    },
    get registered() {
      return registered;
    },
    async update(change) {
      current = { ...current, ...change };
      registered = await registerOnce(transport, current, { signal: stop.signal });
      return registered;
    },
    async close() {
      if (state === "closed") return;
      become("closed");
      stop.abort();
      await running;
      await deregister(transport, spec.service, spec.id);
    },
  };
}

async function registerPatiently(
  transport: Transport,
  spec: RegisterSpec,
  options: RegisterOptions,
): Promise<RegisteredBody> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await registerOnce(transport, spec, options);
    } catch (error) {
      if (options.patient === false || !isTransient(error)) throw error;
      options.onState?.("away", error);
      await pause(backoffMs(attempt), options.signal, true);
      options.signal?.throwIfAborted();
    }
  }
}

/** True when it was there. */
export async function deregister(transport: Transport, service: string, id: string): Promise<boolean> {
  try {
    await transport.json({ method: "DELETE", path: instancePath(transport.account, service, id) });
    return true;
  } catch (error) {
    if (error instanceof RollcallError && error.code === "not-found") return false;
    throw error;
  }
}
