/** Calls to services by their names: `fetch("http://orders/path")`. */

import type { Client } from "../client.ts";
import { clientError } from "../error.ts";
import type { Taken } from "../find/balance/balancer.ts";
import type { DiscoverOptions, Discovery } from "../find/discovery.ts";
import { wasNeverSent } from "../http/failure.ts";
import type { InstanceBody } from "../shapes.ts";
import { createDispatcher, type Dispatcher } from "./dispatcher.ts";

export interface CallerOptions extends Omit<DiscoverOptions, "onChange"> {
  /** Which hosts of URLs are services, and their names; undefined: none. One label without a dot when left out, but `localhost`. */
  readonly toService?: (host: string) => string | undefined;
  /** The name of the port that is called, of those that the instances have; the main port when left out. */
  readonly port?: string;
  /** How many instances a call tries at most: 3 when left out. */
  readonly attempts?: number;
  /** How long a call waits for the first answer about its service, in ms: 10 000 when left out. */
  readonly timeoutMs?: number;
  /** The key of a call, for `rendezvous`. */
  readonly toKey?: (url: URL) => string | undefined;
  readonly fetch?: typeof globalThis.fetch;
}

/** Where a call goes. */
export interface Route {
  readonly taken: Taken;
  /** `10.0.0.1:8080`, `[::1]:8080`. */
  readonly host: string;
}

export interface Caller {
  /**
   * As the platform's own, but a host that names a service becomes the address of one of its instances. When an instance
   * cannot be reached another one is tried, if that does no harm: nothing was sent, or the method may be repeated
   * (RFC 9110, 9.2.2), and the body is no stream. An answer of 500 and more counts against the instance and is answered.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** The same for undici and for all that takes its dispatchers; `inner` does the calls, undici's global one when left out. */
  dispatcher(inner?: Dispatcher): Dispatcher;
  /** An instance of a service, for clients of other protocols: `done` must be called. Throws `RollcallError` when there is none. */
  route(service: string, key?: string): Promise<Route>;
  /** The service's instances as this caller follows them. */
  discovery(service: string): Discovery;
  close(): void;
}

/** So many services are followed at once at most; what was not called for the longest time is let go. */
const SERVICES_MAX = 1000;

/** Follows each service from its first call on. */
export function createCaller(client: Pick<Client, "discover">, options: CallerOptions = {}): Caller {
  const routes = new Routes(client, options);
  const { attempts = 3, toService = byLabel, toKey } = options;
  const plainFetch: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));

  async function fetchByName(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const isRequest = typeof input === "object" && !(input instanceof URL);
    const url = new URL(isRequest ? input.url : input);
    const service = toService(url.hostname);
    if (service === undefined) return plainFetch(input, init);
    const key = toKey?.(url);
    const method = (init?.method ?? (isRequest ? input.method : "GET")).toUpperCase();
    const body = init?.body ?? (isRequest ? input.body : undefined);
    const canRepeat = !isStream(body);
    for (let attempt = 1; ; attempt++) {
      const { taken, host } = await routes.take(service, key);
      url.host = host;
      try {
        const response = await plainFetch(isRequest ? new Request(url, input) : url, init);
        taken.done(response.status < 500);
        return response;
      } catch (error) {
        const signal = init?.signal ?? (isRequest ? input.signal : undefined);
        // Its caller gave up: that says nothing of the instance.
        taken.done(signal?.aborted === true);
        const mayRepeat = canRepeat && (wasNeverSent(error) || IDEMPOTENT.has(method));
        if (signal?.aborted || attempt >= attempts || !mayRepeat) throw error;
      }
    }
  }

  return {
    fetch: fetchByName,
    dispatcher: (inner) => createDispatcher(routes, { toService, toKey }, inner),
    route: async (service, key) => routes.take(service, key),
    discovery: (service) => routes.discovery(service),
    close: () => routes.close(),
  };
}

/** RFC 9110, 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** The service that a host of a URL names, unless `CallerOptions.toService` says it otherwise. */
export function byLabel(host: string): string | undefined {
  return host === "localhost" || /[.:[]/.test(host) ? undefined : host;
}

function isStream(body: unknown): boolean {
  return typeof body === "object" && body !== null && (body instanceof ReadableStream || Symbol.asyncIterator in body);
}

/** The services that are called, each followed from its first call on. */
export class Routes {
  readonly #client: Pick<Client, "discover">;
  readonly #options: CallerOptions;
  /** By name; those called last come last. */
  readonly #followed = new Map<string, { readonly discovery: Discovery; isReady: boolean }>();

  constructor(client: Pick<Client, "discover">, options: CallerOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Synchronously where the service is known, so that a call costs no turn of the event loop. */
  take(service: string, key?: string): Route | Promise<Route> {
    const followed = this.#follow(service);
    return followed.isReady ? this.#route(followed.discovery, key) : this.#takeLater(followed.discovery, key);
  }

  discovery(service: string): Discovery {
    return this.#follow(service).discovery;
  }

  close(): void {
    for (const { discovery } of this.#followed.values()) discovery.close();
    this.#followed.clear();
  }

  async #takeLater(discovery: Discovery, key: string | undefined): Promise<Route> {
    const { timeoutMs = 10_000 } = this.#options;
    const { service } = discovery;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const detail = `nothing is known of service "${service}" after ${timeoutMs} ms`;
      timer = setTimeout(() => reject(clientError("unreachable", detail)), timeoutMs);
    });
    try {
      await Promise.race([discovery.ready, late]);
    } finally {
      clearTimeout(timer);
    }
    return this.#route(discovery, key);
  }

  #route(discovery: Discovery, key: string | undefined): Route {
    const taken = discovery.take(key);
    if (taken === undefined) throw clientError("no-instance", `service "${discovery.service}" has no instance`);
    const host = hostOf(taken.instance, this.#options.port);
    if (host !== undefined) return { taken, host };
    taken.done(true);
    const { id } = taken.instance;
    const which = this.#options.port === undefined ? "no port" : `no port "${this.#options.port}"`;
    throw clientError("no-instance", `instance "${id}" of service "${discovery.service}" has ${which}`);
  }

  #follow(service: string): { readonly discovery: Discovery; isReady: boolean } {
    const known = this.#followed.get(service);
    if (known !== undefined) {
      if (this.#followed.size > SERVICES_MAX / 2) {
        this.#followed.delete(service);
        this.#followed.set(service, known);
      }
      return known;
    }
    const { toService: _s, port: _p, attempts: _a, timeoutMs: _t, toKey: _k, fetch: _f, ...rest } = this.#options;
    const followed = { discovery: this.#client.discover(service, rest), isReady: false };
    followed.discovery.ready.then(
      () => {
        followed.isReady = true;
      },
      // Refused: the next call asks anew.
      () => this.#forget(service, followed.discovery),
    );
    this.#followed.set(service, followed);
    const [oldest] = this.#followed;
    if (this.#followed.size > SERVICES_MAX && oldest !== undefined) this.#forget(oldest[0], oldest[1].discovery);
    return followed;
  }

  #forget(service: string, discovery: Discovery): void {
    discovery.close();
    if (this.#followed.get(service)?.discovery === discovery) this.#followed.delete(service);
  }
}

/** Undefined when the instance has no such port. */
function hostOf({ address, port, ports }: InstanceBody, name: string | undefined): string | undefined {
  const found = name === undefined ? port : (ports[name] ?? 0);
  if (found === 0) return undefined;
  return address.includes(":") ? `[${address}]:${found}` : `${address}:${found}`;
}
